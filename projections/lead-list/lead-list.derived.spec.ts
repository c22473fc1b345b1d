import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import { statuses } from '#domain/lead/lead.vocabulary';
import type { Condition } from '#read-model/view-store';
import { dayMs } from '#test/bench/contact-generator';
import { generateAppends } from '#test/bench/append-generator';
import { projectColumns } from '#test/support/project-rows';
import { deriveConditions } from './lead-list.derived.js';
import { leadList, type LeadRow } from './lead-list.projection.js';

const end = Date.parse('2026-06-30T12:00:00.000Z');
const world = { org: 'default', seed: 3, begin: end - 200 * dayMs, end, eventsPerLead: 9 };
const ago = (days: number): string => new Date(end - days * dayMs).toISOString();
const table = leadList.tables['leads']!;

const filters: readonly Condition[] = [
  ...statuses.map((_, nth) => ({ column: 'status', in: [nth] })),
  { column: 'status', in: [0, 2, 4] },
  { column: 'status', in: [5, 7] },
  { column: 'status', in: [4, 5] },
  ...[[1], [0], [0, 1]].map((values) => ({ column: 'active', in: values })),
  { column: 'nextFollowUpAt', to: ago(20) },
  { column: 'nextFollowUpAt', from: ago(20), to: ago(10) },
  { column: 'nextFollowUpAt', in: [null] },
  ...['createdAt', 'updatedAt'].flatMap((column) => [
    { column, from: ago(60) },
    { column, to: ago(60) },
    { column, from: ago(60), to: ago(30) },
  ]),
];

function holds(condition: Condition, row: Readonly<Record<string, unknown>>): boolean {
  const value = row[condition.column];
  if ('in' in condition) return condition.in.includes(value as never);
  const { from, to } = { from: undefined, to: undefined, ...condition };
  return value !== null && (from === undefined || value! >= from) && (to === undefined || value! < to);
}

it('says of a filter only what is so for every lead at every moment of its life', () => {
  const rows = new Map<string, LeadRow>();
  const told = new Map(filters.map((filter) => [filter, deriveConditions([filter])]));
  let met = 0;
  for (const { events } of generateAppends(world, 300))
    for (const event of events as unknown as readonly RecordedEvent[])
      for (const key of (table.keys[event.type] as ((event: RecordedEvent) => readonly string[]) | undefined)?.(
        event,
      ) ?? []) {
        const row = table.evolve(rows.get(key), event, key) as LeadRow;
        rows.set(key, row);
        const columns = projectColumns(leadList, 'leads', row);
        for (const [filter, implied] of told)
          if (holds(filter, columns))
            for (const each of implied) {
              met += 1;
              if (!holds(each, columns))
                throw new Error(`${JSON.stringify(each)} does not hold: ${JSON.stringify(columns)}`);
            }
      }
  expect(met).toBeGreaterThan(10_000);
});

describe('says of', () => {
  const [isActive, isClosed] = [
    { column: 'active', in: [1] },
    { column: 'active', in: [0] },
  ];
  const withoutFollowUp = { column: 'nextFollowUpAt', in: [null] };
  it.each<[string, Condition, readonly Condition[]]>([
    ['active leads', isActive, [{ column: 'status', to: 5 }]],
    ['closed leads', isClosed, [{ column: 'status', from: 5 }, withoutFollowUp]],
    ['active statuses', { column: 'status', in: [0, 4] }, [isActive]],
    ['final statuses', { column: 'status', in: [5, 7] }, [isClosed, withoutFollowUp]],
    ['leads to follow up by a time', { column: 'nextFollowUpAt', to: 'b' }, [isActive, { column: 'status', to: 5 }]],
    ['leads updated before a time', { column: 'updatedAt', from: 'a', to: 'b' }, [{ column: 'createdAt', to: 'b' }]],
    ['leads updated since a time', { column: 'updatedAt', from: 'a' }, []],
    ['leads opened since a time', { column: 'createdAt', from: 'a', to: 'b' }, [{ column: 'updatedAt', from: 'a' }]],
    ['leads opened before a time', { column: 'createdAt', to: 'b' }, []],
    ...[1, 0, 7].map((value) => ['other columns', { column: 'score', in: [value] }, []] as never),
    ['scores', { column: 'score', from: 1, to: 3 }, []],
  ])('%s what follows', (_, filter, implied) => expect(deriveConditions([filter])).toEqual(implied));
});

it('says nothing of filters that allow both, or that something is there', () => {
  expect(
    deriveConditions([
      { column: 'status', in: [4, 5] },
      { column: 'active', in: [0, 1] },
      { column: 'active', in: [] },
    ]),
  ).toEqual([]);
  expect(
    deriveConditions([
      { column: 'nextFollowUpAt', notNull: true },
      { column: 'score', from: 3 },
    ]),
  ).toEqual([]);
});
