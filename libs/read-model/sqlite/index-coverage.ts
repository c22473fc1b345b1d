import { isInCondition, type MergedConditions } from '../conditions.js';
import type { Condition } from '../view-store.js';
import type { ColumnValue, Index } from '../view.js';
import { includedColumns } from './schema.sql.js';

/** The condition on a column, whether requested or derived. */
export const findCondition = (column: string, { where, derived }: MergedConditions): Condition | undefined =>
  where.find((condition) => condition.column === column) ?? derived.find((condition) => condition.column === column);

/** The values that a column may have; undefined if the conditions do not list them. */
export const valuesOf = (column: string, conditions: MergedConditions): readonly ColumnValue[] | undefined => {
  const condition = findCondition(column, conditions);
  return condition && isInCondition(condition) ? condition.in : undefined;
};

/** Whether the values of all columns before the sort column are listed, and a partial index contains every row that may match. */
export const isUsableIndex = ({ prefix, where = {} }: Index, conditions: MergedConditions): boolean =>
  prefix.every((column) => valuesOf(column, conditions)) &&
  Object.entries(where).every(([column, value]) => {
    const values = valuesOf(column, conditions);
    return values?.length === 1 && values[0] === value;
  });

/** Columns that restrict the range of the index that is read. */
const keyColumns = ({ prefix, sort, where }: Index): readonly string[] => [
  ...prefix,
  ...(sort === undefined ? [] : [sort]),
  ...Object.keys(where ?? {}),
];

export const indexHasColumn = (index: Index, column: string): boolean =>
  keyColumns(index).includes(column) || includedColumns(index).includes(column);

/** The requested conditions that restrict the range of the index that is read. */
export const accessConditions = (index: Index, { where }: MergedConditions): readonly Condition[] =>
  where.filter(({ column }) => keyColumns(index).includes(column));

/** The requested conditions that can be checked without reading the row. */
export const coveredConditions = (index: Index, { where }: MergedConditions): readonly Condition[] =>
  where.filter(({ column }) => indexHasColumn(index, column));

/** Whether matching rows can be found and, with `sortColumn`, sorted without reading any row. */
export const isCoveringIndex = (index: Index, conditions: MergedConditions, sortColumn?: string): boolean =>
  coveredConditions(index, conditions).length === conditions.where.length &&
  // An index without a sort column does not contain the key, which breaks ties on a page.
  (sortColumn === undefined || (index.sort !== undefined && indexHasColumn(index, sortColumn)));

/** The conditions, requested and derived, that restrict the range of the index that is read. */
export const scannedRange = (index: Index, conditions: MergedConditions): readonly Condition[] =>
  [...new Set(keyColumns(index))]
    .map((column) => findCondition(column, conditions))
    .filter((condition) => condition !== undefined);

/** The number of combinations of values before the sort column. The index is in sort order only within each of them. */
export const countPrefixScans = ({ prefix }: Index, conditions: MergedConditions): number =>
  prefix.reduce((count, column) => count * (valuesOf(column, conditions)?.length ?? 1), 1);
