import type { Beat, Lease } from '../lease.js';
import type { Connection } from './connection.js';

/** One row in a file of its own: no view is held up by it. */
export class SqliteLease implements Lease {
  private opened: Connection | undefined;

  constructor(private readonly open: () => Connection) {}

  async read(): Promise<Beat | null> {
    const [holder, beat] = this.connection().get<[string | null, number]>('SELECT holder, beat FROM lease') ?? [];
    return beat === undefined ? null : { holder: holder ?? null, beat };
  }

  async move(from: Beat | null, to: Beat): Promise<boolean> {
    const { changes } = from
      ? this.connection().run(
          'UPDATE lease SET holder = ?, beat = ? WHERE holder IS ? AND beat = ?',
          to.holder,
          to.beat,
          from.holder,
          from.beat,
        )
      : this.connection().run('INSERT INTO lease VALUES (1, ?, ?) ON CONFLICT DO NOTHING', to.holder, to.beat);
    return changes > 0;
  }

  async close(): Promise<void> {
    this.opened?.close();
    this.opened = undefined;
  }

  private connection(): Connection {
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
