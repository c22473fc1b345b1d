import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Fastify from 'fastify';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';

/*
 * What somebody would write who wants nothing but to keep receipts: a Fastify route that appends a row for each, with the same
 * log and its group commit. No signature, no rules, no views.
 */

const log = SqliteLog.open({ file: join(process.env['DATA_DIR'] ?? '.', 'events.db') });
const server = Fastify();

interface Body {
  readonly entry: readonly {
    readonly changes: readonly { readonly value: { readonly statuses: readonly object[] } }[];
  }[];
}

server.post('/v1/webhooks/whatsapp', async (request) => {
  const { entry } = request.body as Body;
  const statuses = entry.flatMap(({ changes }) => changes.flatMap(({ value }) => value.statuses));
  const now = new Date().toISOString();
  const meta = {
    actor: { type: 'service', id: 'bare' } as const,
    ...{ correlation: request.id, causation: request.id, commandId: request.id, occurredAt: now, recordedAt: now },
  };
  await Promise.all(
    statuses.map((data) => {
      const id = randomUUID();
      return log.events.append(`receipt-${id}`, 0, [{ id, type: 'ReceiptRecorded', v: 1, org: 'default', data, meta }]);
    }),
  );
  return { recorded: statuses.length };
});

const url = await server.listen({ port: 0, host: '127.0.0.1' });
console.log(JSON.stringify({ url, msg: 'listening' }));
process.once('SIGTERM', () => void server.close().then(() => log.close()));
