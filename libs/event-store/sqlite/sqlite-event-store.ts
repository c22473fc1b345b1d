import type { StatementSyncInstance } from '@photostructure/sqlite';
import { LRUCache } from 'lru-cache';
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
import { type LogPage, followPages } from './follow.js';
import type { LogConnections } from './log-connections.js';
import { SqlitePositionCodec } from './position-codec.js';

/** How many of the events that were passed on last are kept. */
const mostRecent = 4_000;

/** The log in a SQLite file. A repeated append is told by its ids and version alone: what the events say is not compared. */
export class SqliteEventStore implements EventStore {
  readonly start: Position;
  readonly #log: LogConnections;
  readonly #positions: SqlitePositionCodec;
  readonly #find: StatementSyncInstance;
  readonly #readStream: StatementSyncInstance;
  readonly #head: StatementSyncInstance;
  readonly #lastPlace: StatementSyncInstance;
  readonly #ids: StatementSyncInstance;
  readonly #create: StatementSyncInstance | undefined;
  readonly #insert: StatementSyncInstance | undefined;
  /** By the place before it. Of several followers side by side, such as the views of one worker, one reads and decodes for all. */
  readonly #recent = new LRUCache<number, Passed>({ max: mostRecent });
  #pages: StatementSyncInstance | undefined;
  #knownPlace = 0;
  /** The last place that was read for a follower. */
  #furthest = 0;

