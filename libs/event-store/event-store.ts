import type { Position, StoredEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';

/** What an append says of its place. */
export interface WriteResult {
  /** The stream's version after the append: how many events it holds. */
  readonly version: number;
  /** Position of the last event appended. */
  readonly position: Position;
}

/**
 * The log: append-only streams of events in one total order. Anything acknowledged is on disk.
 * Every method may throw `Unavailable`.
 */
export abstract class EventStore {
  /** Before every event of this log; the only position that is not an event's. */
  abstract readonly start: Position;

  /** Whether this process can't append: an embedded log has one writer, a server any number. */
  abstract readonly readOnly: boolean;

  /**
   * Appends all `events` or none, if the stream now holds exactly `expectedVersion` events (0: there is no such stream).
   * A repeated append (same ids, same expected version) is answered as the first time, also after later appends.
   * That ids are unique is up to who makes them: an id that an event elsewhere has is not looked for.
   * @throws ConcurrencyError when the stream has another version.
   * @throws RangeError when the events, as JSON, are larger than 1,000,000 bytes together.
   */
  abstract append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<WriteResult>;

  /**
   * The events of a stream with versions above `afterVersion`, oldest first, at most `limit` of them (1 to 10,000).
   * A stream that does not exist is empty.
   * @throws UnreadableEvent at an event that today's door refuses.
   */
  abstract read(stream: string, afterVersion: number, limit: number): Promise<readonly RecordedEvent[]>;

  /** The position of the newest event, or `start`. */
  abstract head(): Promise<Position>;

  /** How many events lie behind `after`, up to and with `upTo`; null where this engine can't tell without reading them. */
  abstract countBetween(after: Position, upTo: Position): number | null;

  /** Whether this text is a position that this log has handed out or may have. */
  abstract isPosition(text: string): boolean;

  /**
   * Every event after `after`, in order, in batches of at most `batchSize`: first what is there, then what comes, without end,
   * gap or repeat. Pulled: at most a few batches are held in memory. Ends when `signal` aborts. Throws when the log can't be
   * read (go on from the last position), RangeError behind no event of this log where the engine can tell, and `UnreadableEvent` at an event that today's door refuses, after all events before it.
   */
  abstract follow(after: Position, options: FollowOptions): AsyncIterable<EventBatch>;

  abstract close(): Promise<void>;
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Default 1,000. */
  readonly batchSize?: number;
}

export interface EventBatch {
  readonly events: readonly RecordedEvent[];
  /** Position of the last event. */
  readonly position: Position;
}

/** Every event of a stream with a version above `afterVersion`, oldest first. Reads pages of 1,000 events as they are consumed. */
export async function* readStream(
  store: Pick<EventStore, 'read'>,
  stream: string,
  afterVersion = 0,
): AsyncGenerator<RecordedEvent> {
  const pageSize = 1_000;
  for (let version = afterVersion; ;) {
    const events = await store.read(stream, version, pageSize);
    yield* events;
    version += events.length;
    if (events.length < pageSize) return;
  }
}

/** Somebody else appended first: read again and decide again. */
export class ConcurrencyError extends Error {
  override readonly name = 'ConcurrencyError';
  constructor(
    readonly stream: string,
    readonly expectedVersion: number,
    readonly actualVersion: number,
  ) {
    super(`stream ${stream} is at version ${actualVersion}, not ${expectedVersion}`);
  }
}

/** The store can't be reached or can't write now. What was asked was not acknowledged; it may be asked again. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}
