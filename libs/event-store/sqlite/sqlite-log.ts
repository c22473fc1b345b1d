import type { IdempotencyStore } from '../idempotency-store.js';
import type { EventStore } from '../event-store.js';
import type { KeyFingerprintStore } from '../key-fingerprint-store.js';
import type { CommittedGroup } from './group-commit.js';
import { LogConnections } from './log-connections.js';
import { type LogFile, openLogFile } from './log-file.js';
import { SqliteIdempotencyStore } from './sqlite-idempotency-store.js';
import { SqliteEventStore } from './sqlite-event-store.js';
import { SqliteKeyFingerprintStore } from './sqlite-key-fingerprint-store.js';

export interface SqliteLogOptions {
  /** Created, with its folder, unless `readOnly` is set or `create` is false. `<file>.lock` beside it keeps a second writer out. */
  readonly file: string;
  /** For threads and processes other than the writer. Every write then rejects with a TypeError. Default: false. */
  readonly readOnly?: boolean;
  /** Default true. If false, a file without a log is rejected. */
  readonly create?: boolean;
  /**
   * Called when the background check of a large file that is opened for writing has found damage. From then on,
   * `events.check()` rejects. Without it, large files are not checked.
   */
  readonly onDamage?: (damage: string) => void;
  /** Called after every commit, on the writer's thread. */
  readonly onCommit?: (group: CommittedGroup) => void;
}

/** One SQLite file with the log and the stored responses. Acknowledged writes are on disk. */
export class SqliteLog {
  readonly events: EventStore;
  readonly responses: IdempotencyStore;
  readonly keyFingerprint: KeyFingerprintStore;

  constructor(
    file: LogFile,
    onCommit: (group: CommittedGroup) => void = () => undefined,
    onDamage?: (damage: string) => void,
  ) {
    const log = new LogConnections(file, onCommit);
    if (onDamage) log.checkInBackground(onDamage);
    this.events = new SqliteEventStore(log);
    this.responses = new SqliteIdempotencyStore(log);
    this.keyFingerprint = new SqliteKeyFingerprintStore(log);
  }

  /**
   * @throws UnusableLogFile
   * @throws MissingLogFile
   */
  static open({ file, readOnly = false, create = !readOnly, onCommit, onDamage }: SqliteLogOptions): SqliteLog {
    return new SqliteLog(openLogFile({ file, readOnly, create }), onCommit, onDamage);
  }

  /** Finishes pending writes and closes the file. Afterwards every call rejects with `Unavailable`. The same as `events.close()`. */
  close(): Promise<void> {
    return this.events.close();
  }
}
