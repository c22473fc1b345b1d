import type { Condition, Query } from '../view-store.js';
import type { Index } from '../view.js';
import { toSql } from './connection.js';
import { literal, quoted, type TableShape } from './schema.sql.js';

/** A piece of SQL and the values of its question marks. */
export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
}

export const sql = (text: string, ...values: readonly unknown[]): Sql => ({ text, values: values.map(toSql) });
export const sqlAsIs = (text: string, values: readonly unknown[]): Sql => ({ text, values });
export const joined = (parts: readonly Sql[], by: string): Sql =>
  sqlAsIs(
    parts.map(({ text }) => text).join(by),
    parts.flatMap(({ values }) => values),
  );
export const all = (parts: readonly Sql[]): Sql => (parts.length === 0 ? sql('1') : joined(parts, ' AND '));

type In = Extract<Condition, { in: unknown }>;

export const isIn = (condition: Condition): condition is In => 'in' in condition;
export const isRange = (condition: Condition): condition is Exclude<Condition, { in: unknown } | { notNull: true }> =>
  !isIn(condition) && !('notNull' in condition);

/** A condition that allows nothing: to SQLite it would be a constant, and no index would fit. */
export const isHopeless = (where: readonly Condition[], words: Required<Query>['words']): boolean =>
  where.some((condition) => isIn(condition) && condition.in.length === 0) ||
  words.some((starts) => starts.length === 0);

/** @throws Error when the table has no such column: names are never taken from outside into SQL. */
export function columnOf(table: TableShape, name: string): string {
  if (!table.columns.includes(name)) throw new Error(`there is no column ${name}, but ${table.columns.join(', ')}`);
  return quoted(name);
}

export const conditionsSql = (table: TableShape, where: readonly Condition[]): Sql[] =>
  where.map((condition) => conditionSql(table, condition));

/** `sign` `+` keeps SQLite from looking for an index for it. */
export function conditionSql(table: TableShape, condition: Condition, sign: '' | '+' = ''): Sql {
  const column = sign + columnOf(table, condition.column);
  if (!isIn(condition)) {
    const { from, to } = isRange(condition) ? condition : {};
    const bounds = [
      ...(from === undefined ? [] : [sql(`${column} >= ?`, from)]),
      ...(to === undefined ? [] : [sql(`${column} < ?`, to)]),
    ];
    return bounds.length === 0 ? sql(`${column} IS NOT NULL`) : all(bounds);
  }
  const values = condition.in.filter((value) => value !== null);
  const parts = condition.in.includes(null) ? [sql(`${column} IS NULL`)] : [];
  if (values.length > 1) parts.push(sql(`${column} IN (${values.map(() => '?').join(', ')})`, ...values));
  for (const only of values.length === 1 ? values : []) {
    // Only from a literal can SQLite tell that a partial index holds all that is asked for.
    const known = table.indexes.some((index) => index.where?.[condition.column] === only);
    parts.push(known ? sql(`${column} = ${literal(only)}`) : sql(`${column} = ?`, only));
  }
  const { text, values: bound } = joined(parts, ' OR ');
  return sqlAsIs(`(${text})`, bound);
}

/** A word begins a token, told from the row's own list of them. */
export function scanned(starts: readonly string[]): Sql {
  const { text, values } = joined(
    starts.map((start) => sql('instr(_tokens, ?) > 0', ` ${start}`)),
    ' OR ',
  );
  return sqlAsIs(`(${text})`, values);
}

const valuesOf = (column: string, where: readonly Condition[]): In | undefined =>
  where.find((condition): condition is In => condition.column === column && isIn(condition));

/** Every column before the sort has its values, and the rows it leaves out are not asked for. */
export const isUsable = ({ equal, where: only }: Index, where: readonly Condition[]): boolean =>
  equal.every((column) => valuesOf(column, where)) &&
  Object.entries(only ?? {}).every(([column, value]) => {
    const values = valuesOf(column, where)?.in;
    return values?.length === 1 && values[0] === value;
  });

/** The conditions that a usable index answers. */
export const coverOf = ({ equal, sort, where: only }: Index, where: readonly Condition[]): readonly Condition[] => [
  ...[...equal, ...Object.keys(only ?? {})].map((column) => valuesOf(column, where)!),
  ...where.filter((condition) => condition.column === sort && !equal.includes(sort)),
];

export const countWays = ({ equal }: Index, where: readonly Condition[]): number =>
  equal.reduce((ways, column) => ways * valuesOf(column, where)!.in.length, 1);

/** Every combination of the values before the sort: within each, an index is in order. */
export const waysOf = ({ equal }: Index, where: readonly Condition[]): readonly (readonly Sql[])[] =>
  equal.reduce<readonly (readonly Sql[])[]>(
    (ways, column) => {
      const each = [...new Set(valuesOf(column, where)!.in)].map((value) =>
        value === null ? sql(`${quoted(column)} IS NULL`) : sql(`${quoted(column)} = ?`, value),
      );
      return ways.flatMap((way) => each.map((part) => [...way, part]));
    },
    [[]],
  );
