import type { StatementSyncInstance } from '@photostructure/sqlite';
import type { IdempotencyStore, StoredResponse } from '../idempotency-store.js';
import type { LogConnections } from './log-connections.js';

// Appends wait behind a step.
const forgottenAtOnce = 500;

/** Kept answers in the log's file, written under the same commits as its events. */
export class SqliteIdempotencyStore implements IdempotencyStore {
  readonly #log: LogConnections;
  readonly #find: StatementSyncInstance;
  readonly #insert: StatementSyncInstance | undefined;
  readonly #forget: StatementSyncInstance | undefined;

  constructor(log: LogConnections) {
    this.#log = log;
    const { db, readOnly } = log.file;
    this.#find = db.prepare('SELECT body FROM answers WHERE command = ?');
    if (readOnly) return;
    this.#insert = db.prepare('INSERT INTO answers (command, kept, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
    this.#forget = db.prepare(
      'DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE kept < ? ORDER BY kept LIMIT ?)',
    );
  }

  async find(commandId: string): Promise<StoredResponse | undefined> {
    const body = this.#log.read(() => this.#bodyOf(commandId));
    return body === undefined ? undefined : (JSON.parse(body) as StoredResponse);
  }

  async saveIfAbsent(commandId: string, { request, answer, keptAt }: StoredResponse): Promise<StoredResponse> {
    const time = timeOf(keptAt);
    const body = JSON.stringify({ request, answer, keptAt });
    const kept = await this.#log.write(() => {
      this.#insert!.run(commandId, time, body);
      return this.#bodyOf(commandId)!;
    });
    return JSON.parse(kept) as StoredResponse;
  }

  async deleteBefore(time: string): Promise<number> {
    const before = timeOf(time);
    for (let forgotten = 0; ;) {
      const step = await this.#log.write(() => this.#forget!.run(before, forgottenAtOnce).changes);
      forgotten += step;
      if (step < forgottenAtOnce) return forgotten;
    }
  }

  #bodyOf(commandId: string): string | undefined {
    return (this.#find.get(commandId) as { body: string } | undefined)?.body;
  }
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new RangeError(`${text} is not a time`);
  return time;
}
