import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { Unavailable } from '../event-store.js';
import { translateSqliteError } from './failures.js';

/** What one commit made durable. */
export interface CommittedGroup {
  /** Appends and stored responses that shared the commit, including rejected ones. */
  readonly operations: number;
  readonly events: number;
  /** From the start of the transaction until it was on disk. */
  readonly milliseconds: number;
}

interface Task {
  readonly eventCount: number;
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

// A commit blocks the thread: 500 operations take about 10 ms.
const maxGroupSize = 500;

/** All writes that wait at the same moment share one transaction, and so one flush of the disk. */
export class GroupCommit {
  private readonly beginStatement: StatementSyncInstance;
  private readonly commitStatement: StatementSyncInstance;
  private readonly waiting: Task[] = [];
  private isClosed = false;

  constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly onCommit: (group: CommittedGroup) => void,
    /** Throws `Unavailable` if what is committed would be lost. Called before each transaction, and before it is acknowledged. */
    private readonly checkFiles: () => void = () => undefined,
  ) {
    this.beginStatement = db.prepare('BEGIN IMMEDIATE');
    this.commitStatement = db.prepare('COMMIT');
  }

  /**
   * Runs `work` in a transaction and resolves once that is on disk. To reject its operation, `work` *returns* an Error before
   * it has written anything. If `work` throws, its group is rolled back and each task of the group runs again in a transaction of
   * its own, so that only the failing task is rejected. So `work` may run twice.
   * @param eventCount How many events `work` writes.
   */
  run<T>(work: () => T | Error, eventCount = 0): Promise<T> {
    if (this.isClosed) return Promise.reject(new Unavailable('the event log is closed'));
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ work, eventCount, resolve: resolve as Task['resolve'], reject });
      if (this.waiting.length === 1) setImmediate(() => this.flush());
    });
  }

  /** Writes all waiting tasks and accepts no more. */
  close(): void {
    this.isClosed = true;
    while (this.waiting.length > 0) this.flush();
  }

  private flush(): void {
    const group = this.waiting.splice(0, maxGroupSize);
    if (this.waiting.length > 0) setImmediate(() => this.flush());
    if (group.length > 0) this.write(group);
  }

  private write(group: readonly Task[]): void {
    const startedAt = performance.now();
    try {
      this.checkFiles();
      this.beginStatement.run();
    } catch (error) {
      for (const task of group) task.reject(translateSqliteError(error));
      return;
    }
    let outcomes: unknown[];
    try {
      outcomes = group.map((task) => task.work());
      this.commitStatement.run();
    } catch (error) {
      this.rollBack();
      if (group.length === 1) group[0]!.reject(translateSqliteError(error));
      else for (const task of group) this.write([task]);
      return;
    }
    try {
      this.checkFiles();
    } catch (error) {
      for (const task of group) task.reject(error);
      return;
    }
    const milliseconds = performance.now() - startedAt;
    let events = 0;
    for (const [index, task] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome instanceof Error) {
        task.reject(outcome);
      } else {
        events += task.eventCount;
        task.resolve(outcome);
      }
    }
    this.onCommit({ operations: group.length, events, milliseconds });
  }

  private rollBack(): void {
    try {
      // After a full disk or an I/O error, SQLite may have rolled back already.
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
    } catch {
      // The next BEGIN then fails and its tasks are rejected.
    }
  }
}
