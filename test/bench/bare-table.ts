import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { GroupCommit } from '#event-store/sqlite/group-commit';

/** The minimum that is as durable as the log: one row per item, under the same group commit, in a table without an index. */
export class BareTable {
  private readonly db: DatabaseSyncInstance;
  private readonly insert: StatementSyncInstance;
  private readonly commits: GroupCommit;

  constructor(file: string) {
    this.db = new DatabaseSync(file);
    this.db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA fullfsync = ON;
      CREATE TABLE rows (position INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    `);
    this.insert = this.db.prepare('INSERT INTO rows (body) VALUES (?)');
    this.commits = new GroupCommit(this.db, () => undefined);
  }

  append(item: unknown): Promise<number> {
    const body = JSON.stringify(item);
    return this.commits.run(() => Number(this.insert.run(body).lastInsertRowid), 1);
  }

  close(): void {
    this.commits.close();
    this.db.close();
  }
}
