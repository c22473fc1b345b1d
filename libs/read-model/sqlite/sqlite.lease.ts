import type { Lease, LeaseRecord } from '../lease.js';
import type { SqliteConnection } from './connection.js';

/** A single row in a separate file, so that it never blocks the writing of a view. The column `beat` stores the heartbeat. */
export class SqliteLease implements Lease {
  private opened: SqliteConnection | undefined;

  constructor(private readonly open: () => SqliteConnection) {}

  async read(): Promise<LeaseRecord | null> {
    const stored = this.connection().get<[string | null, number]>('SELECT holder, beat FROM lease');
    return stored ? { holder: stored[0], heartbeat: stored[1] } : null;
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
      // Losing a heartbeat in a power failure does no harm, so no commit waits for the disk.
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      connection.exec(`CREATE TABLE IF NOT EXISTS lease
        (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT, beat INTEGER NOT NULL)`);
    } catch (error) {
      connection.close();
      throw error;
    }
    this.opened = connection;
    return connection;
  }
}
