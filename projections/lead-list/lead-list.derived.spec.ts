import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import { statuses } from '#domain/lead/lead.vocabulary';
import { affectedKeys, applyEvent } from '#read-model/view-fold';
import type { Condition } from '#read-model/view-store';
import { dayMs } from '#test/bench/contact-generator';
import { generateAppends } from '#test/bench/append-generator';
import { projectColumns } from '#test/support/project-rows';
import { deriveConditions } from './lead-list.derived.js';
import { leadListView, type LeadRow } from './lead-list.projection.js';

const end = Date.parse('2026-06-30T12:00:00.000Z');
const dataset = { org: 'default', seed: 3, begin: end - 200 * dayMs, end, eventsPerLead: 9 };
const daysAgo = (days: number): string => new Date(end - days * dayMs).toISOString();
const table = leadListView.tables['leads']!;

const filters: readonly Condition[] = [
  ...statuses.map((_, index) => ({ column: 'status', in: [index] })),
  { column: 'status', in: [0, 2, 4] },
  { column: 'status', in: [5, 7] },
  { column: 'status', in: [4, 5] },
  ...[[1], [0], [0, 1]].map((values) => ({ column: 'active', in: values })),
  { column: 'nextFollowUpAt', to: daysAgo(20) },
  { column: 'nextFollowUpAt', from: daysAgo(20), to: daysAgo(10) },
  { column: 'nextFollowUpAt', in: [null] },
  ...['createdAt', 'updatedAt'].flatMap((column) => [
    { column, from: daysAgo(60) },
    { column, to: daysAgo(60) },
    { column, from: daysAgo(60), to: daysAgo(30) },
  ]),
];

function holds(condition: Condition, row: Readonly<Record<string, unknown>>): boolean {
  const value = row[condition.column];
  if ('in' in condition) return condition.in.includes(value as never);
  const { from, to } = { from: undefined, to: undefined, ...condition };
  return value !== null && (from === undefined || value! >= from) && (to === undefined || value! < to);
}

it('every derived condition holds for every lead that matches the filter, after each of its events', () => {
  const rows = new Map<string, LeadRow>();
  const derivedByFilter = new Map(filters.map((filter) => [filter, deriveConditions([filter])]));
  let checks = 0;
  for (const { events } of generateAppends(dataset, 300))
    for (const event of events as unknown as readonly RecordedEvent[])
      for (const key of affectedKeys(table, event)) {
        const row = applyEvent(table, rows.get(key), event, key)!;
        rows.set(key, row);
        const columns = projectColumns(leadListView, 'leads', row);
        for (const [filter, derived] of derivedByFilter)
          if (holds(filter, columns))
            for (const condition of derived) {
              checks += 1;
              if (!holds(condition, columns))
                throw new Error(`${JSON.stringify(condition)} does not hold: ${JSON.stringify(columns)}`);
            }
      }
  expect(checks).toBeGreaterThan(10_000);
});

describe('deriveConditions', () => {
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
    [
      'leads with a follow-up due before a time',
      { column: 'nextFollowUpAt', to: 'b' },
      [isActive, { column: 'status', to: 5 }],
    ],
    ['leads updated before a time', { column: 'updatedAt', from: 'a', to: 'b' }, [{ column: 'createdAt', to: 'b' }]],
    ['leads updated since a time', { column: 'updatedAt', from: 'a' }, []],
    ['leads opened since a time', { column: 'createdAt', from: 'a', to: 'b' }, [{ column: 'updatedAt', from: 'a' }]],
    ['leads opened before a time', { column: 'createdAt', to: 'b' }, []],
    ...[1, 0, 7].map((value) => ['other columns', { column: 'score', in: [value] }, []] as never),
    ['scores', { column: 'score', from: 1, to: 3 }, []],
  ])('derives from a filter for %s exactly the conditions that follow from it', (_, filter, derived) =>
    expect(deriveConditions([filter])).toEqual(derived),
  );
});

it('derives no condition from a filter that allows active and closed leads, or that only requires a value', () => {
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
