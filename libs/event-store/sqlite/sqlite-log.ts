import type { IdempotencyStore } from '../idempotency-store.js';
import type { EventStore } from '../event-store.js';
import type { CommittedGroup } from './group-commit.js';
import { LogConnections } from './log-connections.js';
import { type LogFile, openLogFile } from './log-file.js';
import { SqliteIdempotencyStore } from './sqlite-idempotency-store.js';
import { SqliteEventStore } from './sqlite-event-store.js';

export interface SqliteLogOptions {
  /** Made, with its folder, unless `readOnly`. `<file>.lock` beside it keeps a second writer out. */
  readonly file: string;
  /** For other threads and processes, while one writes or none does: whatever writes throws a TypeError. Default false. */
  readonly readOnly?: boolean;
  /** Told of every commit, on the thread that writes. */
  readonly onCommit?: (group: CommittedGroup) => void;
}

/** One SQLite file with the log and the kept answers. What is acknowledged is on disk. */
export class SqliteLog {
  readonly events: EventStore;
  readonly responses: IdempotencyStore;

  constructor(file: LogFile, onCommit: (group: CommittedGroup) => void = () => undefined) {
    const log = new LogConnections(file, onCommit);
    this.events = new SqliteEventStore(log);
    this.responses = new SqliteIdempotencyStore(log);
  }

  /** @throws UnusableLogFile */
  static open({ file, readOnly = false, onCommit }: SqliteLogOptions): SqliteLog {
    return new SqliteLog(openLogFile({ file, readOnly }), onCommit);
  }

  /** Writes what waits, then lets go of the file; `events.close()` is the same. Afterwards all calls reject with `Unavailable`. */
  close(): Promise<void> {
    return this.events.close();
  }
}
