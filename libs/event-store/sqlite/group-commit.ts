import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { Unavailable } from '../event-store.js';
import { translateSqliteError } from './failures.js';

/** The operations of one commit. */
export interface CommittedGroup {
  /** Appends and stored responses that shared the commit, including rejected ones. */
  readonly operations: number;
  readonly events: number;
  /** Time from the start of the transaction until it was on disk. */
  readonly milliseconds: number;
}

interface Operation {
  readonly eventCount: number;
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

// A commit blocks the thread: 500 operations take about 10 ms.
const maxGroupSize = 500;

/** All operations that wait at the same moment share one transaction and therefore one flush to disk. */
export class GroupCommit {
  private readonly beginStatement: StatementSyncInstance;
  private readonly commitStatement: StatementSyncInstance;
  private readonly waiting: Operation[] = [];
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
   * Runs `work` in a transaction and resolves once that is on disk. To reject the operation, `work` *returns* an Error before it has
   * written anything. If `work` throws, the group is rolled back, and each of its operations runs again in a separate transaction, so
   * that only the failing operation is rejected. So `work` may run twice.
   * @param eventCount How many events `work` writes.
   */
  run<T>(work: () => T | Error, eventCount = 0): Promise<T> {
    if (this.isClosed) return Promise.reject(new Unavailable('the event log is closed'));
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ work, eventCount, resolve: resolve as Operation['resolve'], reject });
      if (this.waiting.length === 1) setImmediate(() => this.flush());
    });
  }

  /** Writes all waiting operations and accepts no more. */
  close(): void {
    this.isClosed = true;
    while (this.waiting.length > 0) this.flush();
  }

  private flush(): void {
    const group = this.waiting.splice(0, maxGroupSize);
    if (this.waiting.length > 0) setImmediate(() => this.flush());
    if (group.length > 0) this.write(group);
  }

  private write(group: readonly Operation[]): void {
    const startedAt = performance.now();
    try {
      this.checkFiles();
      this.beginStatement.run();
    } catch (error) {
      for (const operation of group) operation.reject(translateSqliteError(error));
      return;
    }
    let outcomes: unknown[];
    try {
      outcomes = group.map((operation) => operation.work());
      this.commitStatement.run();
    } catch (error) {
      this.rollBack();
      if (group.length === 1) group[0]!.reject(translateSqliteError(error));
      else for (const operation of group) this.write([operation]);
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
    for (const [index, operation] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome instanceof Error) {
        operation.reject(outcome);
      } else {
        events += operation.eventCount;
        operation.resolve(outcome);
      }
    }
    this.onCommit({ operations: group.length, events, milliseconds });
  }

  private rollBack(): void {
    try {
      // After a full disk or an I/O error, SQLite may have rolled back already.
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
    } catch {
      // The next BEGIN then fails, and its operations are rejected.
    }
  }
}
