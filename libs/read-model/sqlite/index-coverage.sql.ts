import { type MergedConditions, isInCondition } from '../conditions.js';
import type { Condition } from '../view-store.js';
import type { ColumnValue, Index } from '../view.js';
import { sql, type SqlFragment } from './conditions.sql.js';
import { includedColumns, quoteIdentifier } from './schema.sql.js';

/** What is known of a column: asked for, or implied. */
export const findCondition = (column: string, { where, derived: implied }: MergedConditions): Condition | undefined =>
  where.find((it) => it.column === column) ?? implied.find((it) => it.column === column);

const valuesOf = (column: string, conditions: MergedConditions): readonly ColumnValue[] | undefined => {
  const known = findCondition(column, conditions);
  return known && isInCondition(known) ? known.in : undefined;
};

/** Every column before the sort has its values, and the rows it leaves out are not asked for. */
export const isUsableIndex = ({ prefix: equal, where: only }: Index, conditions: MergedConditions): boolean =>
  equal.every((column) => valuesOf(column, conditions)) &&
  Object.entries(only ?? {}).every(([column, value]) => {
    const values = valuesOf(column, conditions);
    return values?.length === 1 && values[0] === value;
  });

/** The columns that say which part of the index is read. */
const keysOf = ({ prefix: equal, sort, where }: Index): readonly string[] => [
  ...equal,
  ...(sort === undefined ? [] : [sort]),
  ...Object.keys(where ?? {}),
];

/** Whether a column's value stands in the index. */
export const indexHasColumn = (index: Index, column: string): boolean =>
  keysOf(index).includes(column) || includedColumns(index).includes(column);

/** The conditions asked that are answered by reading only a part of the index. */
export const accessConditions = (index: Index, { where }: MergedConditions): readonly Condition[] =>
  where.filter(({ column }) => keysOf(index).includes(column));

/** The conditions asked that the index alone can tell about. */
export const coveredConditions = (index: Index, { where }: MergedConditions): readonly Condition[] =>
  where.filter(({ column }) => keysOf(index).includes(column) || includedColumns(index).includes(column));

/** Whether no row need be looked at to tell whether it matches, and its value in a column. */
export const isCoveringIndex = (index: Index, conditions: MergedConditions, column?: string): boolean =>
  coveredConditions(index, conditions).length === conditions.where.length &&
  // Without a sort there is no key in it, which a page needs.
  (column === undefined ||
    (index.sort !== undefined && [...keysOf(index), ...includedColumns(index)].includes(column)));

/** All that is known of the columns that say which part of the index is read. */
export const scannedRange = (index: Index, conditions: MergedConditions): readonly Condition[] =>
  [...new Set(keysOf(index))].map((column) => findCondition(column, conditions)).filter((it) => it !== undefined);

export const countPrefixScans = ({ prefix: equal }: Index, conditions: MergedConditions): number =>
  equal.reduce((ways, column) => ways * (valuesOf(column, conditions)?.length ?? 1), 1);

/** Every combination of the values before the sort: within each, an index is in order. */
export const prefixScans = (
  { prefix: equal }: Index,
  conditions: MergedConditions,
): readonly (readonly SqlFragment[])[] =>
  equal.reduce<readonly (readonly SqlFragment[])[]>(
    (ways, column) => {
      const each = (valuesOf(column, conditions) ?? []).map((value) =>
        value === null ? sql(`${quoteIdentifier(column)} IS NULL`) : sql(`${quoteIdentifier(column)} = ?`, value),
      );
      return ways.flatMap((way) => each.map((part) => [...way, part]));
    },
    [[]],
  );
