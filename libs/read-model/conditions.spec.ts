import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareValues, isInCondition, mergeConditions, toRange } from './conditions.js';
import type { Condition } from './view-store.js';
import type { ColumnValue } from './view.js';

const texts = ['a', 'b', '\uFFFD', '\u{1F600}'];
const value: fc.Arbitrary<ColumnValue> = fc.constantFrom(null, -1, 0, 1, 2.5, ...texts);
const bound = value.filter((generated) => generated !== null);
const column = fc.constantFrom('x', 'y');
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ column, in: fc.array(value, { maxLength: 4 }) }),
  fc.record({ column, notNull: fc.constant(true as const) }),
  fc.record({ column, from: bound, to: bound }, { requiredKeys: ['column'] }),
);

function holds(required: Condition, row: Readonly<Record<string, ColumnValue>>): boolean {
  const actual = row[required.column]!;
  if (isInCondition(required)) return required.in.includes(actual);
  const { from, to } = toRange(required);
  if (actual === null) return false;
  return (
    (from === undefined || compareValues(actual, from) >= 0) && (to === undefined || compareValues(actual, to) < 0)
  );
}

describe('mergeConditions', () => {
  it('merges conditions to one per column that allow the same rows, or to undefined if no row is allowed', () => {
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 5 }), fc.record({ x: value, y: value }), (where, row) => {
        const merged = mergeConditions(where);
        const isAllowed = merged !== undefined && merged.where.every((required) => holds(required, row));
        expect(isAllowed).toBe(where.every((required) => holds(required, row)));
        const columns = merged?.where.map((required) => required.column) ?? [];
        expect(new Set(columns).size).toBe(columns.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps derived conditions on other columns separate, and narrows requested conditions on the same column', () => {
    const where: Condition[] = [{ column: 'x', in: [1, 2, null] }];
    expect(mergeConditions(where, [{ column: 'y', from: 3 }])).toEqual({ where, derived: [{ column: 'y', from: 3 }] });
    expect(mergeConditions(where, [{ column: 'x', from: 2 }])).toEqual({
      where: [{ column: 'x', in: [2] }],
      derived: [],
    });
    expect(mergeConditions(where, [{ column: 'x', from: 3 }])).toBeUndefined();
  });
});
