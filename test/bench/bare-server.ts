import { join } from 'node:path';
import Fastify from 'fastify';
import { BareTable } from './bare-table.js';

/*
 * What somebody would write who wants nothing but to keep what comes in: a Fastify route that appends it to a table, as durably
 * as we do and with the same group commit. No rules, no signatures, no ids, no views.
 */

const table = new BareTable(join(process.env['DATA_DIR'] ?? '.', 'bare.db'));
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
  await Promise.all(statuses.map((status) => table.append(status)));
  return { recorded: statuses.length };
});

/** A row for each command. */
server.post('/*', async (request) => ({ position: await table.append(request.body) }));

const url = await server.listen({ port: 0, host: '127.0.0.1' });
console.log(JSON.stringify({ url, msg: 'listening' }));
process.once('SIGTERM', () => void server.close().then(() => table.close()));
