import { createHash } from 'node:crypto';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { translateErrors } from './failures.js';
import { SqlitePositionCodec } from './position-codec.js';

/** The events of a log file up to a position, in short. Equal digests mean equal events. */
export interface LogDigest {
  readonly events: number;
  /** Of the last event, or the start of the log. */
  readonly position: string;
  /** SHA-256 over every event: position, stream, version, id and body. */
  readonly sha256: string;
}

/**
 * Copies the log, with its stored responses, as it is at one moment, while a service may write to it. The copy is not synced.
 * @throws Unavailable
 */
export function copyLog(file: string, target: string): void {
  withReader(file, (db) => db.prepare('VACUUM INTO ?').run(target));
}

/**
 * @param upTo The position of the last event to include. Default: all events.
 * @throws Unavailable
 */
export function digestLog(file: string, upTo?: string): LogDigest {
  return withReader(file, (db) => {
    const { id: logId } = db.prepare('SELECT id FROM log').get() as { id: string };
    const positions = new SqlitePositionCodec(logId);
    const lastSequence = upTo === undefined ? Number.MAX_SAFE_INTEGER : (positions.decode(upTo) ?? 0);
    // In pages, because a long read transaction would keep the write-ahead log from being reset.
    const selectPage = db.prepare(
      `SELECT position, name, version, hex(events.id), body FROM events LEFT JOIN streams ON streams.id = events.stream
       WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
      { returnArrays: true },
    );
    const hash = createHash('sha256');
    let events = 0;
    let sequence = 0;
    for (;;) {
      const rows = selectPage.all(sequence, lastSequence, pageSize) as unknown as [number, ...unknown[]][];
      if (rows.length === 0) break;
      hash.update(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      sequence = rows.at(-1)![0];
      events += rows.length;
    }
    return { events, position: positions.encode(sequence), sha256: hash.digest('hex') };
  });
}

const pageSize = 1_000;

const withReader = <T>(file: string, work: (db: DatabaseSyncInstance) => T): T =>
  translateErrors(() => {
    const db = new DatabaseSync(file, { readOnly: true, timeout: 1_000 });
    try {
      return work(db);
    } finally {
      db.close();
    }
  });
