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
import { checkComplete } from '../read.check.js';
import { type LogPage, followPages } from './follow.js';
import type { LogConnections } from './log-connections.js';
import { SqlitePositionCodec } from './position-codec.js';

const maxCachedEvents = 4_000;

/** The log in a SQLite file. A repeated append is recognized by its event ids and version; the events' contents are not compared. */
export class SqliteEventStore implements EventStore {
  readonly start: Position;
  private readonly positions: SqlitePositionCodec;
  private readonly findStream: StatementSyncInstance;
  private readonly selectStream: StatementSyncInstance;
  private readonly selectIds: StatementSyncInstance;
  private readonly selectHead: StatementSyncInstance;
  private readonly selectLastSequence: StatementSyncInstance;
  private readonly insertStream: StatementSyncInstance | undefined;
  private readonly insertEvent: StatementSyncInstance | undefined;
  private selectPage: StatementSyncInstance | undefined;
  /** By the sequence number before the event. Followers, such as the views of a worker, share the events that one of them has read. */
  private readonly cachedEvents = new LRUCache<number, CachedEvent>({ max: maxCachedEvents });
  /** Sequence numbers up to this one have been assigned. */
  private knownSequence = 0;
  /** The highest sequence number that was read for a follower. */
  private furthestRead = 0;

  constructor(private readonly log: LogConnections) {
    this.positions = new SqlitePositionCodec(log.file.logId);
    this.start = this.positions.encode(0);
    const prepare = (sql: string): StatementSyncInstance => log.file.db.prepare(sql, { returnArrays: true });
    this.findStream = prepare(
      'SELECT id, (SELECT max(version) FROM events WHERE stream = streams.id) FROM streams WHERE name = ?',
    );
    this.selectStream = prepare(
      `SELECT version, position, body FROM events
       WHERE stream = (SELECT id FROM streams WHERE name = ?) AND version > ? ORDER BY version LIMIT ?`,
    );
    this.selectIds = prepare(
      'SELECT position, lower(hex(id)) FROM events WHERE stream = ? AND version > ? ORDER BY version LIMIT ?',
    );
    this.selectHead = prepare('SELECT max(position) FROM events');
    this.selectLastSequence = prepare("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'");
    if (log.file.readOnly) return;
    this.insertStream = prepare('INSERT INTO streams (name) VALUES (?)');
    this.insertEvent = prepare('INSERT INTO events (stream, version, id, body) VALUES (?, ?, ?, ?)');
  }

  get readOnly(): boolean {
    return this.log.file.readOnly;
  }

  async append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<WriteResult> {
    checkAppend(stream, expectedVersion, events);
    const rows = events.map((event) => ({ hexId: event.id.replaceAll('-', ''), body: JSON.stringify(event) }));
    checkSize(
      stream,
      rows.map(({ body }) => body),
    );
    return this.log.write<WriteResult>(() => this.appendRows(stream, expectedVersion, rows), rows.length);
  }

  private appendRows(
    stream: string,
    expectedVersion: number,
    rows: readonly EventRow[],
  ): WriteResult | ConcurrencyError {
    const [knownId, lastVersion] = (this.findStream.get(stream) ?? []) as [number?, (number | null)?];
    const actualVersion = lastVersion ?? 0;
    if (actualVersion !== expectedVersion) {
      return (
        this.findRepeatedAppend(knownId, expectedVersion, rows) ??
        new ConcurrencyError(stream, expectedVersion, actualVersion)
      );
    }
    const streamId = knownId ?? this.insertStream!.run(stream).lastInsertRowid;
    let sequence: number | bigint = 0;
    let version = actualVersion;
    for (const { hexId, body } of rows) {
      version += 1;
      sequence = this.insertEvent!.run(streamId, version, Buffer.from(hexId, 'hex'), body).lastInsertRowid;
    }
    return { version, position: this.positions.encode(Number(sequence)) };
  }

  /** Returns the result of the first append, if it appended exactly these events at this expected version. */
  private findRepeatedAppend(
    streamId: number | undefined,
    expectedVersion: number,
    rows: readonly EventRow[],
  ): WriteResult | undefined {
    if (streamId === undefined) return undefined;
    const stored = this.selectIds.all(streamId, expectedVersion, rows.length) as [number, string][];
    if (stored.length < rows.length || stored.some(([, hexId], index) => hexId !== rows[index]!.hexId))
      return undefined;
    return { version: expectedVersion + rows.length, position: this.positions.encode(stored.at(-1)![0]) };
  }

