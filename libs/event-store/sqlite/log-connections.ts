import { execFile, type ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { Unavailable } from '../event-store.js';
import { translateErrors } from './failures.js';
import { FileIdentity } from './file-identity.js';
import { type CommittedGroup, GroupCommit } from './group-commit.js';
import { maxInlineCheckBytes, type LogFile } from './log-file.js';
import { CommitNotifier } from './commit-notifier.js';

/**
 * Larger files are not checked at the start: the check reads the whole file, and until it ends the write-ahead log grows. Use
 * `verify` for them.
 */
const maxBackgroundCheckBytes = 4 * 1024 ** 3;

/** The connections, the group commit and the notifier that the stores of one log file share. */
export class LogConnections {
  readonly commitNotifier: CommitNotifier;
  private readonly identity: FileIdentity;
  private readonly groupCommit: GroupCommit | undefined;
  private openScanConnection: DatabaseSyncInstance | undefined;
  private integrityCheck: ChildProcess | undefined;
  private damage: string | undefined;
  private isClosed = false;

  constructor(
    readonly file: LogFile,
    onCommit: (group: CommittedGroup) => void,
  ) {
    this.commitNotifier = new CommitNotifier(file.path);
    // SQLite deletes the -wal file when its last connection is closed, so it stays the same while this one is open. A reader may
    // have opened the file before there was one.
    this.identity = new FileIdentity(file.readOnly ? [file.path] : [file.path, `${file.path}-wal`]);
    if (file.readOnly) return;
    this.groupCommit = new GroupCommit(
      file.db,
      (group) => {
        if (group.events > 0) this.commitNotifier.notify();
        onCommit(group);
      },
      () => this.identity.check(),
    );
  }

  /** @see GroupCommit.run */
  write<T>(work: () => T | Error, eventCount = 0): Promise<T> {
    if (!this.groupCommit) return Promise.reject(new TypeError(`${this.file.path} is opened read-only`));
    return this.groupCommit.run(work, eventCount);
  }

  /** Runs `work` on the writer's connection. Its cache is warm, whereas a commit invalidates the cache of every other connection. */
  read<T>(work: () => T): T {
    if (this.isClosed) throw new Unavailable('the event log is closed');
    return translateErrors(work);
  }

  /** @throws Unavailable if the files are not those that were opened, or are damaged. */
  check(): void {
    this.identity.check();
    if (this.damage !== undefined)
      throw new Unavailable(`the file of the event log is damaged (${this.damage}); restore it from a backup`);
  }

  /** Checks a file that was too large to be checked when it was opened. */
  checkInBackground(onDamage: (damage: string) => void): void {
    const { size } = statSync(this.file.path);
    if (this.file.readOnly || size <= maxInlineCheckBytes || size > maxBackgroundCheckBytes) return;
    const program = join(import.meta.dirname, 'integrity-check.process.js');
    this.integrityCheck = execFile(process.execPath, [program, this.file.path], (error, output) => {
      // Without a result, nothing is known about the file.
      if (error || this.isClosed) return;
      const [damage] = JSON.parse(output) as string[];
      if (damage === undefined) return;
      this.damage = damage;
      onDamage(damage);
    });
    this.integrityCheck.unref();
  }

  /** A separate connection for passes over the whole log, which would evict the writer's cache. */
  scanConnection(): DatabaseSyncInstance {
    if (this.file.readOnly) return this.file.db;
    this.openScanConnection ??= this.file.openReader();
    return this.openScanConnection;
  }

  /** Writes all waiting operations, accepts no more and closes the file. Does nothing when called again. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.groupCommit?.close();
    this.isClosed = true;
    this.integrityCheck?.kill('SIGKILL');
    this.commitNotifier.close();
    translateErrors(() => {
      this.openScanConnection?.close();
      // Afterwards the log of a stopped service is a single file, unless a reader in another process prevents the checkpoint.
      if (this.groupCommit) this.file.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      this.file.close();
    });
  }
}
