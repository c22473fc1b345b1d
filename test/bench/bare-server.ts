import { join } from 'node:path';
import Fastify from 'fastify';
import { BareTable } from './bare-table.js';

/*
 * The baseline of the benches over HTTP: a Fastify route that appends what it receives to a table, as durably as Leadstream and
 * with the same group commit. It has no rules, signatures, ids or views.
 */

const table = new BareTable(join(process.env['DATA_DIR'] ?? '.', 'bare.db'));
const server = Fastify();

interface WhatsAppWebhook {
  readonly entry: readonly {
    readonly changes: readonly { readonly value: { readonly statuses: readonly object[] } }[];
  }[];
}

/** Appends a row for each receipt. */
server.post('/v1/webhooks/whatsapp', async (request) => {
  const { entry } = request.body as WhatsAppWebhook;
  const statuses = entry.flatMap(({ changes }) => changes.flatMap(({ value }) => value.statuses));
  await Promise.all(statuses.map((status) => table.append(status)));
  return { recorded: statuses.length };
});

/** Appends a row for each command. */
server.post('/*', async (request) => ({ position: await table.append(request.body) }));

const url = await server.listen({ port: 0, host: '127.0.0.1' });
console.log(JSON.stringify({ url, msg: 'listening' }));
process.once('SIGTERM', () => void server.close().then(() => table.close()));
