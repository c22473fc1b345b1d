import {
  BACKWARDS,
  END,
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  type AppendExpectedRevision,
  type AppendResult,
  jsonEvent,
  NO_STREAM,
  type RecordedEvent as ServerEvent,
  streamNameFilter,
} from '@eventstore/db-client';
import { UnreadableEvent, decodeEvent } from '#domain/event-codec';
import type { Position, StoredEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { checkAppend, checkLimit, checkSize, checkVersion } from '../append.check.js';
import {
  type WriteResult,
  type EventBatch,
  ConcurrencyError,
  type EventStore,
  type FollowOptions,
} from '../event-store.js';
import { checkComplete } from '../read.check.js';
import type { CallAttempt, EventStoreDbConnection } from './connection.js';
import { getActualVersion } from './failures.js';
import { type DecodedEvents, followSubscription } from './follow.js';
import type { EventStoreDbPositionCodec } from './position-codec.js';
import type { StreamNames } from './stream-names.js';

const maxBufferedEvents = 500;
/** How many events the server looks through for one that passes the filter before it sends a checkpoint. */
const maxSearchWindow = 1_000;
/** Pages of `head` grow up to a limit: other applications' events may be large, and a page must arrive within the time of a call. */
const headPageSize = { first: 8, max: 256 };

/** A position of the server. */
interface ServerPosition {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** The log in an EventStoreDB. A repeated append is recognized by its ids and version only; the events' contents are not compared. */
export class EventStoreDbEventStore implements EventStore {
  readonly readOnly = false;
  readonly start: Position;
  /** Of the events up to commit position `upTo`, the newest of this log is at `newest`. */
  private knownHead: { readonly upTo: bigint; readonly newest: bigint };
  /** From `top` down to `bottom` there is no event of this log. Set by calls of `head` that ran out of time. */
  private foreignRange: { readonly top: bigint; readonly bottom: ServerPosition } | undefined;

  /** @param firstCommit The commit position after which all of the log lies. What was on the server before is never read. */
  constructor(
    private readonly connection: EventStoreDbConnection,
    private readonly streams: StreamNames,
    private readonly positions: EventStoreDbPositionCodec,
    private readonly firstCommit: bigint,
  ) {
    this.knownHead = { upTo: firstCommit, newest: 0n };
    this.start = positions.encode(0n);
  }

  async append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<WriteResult> {
    // In the client, an invalid id or an empty type would end the process two seconds later.
    checkAppend(stream, expectedVersion, events);
    const name = this.streams.toServerName(stream);
    const expectedRevision: AppendExpectedRevision = expectedVersion === 0 ? NO_STREAM : BigInt(expectedVersion - 1);
    const bodies = events.map((event) => JSON.stringify(event));
    checkSize(stream, bodies);
    // The client serializes its events later. The copies keep them as they are now.
    const serverEvents = events.map(({ id, type }, index) =>
      jsonEvent({ id, type, data: JSON.parse(bodies[index]!) as Record<string, unknown> }),
    );
    const { version, commit } = await this.connection.call(async (attempt) => {
      const { client, timeoutMs } = attempt;
      const options = { expectedRevision, deadline: timeoutMs, requiresLeader: true };
      let result: AppendResult;
      try {
        result = await client.appendToStream(name, serverEvents, options);
      } catch (error) {
        const actualVersion = getActualVersion(error);
        if (actualVersion === undefined) throw error;
        // An earlier attempt, whose outcome is unknown, may have succeeded.
        const stored = await this.readSlice(attempt, name, expectedVersion, events.length);
        const isOurs = stored.length === events.length && stored.every(({ id }, index) => id === events[index]!.id);
        if (!isOurs) throw new ConcurrencyError(stream, expectedVersion, actualVersion);
        return { version: expectedVersion + events.length, commit: commitOf(stored.at(-1)!) };
      }
      const version = Number(result.nextExpectedRevision) + 1;
      if (result.position) return { version, commit: result.position.commit };
      // For a repeated append, the server may not return the position.
      const [lastEvent] = await this.readSlice(attempt, name, version - 1, 1);
      return { version, commit: commitOf(lastEvent!) };
    });
    this.rememberHead(commit, commit);
    return { version, position: this.positions.encode(commit) };
  }

  async read(stream: string, afterVersion: number, limit: number): Promise<readonly RecordedEvent[]> {
    checkVersion(afterVersion);
    checkLimit(limit);
    const name = this.streams.toServerName(stream);
    const serverEvents = await this.connection.call((attempt) => this.readSlice(attempt, name, afterVersion, limit));
    const events = serverEvents.map((event) => this.decode(event));
    checkComplete(stream, afterVersion, events);
    return events;
  }

  async check(): Promise<void> {
    await this.head();
  }

  async head(): Promise<Position> {
    // Reads backwards until an event of this log, and over no event twice. The client can filter only subscriptions.
    let newestOnServer: bigint | undefined;
    let from: typeof END | ServerPosition = END;
    for (let maxCount = headPageSize.first; ; maxCount = Math.min(4 * maxCount, headPageSize.max)) {
      const page = await this.connection.call(({ client, collect }) =>
        collect(client.readAll({ direction: BACKWARDS, fromPosition: from, maxCount, requiresLeader: true })),
      );
      const foreign = this.foreignRange;
      for (const { event } of page) {
        if (!event) continue;
        const commit = commitOf(event);
        newestOnServer ??= commit;
        if (commit <= this.knownHead.upTo) return this.rememberHead(newestOnServer, this.knownHead.newest);
        if (this.streams.isLogStream(event.streamId)) return this.rememberHead(newestOnServer, commit);
        from = event.position!;
        if (foreign && commit <= foreign.top && commit > foreign.bottom.commit) {
          from = foreign.bottom;
          break;
        }
      }
      if (page.length === 0) return this.rememberHead(newestOnServer ?? 0n, this.knownHead.newest);
      // What was read reaches the known range, or there was none. Only then is it one range without a gap.
      if (newestOnServer !== undefined && from !== END && (!foreign || from.commit <= foreign.bottom.commit))
        this.foreignRange = { top: newestOnServer, bottom: from };
    }
  }

  /** This engine would have to read the events. */
  countBetween(): null {
    return null;
  }

  isPosition(text: string): boolean {
    return this.positions.decode(text) !== undefined;
  }

  follow(after: Position, { signal, batchSize = 1_000 }: FollowOptions): AsyncIterable<EventBatch> {
    checkLimit(batchSize);
    const afterCommit = this.positions.decode(after);
    if (afterCommit === undefined) throw new RangeError(`${after} is not a position of this log`);
    const source = {
      subscribe: (commit: bigint) => this.subscribe(commit, batchSize),
      decode: (events: readonly AllStreamResolvedEvent[]) => this.decodeBatch(events),
      closeSignal: this.connection.closeSignal,
    };
    return followSubscription(source, afterCommit, batchSize, signal);
  }

  /** The subscription's events "caughtUp" and "checkpointReached" run ahead of what was read, so they are not used. */
  private subscribe(after: bigint, batchSize: number): AllStreamSubscription {
    const commit = after === 0n ? this.firstCommit : after;
    return this.connection.client.subscribeToAll(
      {
        fromPosition: { commit, prepare: commit },
        filter: streamNameFilter({ prefixes: [...this.streams.prefixes], maxSearchWindow }),
      },
      { highWaterMark: Math.min(batchSize, maxBufferedEvents) },
    );
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private async readSlice(
    { client, collect }: CallAttempt,
    name: string,
    afterVersion: number,
    limit: number,
  ): Promise<ServerEvent[]> {
    const options = { fromRevision: BigInt(afterVersion), maxCount: limit, requiresLeader: true };
    const resolvedEvents = await collect(client.readStream(name, options));
    return resolvedEvents.flatMap(({ event }) => event ?? []);
  }

  private rememberHead(upTo: bigint, newest: bigint): Position {
    if (upTo >= this.knownHead.upTo) this.knownHead = { upTo, newest };
    this.foreignRange = undefined;
    return this.positions.encode(newest);
  }

  private decodeBatch(resolvedEvents: readonly AllStreamResolvedEvent[]): DecodedEvents {
    const events: RecordedEvent[] = [];
    let unreadable: UnreadableEvent | undefined;
    try {
      for (const { event } of resolvedEvents) if (event) events.push(this.decode(event));
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      unreadable = error;
    }
    const last = events.at(-1);
    return {
      batch: last && { events, position: last.position },
      lastCommit: commitOf(resolvedEvents.at(-1)!.event!),
      unreadable,
    };
  }

  /** Data that is not JSON is a text or bytes here, which the event codec rejects. */
  private decode(event: ServerEvent): RecordedEvent {
    return decodeEvent(event.data, {
      stream: this.streams.fromServerName(event.streamId),
      version: Number(event.revision) + 1,
      position: this.positions.encode(commitOf(event)),
    });
  }
}

/** Every event that is read has a position; the type is optional. */
const commitOf = (event: ServerEvent): bigint => event.position!.commit;
