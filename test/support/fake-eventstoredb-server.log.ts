/** What a server of EventStoreDB's protocol has stored: the part of its rules that the adapter meets. */
export interface StoredRecord {
  /** Where its record begins. Records have lengths: not every number is a place. */
  readonly commitPosition: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
}

export type ProposedEvent = Pick<StoredRecord, 'id' | 'type' | 'contentType' | 'data'>;

/** A revision, -1 for "no stream", or any. */
export type ExpectedRevision = bigint | 'any';

export class WrongVersion {
  constructor(readonly actual: bigint) {}
}

const forgotten = 2n ** 63n - 1n;

export class StoredLog {
  readonly all: StoredRecord[] = [];
  /** False: a repeated append is refused for its version, as after the server has forgotten that it was done. */
  deduplicatesAppends = true;
  readonly #streams = new Map<string, StoredRecord[]>();
  readonly #truncatedBefore = new Map<string, bigint>();
  #end = 1_000n;

  /** The place of the last event. */
  append(stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): StoredRecord | WrongVersion {
    const stored = this.#streams.get(stream) ?? [];
    const current = BigInt(stored.length) - 1n;
    const deleted = this.#truncatedBefore.get(stream) === forgotten;
    if (expected !== 'any' && expected !== current && !(deleted && expected === -1n)) {
      const repeated = stored.slice(Number(expected) + 1, Number(expected) + 1 + events.length);
      const same = repeated.length === events.length && repeated.every(({ id }, i) => id === events[i]!.id);
      return this.deduplicatesAppends && same && expected < current
        ? repeated.at(-1)!
        : new WrongVersion(deleted ? -1n : current);
    }
    if (deleted) this.#truncatedBefore.set(stream, BigInt(stored.length));
    this.#streams.set(stream, stored);
    for (const event of events) {
      const record = { ...event, stream, revision: BigInt(stored.length), commitPosition: this.#end };
      this.#end += 100n + BigInt(event.data.length);
      stored.push(record);
      this.all.push(record);
    }
    if (stream.startsWith('$$')) this.#heed(stream.slice(2), events.at(-1)!);
    return stored.at(-1)!;
  }

  /** Soft: what is there can't be read any more, and the stream may begin anew. */
  delete(stream: string, expected: ExpectedRevision): WrongVersion | undefined {
    const current = BigInt(this.#streams.get(stream)?.length ?? 0) - 1n;
    if (expected !== 'any' && expected !== current) return new WrongVersion(current);
    const data = Buffer.from('{"$tb":9223372036854775807}');
    this.append(`$$${stream}`, 'any', [{ id: '', type: '$metadata', contentType: 'application/json', data }]);
    return undefined;
  }

  /** Undefined if there is no such stream. */
  read(stream: string): readonly StoredRecord[] | undefined {
    const before = this.#truncatedBefore.get(stream) ?? 0n;
    return before === forgotten ? undefined : this.#streams.get(stream)?.slice(Number(before));
  }

  #heed(stream: string, { data }: ProposedEvent): void {
    const tb = /"\$tb":(\d+)/.exec(Buffer.from(data).toString())?.[1];
    if (tb !== undefined) this.#truncatedBefore.set(stream, BigInt(tb));
  }
}
