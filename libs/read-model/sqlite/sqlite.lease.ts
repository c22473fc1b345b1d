import type { LeaseRecord, Lease } from '../lease.js';
import type { SqliteConnection } from './connection.js';

/** One row in a file of its own: no view is held up by it. */
export class SqliteLease implements Lease {
  private opened: SqliteConnection | undefined;

  constructor(private readonly open: () => SqliteConnection) {}

  async read(): Promise<LeaseRecord | null> {
    const [holder, beat] = this.connection().get<[string | null, number]>('SELECT holder, beat FROM lease') ?? [];
    return beat === undefined ? null : { holder: holder ?? null, heartbeat: beat };
  }

  async compareAndSet(from: LeaseRecord | null, to: LeaseRecord): Promise<boolean> {
    const { changes } = from
      ? this.connection().run(
          'UPDATE lease SET holder = ?, beat = ? WHERE holder IS ? AND beat = ?',
          to.holder,
          to.heartbeat,
          from.holder,
          from.heartbeat,
        )
      : this.connection().run('INSERT INTO lease VALUES (1, ?, ?) ON CONFLICT DO NOTHING', to.holder, to.heartbeat);
    return changes > 0;
  }

  async close(): Promise<void> {
    this.opened?.close();
    this.opened = undefined;
  }

  private connection(): SqliteConnection {
    if (this.opened) return this.opened;
    const connection = this.open();
    try {
      // A beat that a power cut takes away is missed by nobody: no commit waits for the disk.
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      connection.exec(`CREATE TABLE IF NOT EXISTS lease
        (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT, beat INTEGER NOT NULL)`);
    } catch (error) {
      connection.close();
      throw error;
    }
    return (this.opened = connection);
  }
}
