export interface StoredRecord {
  /** Where the record starts. Records have a length, so not every number is the position of one. */
  readonly commitPosition: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
}

export type ProposedEvent = Pick<StoredRecord, 'id' | 'type' | 'contentType' | 'data'>;

/** -1 means "no stream". */
export type ExpectedRevision = bigint | 'any';

export class WrongVersion {
  constructor(readonly actual: bigint) {}
}

/** The value of `$tb` that marks a stream as deleted. */
const deletedMark = 2n ** 63n - 1n;

/** What a fake EventStoreDB has stored, with those of the server's rules that the adapter depends on. */
export class StoredLog {
  readonly all: StoredRecord[] = [];
  /** False: a repeated append is rejected because of its version, as by a server that no longer remembers the first one. */
  deduplicatesAppends = true;
  private readonly streams = new Map<string, StoredRecord[]>();
  private readonly truncatedBefore = new Map<string, bigint>();
  private endPosition = 1_000n;

  /** Returns the last record. */
  append(stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): StoredRecord | WrongVersion {
    const stored = this.streams.get(stream) ?? [];
    const current = BigInt(stored.length) - 1n;
    const isDeleted = this.truncatedBefore.get(stream) === deletedMark;
    if (expected !== 'any' && expected !== current && !(isDeleted && expected === -1n)) {
      const candidates = stored.slice(Number(expected) + 1, Number(expected) + 1 + events.length);
      const isRepeated =
        candidates.length === events.length && candidates.every(({ id }, index) => id === events[index]!.id);
      return this.deduplicatesAppends && isRepeated && expected < current
        ? candidates.at(-1)!
        : new WrongVersion(isDeleted ? -1n : current);
    }
    if (isDeleted) this.truncatedBefore.set(stream, BigInt(stored.length));
    this.streams.set(stream, stored);
    for (const event of events) {
      const record = { ...event, stream, revision: BigInt(stored.length), commitPosition: this.endPosition };
      this.endPosition += 100n + BigInt(event.data.length);
      stored.push(record);
      this.all.push(record);
    }
    if (stream.startsWith('$$')) this.applyMetadata(stream.slice(2), events.at(-1)!);
    return stored.at(-1)!;
  }

  /** A soft delete: the events can no longer be read, and the stream may be created again. */
  delete(stream: string, expected: ExpectedRevision): WrongVersion | undefined {
    const current = BigInt(this.streams.get(stream)?.length ?? 0) - 1n;
    if (expected !== 'any' && expected !== current) return new WrongVersion(current);
    const data = Buffer.from('{"$tb":9223372036854775807}');
    this.append(`$$${stream}`, 'any', [{ id: '', type: '$metadata', contentType: 'application/json', data }]);
    return undefined;
  }

  /** Undefined if the stream does not exist. */
  read(stream: string): readonly StoredRecord[] | undefined {
    const before = this.truncatedBefore.get(stream) ?? 0n;
    return before === deletedMark ? undefined : this.streams.get(stream)?.slice(Number(before));
  }

  private applyMetadata(stream: string, { data }: ProposedEvent): void {
    const truncateBefore = /"\$tb":(\d+)/.exec(Buffer.from(data).toString())?.[1];
    if (truncateBefore !== undefined) this.truncatedBefore.set(stream, BigInt(truncateBefore));
  }
}
