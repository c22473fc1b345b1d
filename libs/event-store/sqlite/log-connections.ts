import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { Unavailable } from '../event-store.js';
import { translateErrors } from './failures.js';
import { type CommittedGroup, GroupCommit } from './group-commit.js';
import type { LogFile } from './log-file.js';
import { CommitNotifier } from './commit-notifier.js';

/** What the stores of one file share: its connections, the queue of writers, and the end of it all. */
export class LogConnections {
  readonly commitNotifier: CommitNotifier;
  readonly #commits: GroupCommit | undefined;
  scanConnection: DatabaseSyncInstance | undefined;
  #closed = false;

  constructor(
    readonly file: LogFile,
    onCommit: (group: CommittedGroup) => void,
  ) {
    this.commitNotifier = new CommitNotifier(file.path);
    if (file.readOnly) return;
    this.#commits = new GroupCommit(file.db, (group) => {
      if (group.events > 0) this.commitNotifier.notify();
      onCommit(group);
    });
  }

  /** @see GroupCommit.run */
  write<T>(work: () => T | Error, events = 0): Promise<T> {
    if (!this.#commits) return Promise.reject(new TypeError(`${this.file.path} was opened for reading only`));
    return this.#commits.run(work, events);
  }

  /** Runs `work` on the writer's connection: its cache is warm, while a commit empties the cache of every other one. */
  read<T>(work: () => T): T {
    if (this.#closed) throw new Unavailable('the event log is closed');
    return translateErrors(work);
  }

  /** A connection apart, for passes over the whole log: they would wash out the writer's cache. */
  bystander(): DatabaseSyncInstance {
    if (this.file.readOnly) return this.file.db;
    this.scanConnection ??= this.file.openReader();
    return this.scanConnection;
  }

  /** Takes nothing more, writes what waits, and lets go of the file. Again: nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#commits?.close();
    this.#closed = true;
    this.commitNotifier.close();
    translateErrors(() => {
      this.scanConnection?.close();
      // Whoever copies the folder of a stopped service then needs the one file alone; a reader elsewhere may prevent it.
      if (this.#commits) this.file.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      this.file.close();
    });
  }
}