  async read(stream: string, afterVersion: number, limit: number): Promise<readonly RecordedEvent[]> {
    checkVersion(afterVersion);
    checkLimit(limit);
    const rows = this.log.read(() => this.selectStream.all(stream, afterVersion, limit) as [number, number, string][]);
    const events = rows.map(([version, sequence, body]) => this.decode(stream, version, sequence, body));
    checkComplete(stream, afterVersion, events);
    return events;
  }

  async check(): Promise<void> {
    this.log.check();
    await this.head();
  }

  async head(): Promise<Position> {
    const [sequence] = this.log.read(() => this.selectHead.get() as [number | null]);
    return this.positions.encode(sequence ?? 0);
  }

  countBetween(after: Position, upTo: Position): number {
    return Math.max(0, this.sequenceOf(upTo) - this.sequenceOf(after));
  }

  isPosition(text: string): boolean {
    return this.findSequence(text) !== undefined;
  }

  follow(after: Position, { signal, batchSize = 1_000 }: FollowOptions): AsyncIterable<EventBatch> {
    checkLimit(batchSize);
    return followPages(
      (afterSequence) => this.nextPage(afterSequence, batchSize),
      this.sequenceOf(after),
      this.log.commitNotifier,
      signal,
    );
  }

  close(): Promise<void> {
    return this.log.close();
  }

  private sequenceOf(position: Position): number {
    const sequence = this.findSequence(position);
    if (sequence === undefined) throw new RangeError(`${position} is not a position of this log`);
    return sequence;
  }

  private findSequence(text: string): number | undefined {
    const sequence = this.positions.decode(text);
    if (sequence === undefined) return undefined;
    if (sequence > this.knownSequence) {
      this.knownSequence = this.log.read(() => this.selectLastSequence.get() as [number | null])[0] ?? 0;
    }
    return sequence <= this.knownSequence ? sequence : undefined;
  }

  private nextPage(after: number, limit: number): LogPage {
    const cached: CachedEvent[] = [];
    let last = after;
    for (let next = this.cachedEvents.get(last); next && cached.length < limit; next = this.cachedEvents.get(last)) {
      cached.push(next);
      last = next.sequence;
    }
    if (cached.length === 0) return this.readPage(after, limit);
    // Later events may have been evicted from the cache, so the last cached event need not be the last one of the log.
    const isFull = cached.length === limit || last < this.furthestRead;
    return createPage(cached, last, isFull);
  }

  private readPage(after: number, limit: number): LogPage {
    const rows = this.log.read(() => {
      this.selectPage ??= this.log.scanConnection().prepare(pageQuery, { returnArrays: true });
      return this.selectPage.all(after, limit) as [number, string, number, string][];
    });
    const decoded: CachedEvent[] = [];
    let last = after;
    let unreadable: UnreadableEvent | undefined;
    try {
      for (const [sequence, stream, version, body] of rows) {
        const cachedEvent = { sequence, event: this.decode(stream, version, sequence, body) };
        this.cachedEvents.set(last, cachedEvent);
        decoded.push(cachedEvent);
        last = sequence;
      }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      unreadable = error;
    }
    this.furthestRead = Math.max(this.furthestRead, last);
    return { ...createPage(decoded, rows.at(-1)?.[0] ?? after, rows.length === limit), unreadable };
  }

  private decode(stream: string, version: number, sequence: number, body: string): RecordedEvent {
    const location = { stream, version, position: this.positions.encode(sequence) };
    let stored: unknown;
    try {
      stored = JSON.parse(body);
    } catch {
      throw new UnreadableEvent(null, location, 'it is not JSON');
    }
    return decodeEvent(stored, location);
  }
}

interface CachedEvent {
  readonly sequence: number;
  readonly event: RecordedEvent;
}

function createPage(cachedEvents: readonly CachedEvent[], lastSequence: number, isFull: boolean): LogPage {
  const events = cachedEvents.map(({ event }) => event);
  const last = events.at(-1);
  return { batch: last && { events, position: last.position }, lastSequence, isFull, unreadable: undefined };
}

interface EventRow {
  /** The event's id in hex, without dashes. */
  readonly hexId: string;
  readonly body: string;
}

// CROSS JOIN keeps SQLite's planner from making `streams` the outer loop.
const pageQuery = `
  SELECT position, name, version, body FROM events CROSS JOIN streams ON streams.id = events.stream
  WHERE position > ? ORDER BY position LIMIT ?`;
