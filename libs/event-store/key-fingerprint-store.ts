/**
 * The fingerprint of the key that the log's contact keys are derived from. It is stored in the log and is as durable as its
 * events. Once stored, it never changes.
 */
export abstract class KeyFingerprintStore {
  abstract find(): Promise<string | undefined>;

  /** Stores the fingerprint unless there is one already. Returns the stored one. */
  abstract saveIfAbsent(fingerprint: string): Promise<string>;
}