  constructor(log: LogConnections) {
    this.#log = log;
    this.#positions = new SqlitePositionCodec(log.file.logId);
    this.start = this.#positions.encode(0);
    const prepare = (sql: string): StatementSyncInstance => log.file.db.prepare(sql, { returnArrays: true });
    this.#find = prepare(
      'SELECT id, (SELECT max(version) FROM events WHERE stream = streams.id) FROM streams WHERE name = ?',
    );
    this.#readStream = prepare(
      `SELECT version, position, body FROM events
       WHERE stream = (SELECT id FROM streams WHERE name = ?) AND version > ? ORDER BY version LIMIT ?`,
    );
    this.#head = prepare('SELECT max(position) FROM events');
    this.#lastPlace = prepare("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'");
    this.#ids = prepare(
      'SELECT position, lower(hex(id)) FROM events WHERE stream = ? AND version > ? ORDER BY version LIMIT ?',
    );
    if (log.file.readOnly) return;
    this.#create = prepare('INSERT INTO streams (name) VALUES (?)');
    this.#insert = prepare('INSERT INTO events (stream, version, id, body) VALUES (?, ?, ?, ?)');
  }

  async append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<WriteResult> {
    checkAppend(stream, expectedVersion, events);
    const rows = events.map((event) => ({ id: event.id.replaceAll('-', ''), body: JSON.stringify(event) }));
    checkSize(
      stream,
      rows.map(({ body }) => body),
    );
    return this.#log.write<WriteResult>(() => this.#append(stream, expectedVersion, rows), rows.length);
  }

  #append(stream: string, expectedVersion: number, rows: readonly Row[]): WriteResult | ConcurrencyError {
    const [known, last] = (this.#find.get(stream) ?? []) as [number?, (number | null)?];
    const version = last ?? 0;
    if (version !== expectedVersion) {
      return this.#repeated(known, expectedVersion, rows) ?? new ConcurrencyError(stream, expectedVersion, version);
    }
    const id = known ?? this.#create!.run(stream).lastInsertRowid;
    let place: number | bigint = 0;
    let next = version;
    for (const row of rows) {
      next += 1;
      place = this.#insert!.run(id, next, Buffer.from(row.id, 'hex'), row.body).lastInsertRowid;
    }
    return { version: next, position: this.#positions.encode(Number(place)) };
  }

  /** The first answer again, if exactly these events stand behind the version they were appended at. */
  #repeated(id: number | undefined, expectedVersion: number, rows: readonly Row[]): WriteResult | undefined {
    if (id === undefined) return undefined;
    const stored = this.#ids.all(id, expectedVersion, rows.length) as [number, string][];
    if (stored.length < rows.length || stored.some(([, eventId], i) => eventId !== rows[i]!.id)) return undefined;
    return { version: expectedVersion + rows.length, position: this.#positions.encode(stored.at(-1)![0]) };
  }

  async read(stream: string, afterVersion: number, limit: number): Promise<readonly RecordedEvent[]> {
    checkVersion(afterVersion);
    checkLimit(limit);
    const rows = this.#log.read(() => this.#readStream.all(stream, afterVersion, limit) as [number, number, string][]);
    return rows.map(([version, place, body]) => this.#decode(stream, version, place, body));
  }

  get readOnly(): boolean {
    return this.#log.file.readOnly;
  }

  async head(): Promise<Position> {
    const [place] = this.#log.read(() => this.#head.get() as [number | null]);
    return this.#positions.encode(place ?? 0);
  }

  countBetween(after: Position, upTo: Position): number {
    return Math.max(0, this.#knownPlaceOf(upTo) - this.#knownPlaceOf(after));
  }

  isPosition(text: string): boolean {
    return this.#placeOf(text) !== undefined;
  }

  follow(after: Position, { signal, batchSize = 1_000 }: FollowOptions): AsyncIterable<EventBatch> {
    checkLimit(batchSize);
    return followPages(
      (from) => this.#page(from, batchSize),
      this.#knownPlaceOf(after),
      this.#log.commitNotifier,
      signal,
    );
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #knownPlaceOf(position: Position): number {
    const place = this.#placeOf(position);
    if (place === undefined) throw new RangeError(`${position} is not a position of this log`);
    return place;
  }

  #placeOf(text: string): number | undefined {
    const place = this.#positions.decode(text);
    if (place === undefined) return undefined;
    if (place > this.#knownPlace) {
      this.#knownPlace = this.#log.read(() => this.#lastPlace.get() as [number | null])[0] ?? 0;
    }
    return place <= this.#knownPlace ? place : undefined;
  }

  #page(after: number, limit: number): LogPage {
    const passed: Passed[] = [];
    let end = after;
    for (let next = this.#recent.get(end); next && passed.length < limit; next = this.#recent.get(end)) {
      passed.push(next);
      end = next.place;
    }
    // What comes behind may have made room for others' events since: whoever stops here has not caught up.
    const full = passed.length === limit || end < this.#furthest;
    return passed.length > 0 ? pageOf(passed, end, full) : this.#readPage(after, limit);
  }

  #readPage(after: number, limit: number): LogPage {
    const rows = this.#log.read(() => {
      this.#pages ??= this.#log.bystander().prepare(pageOfLog, { returnArrays: true });
      return this.#pages.all(after, limit) as [number, string, number, string][];
    });
    const passed: Passed[] = [];
    let before = after;
    let unreadable: UnreadableEvent | undefined;
    try {
      for (const [place, stream, version, body] of rows) {
        const one = { place, event: this.#decode(stream, version, place, body) };
        this.#recent.set(before, one);
        passed.push(one);
        before = place;
      }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      unreadable = error;
    }
    this.#furthest = Math.max(this.#furthest, before);
    return { ...pageOf(passed, rows.at(-1)?.[0] ?? after, rows.length === limit), unreadable };
  }

  #decode(stream: string, version: number, place: number, body: string): RecordedEvent {
    const at = { stream, version, position: this.#positions.encode(place) };
    let stored: unknown;
    try {
      stored = JSON.parse(body);
    } catch {
      throw new UnreadableEvent(null, at, 'it is not JSON');
    }
    return decodeEvent(stored, at);
  }
}

/** An event that was passed on, and its place. */
interface Passed {
  readonly place: number;
  readonly event: RecordedEvent;
}

function pageOf(passed: readonly Passed[], end: number, full: boolean): LogPage {
  const events = passed.map(({ event }) => event);
  const last = events.at(-1);
  return { batch: last && { events, position: last.position }, lastSequence: end, isFull: full, unreadable: undefined };
}

interface Row {
  /** In hex, without dashes. */
  readonly id: string;
  readonly body: string;
}

// CROSS JOIN keeps the planner from starting at the streams.
const pageOfLog = `
  SELECT position, name, version, body FROM events CROSS JOIN streams ON streams.id = events.stream
  WHERE position > ? ORDER BY position LIMIT ?`;
