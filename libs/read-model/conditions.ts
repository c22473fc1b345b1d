import type { Condition } from './view-store.js';
import type { ColumnValue } from './view.js';

/** The conditions of a query, with at most one for each column. */
export interface MergedConditions {
  readonly where: readonly Condition[];
  /** Conditions on other columns that hold for every row that `where` allows. */
  readonly derived: readonly Condition[];
}

type InCondition = Extract<Condition, { in: unknown }>;
export type RangeCondition = {
  readonly column: string;
  readonly from?: string | number;
  readonly to?: string | number;
};

export const isInCondition = (condition: Condition): condition is InCondition => 'in' in condition;

/** `notNull` becomes a range without bounds. */
export const toRange = (condition: Exclude<Condition, InCondition>): RangeCondition =>
  'notNull' in condition ? { column: condition.column } : condition;

/** Combines all conditions on a column into one. Undefined when no row can satisfy them all. */
export function mergeConditions(
  where: readonly Condition[],
  derived: readonly Condition[] = [],
): MergedConditions | undefined {
  const requested = new Set(where.map(({ column }) => column));
  const byColumn = new Map<string, Condition>();
  for (const condition of [...where, ...derived]) {
    const merged = intersect(byColumn.get(condition.column) ?? condition, condition);
    if (!merged) return undefined;
    byColumn.set(condition.column, merged);
  }
  const all = [...byColumn.values()];
  return {
    where: all.filter(({ column }) => requested.has(column)),
    derived: all.filter(({ column }) => !requested.has(column)),
  };
}

function intersect(a: Condition, b: Condition): Condition | undefined {
  if (isInCondition(a)) return filterValues(a, b);
  if (isInCondition(b)) return filterValues(b, a);
  const ranges = [toRange(a), toRange(b)];
  const from = ranges
    .flatMap((range) => range.from ?? [])
    .toSorted(compareValues)
    .at(-1);
  const to = ranges.flatMap((range) => range.to ?? []).toSorted(compareValues)[0];
  if (from !== undefined && to !== undefined && compareValues(from, to) >= 0) return undefined;
  return { column: a.column, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function filterValues(list: InCondition, condition: Condition): Condition | undefined {
  const values = [...new Set(list.in)].filter((value) => isAllowed(value, condition));
  return values.length > 0 ? { column: list.column, in: values } : undefined;
}

function isAllowed(value: ColumnValue, condition: Condition): boolean {
  if (isInCondition(condition)) return condition.in.includes(value);
  const { from, to } = toRange(condition);
  return (
    value !== null &&
    (from === undefined || compareValues(value, from) >= 0) &&
    (to === undefined || compareValues(value, to) < 0)
  );
}

/** Sorts numbers before texts, and texts by code point: the order of UTF-8, which differs from JavaScript's `<`. */
export function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
