import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { Unavailable } from '../event-store.js';
import { translateSqliteError } from './failures.js';

/** What one commit made durable. */
export interface CommittedGroup {
  /** Appends and kept answers that shared the commit, the refused ones included. */
  readonly operations: number;
  readonly events: number;
  /** From the begin of the transaction until it was on disk. */
  readonly milliseconds: number;
}

interface Task {
  readonly events: number;
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

// The thread does nothing else while it commits: 500 operations take about 10 ms.
const largestGroup = 500;

/** Everything that waits to be written at one moment shares one transaction, hence one wait for the disk. */
export class GroupCommit {
  readonly #db: DatabaseSyncInstance;
  readonly #begin: StatementSyncInstance;
  readonly #commit: StatementSyncInstance;
  readonly #committed: (group: CommittedGroup) => void;
  #waiting: Task[] = [];
  #closed = false;

  constructor(db: DatabaseSyncInstance, committed: (group: CommittedGroup) => void) {
    this.#db = db;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#committed = committed;
  }

  /**
   * Runs `work` within a transaction and resolves once that is on disk. A refusal is *returned* as an Error, before
   * anything was written; when `work` throws, its group is rolled back and each of the group then runs on its own (so it
   * may run twice), so that what fails is rejected alone.
   * @param events How many events it writes.
   */
  run<T>(work: () => T | Error, events = 0): Promise<T> {
    if (this.#closed) return Promise.reject(new Unavailable('the event log is closed'));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, events, resolve: resolve as Task['resolve'], reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  /** Writes what waits and takes no more. */
  close(): void {
    this.#closed = true;
    while (this.#waiting.length > 0) this.#flush();
  }

  #flush(): void {
    const group = this.#waiting.splice(0, largestGroup);
    if (this.#waiting.length > 0) setImmediate(() => this.#flush());
    if (group.length > 0) this.#write(group);
  }

  #write(group: readonly Task[]): void {
    const started = performance.now();
    let outcomes: unknown[];
    try {
      this.#begin.run();
    } catch (error) {
      for (const task of group) task.reject(translateSqliteError(error));
      return;
    }
    try {
      outcomes = group.map((task) => task.work());
      this.#commit.run();
    } catch (error) {
      this.#rollBack();
      if (group.length === 1) group[0]!.reject(translateSqliteError(error));
      else for (const task of group) this.#write([task]);
      return;
    }
    const milliseconds = performance.now() - started;
    let events = 0;
    for (const [i, task] of group.entries()) {
      if (outcomes[i] instanceof Error) task.reject(outcomes[i]);
      else {
        events += task.events;
        task.resolve(outcomes[i]);
      }
    }
    this.#committed({ operations: group.length, events, milliseconds });
  }

  #rollBack(): void {
    try {
      // A full disk or an I/O error may have rolled back already.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch {
      // Then the next BEGIN fails, and whoever waits for it is told.
    }
  }
}
