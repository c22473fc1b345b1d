import type { KeyFingerprintStore } from '../key-fingerprint-store.js';
import type { LogConnections } from './log-connections.js';

/** The fingerprint in the `log` table. */
export class SqliteKeyFingerprintStore implements KeyFingerprintStore {
  constructor(private readonly log: LogConnections) {}

  async find(): Promise<string | undefined> {
    return this.log.read(() => this.read());
  }

  saveIfAbsent(fingerprint: string): Promise<string> {
    return this.log.write(() => {
      this.log.file.db.prepare('UPDATE log SET key_fingerprint = ? WHERE key_fingerprint IS NULL').run(fingerprint);
      return this.read()!;
    });
  }

  /** Selects all columns, because the log of an older release, opened for reading, has no column `key_fingerprint`. */
  private read(): string | undefined {
    const row = this.log.file.db.prepare('SELECT * FROM log').get() as { key_fingerprint?: string | null };
    return row.key_fingerprint ?? undefined;
  }
}
