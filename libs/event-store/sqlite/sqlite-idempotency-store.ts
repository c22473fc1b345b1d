import type { StatementSyncInstance } from '@photostructure/sqlite';
import { type IdempotencyStore, type StoredResponse, parseTime } from '../idempotency-store.js';
import type { LogConnections } from './log-connections.js';

// Small, because appends wait while a batch is deleted.
const deleteBatchSize = 500;

/** Stored responses in the log's file, written in the same commits as its events. */
export class SqliteIdempotencyStore implements IdempotencyStore {
  private readonly selectResponse: StatementSyncInstance;
  private readonly insertResponse: StatementSyncInstance | undefined;
  private readonly deleteResponses: StatementSyncInstance | undefined;

  constructor(private readonly log: LogConnections) {
    const { db, readOnly } = log.file;
    this.selectResponse = db.prepare('SELECT body FROM answers WHERE command = ?');
    if (readOnly) return;
    this.insertResponse = db.prepare(
      'INSERT INTO answers (command, kept, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.deleteResponses = db.prepare(
      'DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE kept < ? ORDER BY kept LIMIT ?)',
    );
  }

  async find(commandId: string): Promise<StoredResponse | undefined> {
    const body = this.log.read(() => this.readBody(commandId));
    return body === undefined ? undefined : (JSON.parse(body) as StoredResponse);
  }

  async saveIfAbsent(commandId: string, { request, answer, keptAt }: StoredResponse): Promise<StoredResponse> {
    const time = parseTime(keptAt);
    const body = JSON.stringify({ request, answer, keptAt });
    const storedBody = await this.log.write(() => {
      this.insertResponse!.run(commandId, time, body);
      return this.readBody(commandId)!;
    });
    return JSON.parse(storedBody) as StoredResponse;
  }

  async deleteBefore(time: string): Promise<number> {
    const before = parseTime(time);
    for (let total = 0; ;) {
      const deleted = await this.log.write(() => this.deleteResponses!.run(before, deleteBatchSize).changes);
      total += deleted;
      if (deleted < deleteBatchSize) return total;
    }
  }

  private readBody(commandId: string): string | undefined {
    return (this.selectResponse.get(commandId) as { body: string } | undefined)?.body;
  }
}
