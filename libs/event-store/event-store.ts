import type { Position, StoredEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';

/** The result of an append. */
export interface WriteResult {
  /** The stream's version after the append: the number of its events. */
  readonly version: number;
  /** Position of the last event appended. */
  readonly position: Position;
}

/**
 * The event log: append-only streams of events in one total order. Acknowledged events are on disk.
 * Every method may throw `Unavailable`.
 */
export abstract class EventStore {
  /** The position before every event of this log; the only one that is not an event's. */
  abstract readonly start: Position;

  /** Whether this process cannot append. An embedded log has one writer; a server has any number. */
  abstract readonly readOnly: boolean;

  /**
   * Appends all `events` or none, provided that the stream has exactly `expectedVersion` events (0: the stream does not exist).
   * A repeated append (same ids, same expected version) returns the first result, also after later appends.
   * The caller must create unique ids: an append does not look for its ids in other streams.
   * @throws ConcurrencyError if the stream has another version.
   * @throws RangeError if the events are larger than 1,000,000 bytes together, as JSON.
   * @throws TypeError if the stream's kind is not in `streamKinds`, or an event has no type or no UUID.
   */
  abstract append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<WriteResult>;

  /**
   * The events of a stream with versions above `afterVersion`, oldest first, at most `limit` of them (1 to 10,000).
   * Returns no events for a stream that does not exist.
   * @throws UnreadableEvent at an event that the event codec cannot decode.
   * @throws MissingEvents if a version is missing. A stream is never returned in part.
   */
  abstract read(stream: string, afterVersion: number, limit: number): Promise<readonly RecordedEvent[]>;

  /**
   * Checks that the log can be used: that it can be reached, and that its files are those that were opened.
   * @throws Unavailable with the reason
   */
  abstract check(): Promise<void>;

  /** The position of the newest event, or `start`. */
  abstract head(): Promise<Position>;

  /** The number of events after `after`, up to and including `upTo`; null if this engine would have to read them. */
  abstract countBetween(after: Position, upTo: Position): number | null;

  /** Whether the text is a position of this log. An engine may also accept positions that it has not handed out yet. */
  abstract isPosition(text: string): boolean;

  /**
   * Every event after `after`, in order, in batches of at most `batchSize`: first the events that exist, then new ones as they are
   * appended, without gap or repeat. Events are pulled, so at most a few batches are in memory. Ends when `signal` aborts.
   * If the log cannot be read, it throws; continue from the last position.
   * @throws RangeError if `after` is not a position in this log (when the engine can detect it).
   * @throws UnreadableEvent at an event that the event codec cannot decode, after all events before it.
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

/** The stream does not have the expected version: another append came first. Read the stream and decide again. */
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

/** A stream has lost events, for example because its server was told to delete them ($maxCount, $maxAge, $tb). */
export class MissingEvents extends Error {
  override readonly name = 'MissingEvents';
  constructor(
    readonly stream: string,
    readonly missingVersion: number,
  ) {
    super(
      `version ${missingVersion} of stream ${stream} is missing; remove $maxCount, $maxAge and $tb from the metadata of the stream ` +
        'if its server has them, or restore a backup of the log',
    );
  }
}

/** The store cannot be reached or cannot write at the moment. Nothing was acknowledged; retry. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}
