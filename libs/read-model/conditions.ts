import type { Condition } from './view-store.js';
import type { ColumnValue } from './view.js';

/** Conditions on columns, at most one for each. */
export interface MergedConditions {
  readonly where: readonly Condition[];
  /** What follows from `where`, on other columns: true of every row that `where` lets through. */
  readonly derived: readonly Condition[];
}

type In = Extract<Condition, { in: unknown }>;
export type RangeCondition = {
  readonly column: string;
  readonly from?: string | number;
  readonly to?: string | number;
};

export const isInCondition = (condition: Condition): condition is In => 'in' in condition;

/** A range without bounds is all that is not null. */
export const toRange = (condition: Exclude<Condition, In>): RangeCondition =>
  'notNull' in condition ? { column: condition.column } : condition;

/** Everything that is asked of a column as one condition; undefined when no row can meet them all. */
export function mergeConditions(
  where: readonly Condition[],
  implied: readonly Condition[] = [],
): MergedConditions | undefined {
  const asked = new Set(where.map(({ column }) => column));
  const byColumn = new Map<string, Condition>();
  for (const condition of [...where, ...implied]) {
    const both = intersection(byColumn.get(condition.column) ?? condition, condition);
    if (!both) return undefined;
    byColumn.set(condition.column, both);
  }
  const all = [...byColumn.values()];
  return {
    where: all.filter(({ column }) => asked.has(column)),
    derived: all.filter(({ column }) => !asked.has(column)),
  };
}

function intersection(a: Condition, b: Condition): Condition | undefined {
  if (isInCondition(a) || isInCondition(b)) {
    const [list, other] = isInCondition(a) ? [a, b] : [b as In, a];
    const values = [...new Set(list.in)].filter((value) => isAllowed(value, other));
    return values.length > 0 ? { column: a.column, in: values } : undefined;
  }
  const [one, two] = [toRange(a), toRange(b)];
  const from = [one.from, two.from]
    .filter((it) => it !== undefined)
    .toSorted(compareValues)
    .at(-1);
  const to = [one.to, two.to].filter((it) => it !== undefined).toSorted(compareValues)[0];
  if (from !== undefined && to !== undefined && compareValues(from, to) >= 0) return undefined;
  return { column: a.column, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
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

/** Numbers before texts, texts by code point: UTF-8 keeps that order, JavaScript's `<` does not. */
export function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
