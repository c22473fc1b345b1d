import { type Conditions, isIn } from '../conditions.js';
import type { Condition } from '../view-store.js';
import type { ColumnValue, Index } from '../view.js';
import { sql, type Sql } from './conditions.sql.js';
import { carriedBy, quoted } from './schema.sql.js';

/** What is known of a column: asked for, or implied. */
export const knownOf = (column: string, { where, implied }: Conditions): Condition | undefined =>
  where.find((it) => it.column === column) ?? implied.find((it) => it.column === column);

const valuesOf = (column: string, conditions: Conditions): readonly ColumnValue[] | undefined => {
  const known = knownOf(column, conditions);
  return known && isIn(known) ? known.in : undefined;
};

/** Every column before the sort has its values, and the rows it leaves out are not asked for. */
export const isUsable = ({ equal, where: only }: Index, conditions: Conditions): boolean =>
  equal.every((column) => valuesOf(column, conditions)) &&
  Object.entries(only ?? {}).every(([column, value]) => {
    const values = valuesOf(column, conditions);
    return values?.length === 1 && values[0] === value;
  });

/** The columns that say which part of the index is read. */
const keysOf = ({ equal, sort, where }: Index): readonly string[] => [
  ...equal,
  ...(sort === undefined ? [] : [sort]),
  ...Object.keys(where ?? {}),
];

/** Whether a column's value stands in the index. */
export const holds = (index: Index, column: string): boolean =>
  keysOf(index).includes(column) || carriedBy(index).includes(column);

/** The conditions asked that are answered by reading only a part of the index. */
export const coverOf = (index: Index, { where }: Conditions): readonly Condition[] =>
  where.filter(({ column }) => keysOf(index).includes(column));

/** The conditions asked that the index alone can tell about. */
export const toldBy = (index: Index, { where }: Conditions): readonly Condition[] =>
  where.filter(({ column }) => keysOf(index).includes(column) || carriedBy(index).includes(column));

/** Whether no row need be looked at to tell whether it matches, and its value in a column. */
export const tellsAll = (index: Index, conditions: Conditions, column?: string): boolean =>
  toldBy(index, conditions).length === conditions.where.length &&
  // Without a sort there is no key in it, which a page needs.
  (column === undefined || (index.sort !== undefined && [...keysOf(index), ...carriedBy(index)].includes(column)));

/** All that is known of the columns that say which part of the index is read. */
export const partOf = (index: Index, conditions: Conditions): readonly Condition[] =>
  [...new Set(keysOf(index))].map((column) => knownOf(column, conditions)).filter((it) => it !== undefined);

export const countWays = ({ equal }: Index, conditions: Conditions): number =>
  equal.reduce((ways, column) => ways * (valuesOf(column, conditions)?.length ?? 1), 1);

/** Every combination of the values before the sort: within each, an index is in order. */
export const waysOf = ({ equal }: Index, conditions: Conditions): readonly (readonly Sql[])[] =>
  equal.reduce<readonly (readonly Sql[])[]>(
    (ways, column) => {
      const each = (valuesOf(column, conditions) ?? []).map((value) =>
        value === null ? sql(`${quoted(column)} IS NULL`) : sql(`${quoted(column)} = ?`, value),
      );
      return ways.flatMap((way) => each.map((part) => [...way, part]));
    },
    [[]],
  );
