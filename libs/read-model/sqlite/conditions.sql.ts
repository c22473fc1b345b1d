import { isIn, rangeOf } from '../conditions.js';
import type { Condition } from '../view-store.js';
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

/** @throws Error when the table has no such column: names are never taken from outside into SQL. */
export function columnOf(table: TableShape, name: string): string {
  if (!table.columns.includes(name)) throw new Error(`there is no column ${name}, but ${table.columns.join(', ')}`);
  return quoted(name);
}

export const conditionsSql = (table: TableShape, conditions: readonly Condition[]): readonly Sql[] =>
  conditions.map((condition) => conditionSql(table, condition));

/** `sign` `+` keeps SQLite from looking for an index for it. */
export function conditionSql(table: TableShape, condition: Condition, sign: '' | '+' = ''): Sql {
  const column = sign + columnOf(table, condition.column);
  if (!isIn(condition)) {
    const { from, to } = rangeOf(condition);
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
  return parts.length === 1 ? parts[0]! : sqlAsIs(`(${text})`, bound);
}

export const onlySql = (index: Index): readonly Sql[] =>
  Object.entries(index.where ?? {}).map(([name, value]) => sql(`${quoted(name)} = ${literal(value)}`));
