import { randomUUID } from 'node:crypto';
import type { StoredEvent } from '#domain/event-envelope';
import { dayMs, generateContactHistory } from './contact-generator.js';

/** An event such as the log has most of, each with an id of its own. */
export function sampleEvents(): { next(): StoredEvent } {
  const end = Date.parse('2026-06-30T12:00:00.000Z');
  const world = { org: 'default', seed: 1, begin: end - 700 * dayMs, end, eventsPerLead: 20 };
  const { appends } = generateContactHistory(world, 1, world.begin);
  const one = appends.flatMap(({ events }) => events).find(({ type }) => type === 'InteractionRecorded')!;
  return { next: () => ({ ...one, id: randomUUID() }) };
}
