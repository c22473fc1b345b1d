import { expect, test } from '@jest/globals';
import { Readable } from 'node:stream';
import type { LeadResource } from '#resources/lead.resource';
import { requireCount, withExportDeadlines, chunkLeads } from './lead-batches.js';

const leads = Array.from({ length: 250 }, (_, index) => ({ id: `l-${index}` }) as LeadResource);

test('an export source yields the expected number of leads in batches of at most 100', async () => {
  const received: LeadResource[] = [];
  for await (const batch of requireCount(chunkLeads(leads), 250)) {
    expect(batch.length).toBeLessThanOrEqual(100);
    received.push(...batch);
  }
  expect(received).toEqual(leads);
});

test.each([
  ['has more leads than expected', leads, 249],
  ['has fewer leads than expected', leads, 251],
  ['has no leads although one was expected', [], 1],
])('an export source that %s fails', async (_, source, count) => {
  const drained = (async () => {
    for await (const _ of requireCount(chunkLeads(source), count));
  })();
  await expect(drained).rejects.toThrow(`expected ${count} leads`);
});

test.each([
  ['accepts no data for too long', { totalMs: 60_000, idleMs: 20 }, /the client accepted no data for 20 ms/],
  ['takes too long in total', { totalMs: 20, idleMs: 60_000 }, /not finished after 20 ms/],
])('an export whose client %s is stopped, and its source is closed', async (_, deadlines, reason) => {
  let isClosed = false;
  async function* source() {
    try {
      for (;;) yield leads;
    } finally {
      isClosed = true;
    }
  }
  const stream: Readable = Readable.from(
    withExportDeadlines(source(), deadlines, (error) => void stream.destroy(error)),
  );
  stream.once('readable', () => undefined);
  await expect(new Promise((_, reject) => stream.on('error', reject))).rejects.toThrow(reason);
  while (!isClosed) await new Promise((resolve) => setTimeout(resolve, 5));
});
