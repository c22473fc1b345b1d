import { randomUUID } from 'node:crypto';
import type { StoredEvent } from '#domain/event-envelope';
import { dayMs, generateContactHistory } from './contact-generator.js';

/** Generates events of the most frequent kind, each with a new id. */
export function sampleEvents(): { next(): StoredEvent } {
  const end = Date.parse('2026-06-30T12:00:00.000Z');
  const options = { org: 'default', seed: 1, begin: end - 700 * dayMs, end, eventsPerLead: 20 };
  const { appends } = generateContactHistory(options, 1, options.begin);
  const sample = appends.flatMap(({ events }) => events).find(({ type }) => type === 'InteractionRecorded')!;
  return { next: () => ({ ...sample, id: randomUUID() }) };
}
