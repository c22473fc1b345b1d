import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import Fastify from 'fastify';
import { GroupCommit } from '#event-store/sqlite/group-commit';

/*
 * What somebody would write who wants nothing but to keep what comes in: a Fastify route that appends it to a table, as durably
 * as we do and with the same group commit. No rules, no signatures, no ids, no views.
 */

const db = new DatabaseSync(join(process.env['DATA_DIR'] ?? '.', 'bare.db'));
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  CREATE TABLE rows (position INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
`);
const commits = new GroupCommit(db, () => undefined);
const insert = db.prepare('INSERT INTO rows (body) VALUES (?)');
const append = (body: unknown): Promise<number> => {
  const text = JSON.stringify(body);
  return commits.run(() => Number(insert.run(text).lastInsertRowid), 1);
};
const server = Fastify();

interface Webhook {
  readonly entry: readonly {
    readonly changes: readonly { readonly value: { readonly statuses: readonly object[] } }[];
  }[];
}

/** A row for each receipt. */
server.post('/v1/webhooks/whatsapp', async (request) => {
  const { entry } = request.body as Webhook;
  const statuses = entry.flatMap(({ changes }) => changes.flatMap(({ value }) => value.statuses));
  await Promise.all(statuses.map(append));
  return { recorded: statuses.length };
});

/** A row for each command. */
server.post('/*', async (request) => ({ position: await append(request.body) }));

const url = await server.listen({ port: 0, host: '127.0.0.1' });
console.log(JSON.stringify({ url, msg: 'listening' }));
process.once('SIGTERM', () => void server.close().then(() => (commits.close(), db.close())));
