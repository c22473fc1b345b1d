import {
  BACKWARDS,
  END,
  type AllStreamResolvedEvent,
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
import type { CallAttempt, EventStoreDbConnection } from './connection.js';
import { getActualVersion } from './failures.js';
import { type DecodedEvents, followSubscription } from './follow.js';
import type { EventStoreDbPositionCodec } from './position-codec.js';
import type { StreamNames } from './stream-names.js';

/** Events buffered on their way to a follower, at most. */
const buffered = 500;
/** How many events the server looks through, for one that the filter lets pass, before it says where it is. */
const searchWindow = 1_000;
/** No larger, for events of others may be large, and a page must come in the time that a call is given. */
const headPage = { first: 8, largest: 256 };

/** Where a record of the server begins. */
interface Place {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/**
 * The log in an EventStoreDB. A repeated append is told by its ids and version alone: what the events say is not compared.
 */
export class EventStoreDbEventStore implements EventStore {
  readonly readOnly = false;
  readonly start: Position;
  readonly #connection: EventStoreDbConnection;
  readonly #streams: StreamNames;
  readonly #positions: EventStoreDbPositionCodec;
  readonly #begun: bigint;
  /** Our newest event at or before a place is at another. */
  #known: { readonly upTo: bigint; readonly newest: bigint };
  /** Nothing of ours lies from `top` down to `bottom`: what a look for the end found out before it ran out of time. */
  #foreign: { readonly top: bigint; readonly bottom: Place } | undefined;

  /** @param begun the place behind which all of the log lies: what was on the server before it is never looked through */
  constructor(
    connection: EventStoreDbConnection,
    streams: StreamNames,
    positions: EventStoreDbPositionCodec,
    begun: bigint,
  ) {
    this.#connection = connection;
    this.#streams = streams;
    this.#positions = positions;
    this.#begun = begun;
    this.#known = { upTo: begun, newest: 0n };
    this.start = positions.encode(0n);
  }

  async append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<WriteResult> {
    // A bad id or an empty type would end the process two seconds later, in the client.
    checkAppend(stream, expectedVersion, events);
    const name = this.#streams.toServerName(stream);
    const expectedRevision: AppendExpectedRevision = expectedVersion === 0 ? NO_STREAM : BigInt(expectedVersion - 1);
    const bodies = events.map((event) => JSON.stringify(event));
    checkSize(stream, bodies);
    // The client makes its JSON later.
    const proposed = events.map(({ id, type }, i) =>
      jsonEvent({ id, type, data: JSON.parse(bodies[i]!) as Record<string, unknown> }),
    );
    const appended = await this.#connection.call(async (attempt) => {
      const { client, timeoutMs } = attempt;
      const options = { expectedRevision, deadline: timeoutMs, requiresLeader: true };
      let result: AppendResult;
      try {
        result = await client.appendToStream(name, proposed, options);
      } catch (error) {
        const version = getActualVersion(error);
        if (version === undefined) throw error;
        // An earlier try, of unknown outcome, may have been done.
        const stored = await this.#slice(attempt, name, expectedVersion, events.length);
        const ours = stored.length === events.length && stored.every(({ id }, i) => id === events[i]!.id);
        if (!ours) throw new ConcurrencyError(stream, expectedVersion, version);
        return { version: expectedVersion + events.length, place: placeOf(stored.at(-1)!) };
      }
      const version = Number(result.nextExpectedRevision) + 1;
      if (result.position) return { version, place: result.position.commit };
      // Not known to the server any more where it recognized a repeated append.
      const [last] = await this.#slice(attempt, name, version - 1, 1);
      return { version, place: placeOf(last!) };
    });
    this.#know(appended.place, appended.place);
    return { version: appended.version, position: this.#positions.encode(appended.place) };
  }

  async read(stream: string, afterVersion: number, limit: number): Promise<readonly RecordedEvent[]> {
    checkVersion(afterVersion);
    checkLimit(limit);
    const name = this.#streams.toServerName(stream);
    const events = await this.#connection.call((attempt) => this.#slice(attempt, name, afterVersion, limit));
    return events.map((event) => this.#decode(event));
  }

  async head(): Promise<Position> {
    // Backwards over what is not ours, and never over the same again. A filter the client has for subscriptions only.
    let newest: bigint | undefined;
    let from: typeof END | Place = END;
    for (let maxCount = headPage.first; ; maxCount = Math.min(4 * maxCount, headPage.largest)) {
      const page = await this.#connection.call(({ client, collect }) =>
        collect(client.readAll({ direction: BACKWARDS, fromPosition: from, maxCount, requiresLeader: true })),
      );
      const known = this.#foreign;
      for (const { event } of page) {
        if (!event) continue;
        const place = placeOf(event);
        newest ??= place;
        if (place <= this.#known.upTo) return this.#know(newest, this.#known.newest);
        if (this.#streams.isLogStream(event.streamId)) return this.#know(newest, place);
        from = event.position!;
        if (known && place <= known.top && place > known.bottom.commit) {
          from = known.bottom;
          break;
        }
      }
      if (page.length === 0) return this.#know(newest ?? 0n, this.#known.newest);
      // Joined with what was looked through before, or the first of it.
      if (newest !== undefined && from !== END && (!known || from.commit <= known.bottom.commit))
        this.#foreign = { top: newest, bottom: from };
    }
  }

  /** Not without reading them. */
  countBetween(): null {
    return null;
  }

  isPosition(text: string): boolean {
    return this.#positions.decode(text) !== undefined;
  }

  follow(after: Position, { signal, batchSize = 1_000 }: FollowOptions): AsyncIterable<EventBatch> {
    checkLimit(batchSize);
    const place = this.#positions.decode(after);
    if (place === undefined) throw new RangeError(`${after} is not a position of this log`);
    // What it says of having caught up or of checkpoints runs ahead of what was read: nobody listens.
    const filter = streamNameFilter({ prefixes: [...this.#streams.prefixes], maxSearchWindow: searchWindow });
    const log = {
      subscribe: (place: bigint) => {
        const from = place === 0n ? this.#begun : place;
        return this.#connection.client.subscribeToAll(
          { fromPosition: { commit: from, prepare: from }, filter },
          { highWaterMark: Math.min(batchSize, buffered) },
        );
      },
      decode: (events: readonly AllStreamResolvedEvent[]) => this.#batch(events),
      closeSignal: this.#connection.closeSignal,
    };
    return followSubscription(log, place, batchSize, signal);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #slice({ client, collect }: CallAttempt, name: string, after: number, limit: number): Promise<ServerEvent[]> {
    const options = { fromRevision: BigInt(after), maxCount: limit, requiresLeader: true };
    const found = await collect(client.readStream(name, options));
    return found.flatMap(({ event }) => event ?? []);
  }

  #know(upTo: bigint, newest: bigint): Position {
    if (upTo >= this.#known.upTo) this.#known = { upTo, newest };
    this.#foreign = undefined;
    return this.#positions.encode(newest);
  }

  #batch(found: readonly AllStreamResolvedEvent[]): DecodedEvents {
    const events: RecordedEvent[] = [];
    let unreadable: UnreadableEvent | undefined;
    try {
      for (const { event } of found) if (event) events.push(this.#decode(event));
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      unreadable = error;
    }
    const last = events.at(-1);
    return {
      batch: last && { events, position: last.position },
      lastCommit: placeOf(found.at(-1)!.event!),
      unreadable,
    };
  }

  /** Data that is not JSON comes as the text or the bytes that it is, which the door refuses. */
  #decode(event: ServerEvent): RecordedEvent {
    return decodeEvent(event.data, {
      stream: this.#streams.fromServerName(event.streamId),
      version: Number(event.revision) + 1,
      position: this.#positions.encode(placeOf(event)),
    });
  }
}

/** Present on every event that is read. */
const placeOf = (event: ServerEvent): bigint => event.position!.commit;
