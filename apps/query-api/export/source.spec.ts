import { expect, test } from '@jest/globals';
import { Readable } from 'node:stream';
import type { LeadResource } from '#resources/lead.resource';
import { requireCount, withExportDeadlines, chunkLeads } from './source.js';

const leads = Array.from({ length: 250 }, (_, nth) => ({ id: `l-${nth}` }) as LeadResource);

test('leads come some at a time, and are as many as were counted', async () => {
  const told: LeadResource[] = [];
  for await (const each of requireCount(chunkLeads(leads), 250)) {
    expect(each.length).toBeLessThanOrEqual(100);
    told.push(...each);
  }
  expect(told).toEqual(leads);
});

test.each([
  ['more', 249],
  ['fewer', 251],
  ['none', 1],
])('%s than were counted is an error', async (what, count) => {
  const drained = (async () => {
    for await (const _ of requireCount(chunkLeads(what === 'none' ? [] : leads), count));
  })();
  await expect(drained).rejects.toThrow(`${count} leads were counted`);
});

test.each([
  ['who takes nothing for too long', { totalMs: 60_000, idleMs: 20 }, /nothing was taken for 20 ms/],
  ['what takes too long as a whole', { totalMs: 20, idleMs: 60_000 }, /not done after 20 ms/],
])('%s is cut off, and what the leads came from is let go', async (_, patience, reason) => {
  let letGo = false;
  async function* source() {
    try {
      for (;;) yield leads;
    } finally {
      letGo = true;
    }
  }
  const stream: Readable = Readable.from(
    withExportDeadlines(source(), patience, (error) => void stream.destroy(error)),
  );
  stream.once('readable', () => undefined);
  await expect(new Promise((_, reject) => stream.on('error', reject))).rejects.toThrow(reason);
  while (!letGo) await new Promise((resolve) => setTimeout(resolve, 5));
});
