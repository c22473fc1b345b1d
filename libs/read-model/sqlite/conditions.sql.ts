import { isInCondition, toRange } from '../conditions.js';
import type { Condition } from '../view-store.js';
import type { Index } from '../view.js';
import { toSqlValue } from './connection.js';
import { quoteLiteral, quoteIdentifier, type SqliteTableSchema } from './schema.sql.js';

/** A piece of SQL and the values of its question marks. */
export interface SqlFragment {
  readonly text: string;
  readonly values: readonly unknown[];
}

export const sql = (text: string, ...values: readonly unknown[]): SqlFragment => ({
  text,
  values: values.map(toSqlValue),
});
export const rawSql = (text: string, values: readonly unknown[]): SqlFragment => ({ text, values });
export const joinSql = (parts: readonly SqlFragment[], by: string): SqlFragment =>
  rawSql(
    parts.map(({ text }) => text).join(by),
    parts.flatMap(({ values }) => values),
  );
export const andSql = (parts: readonly SqlFragment[]): SqlFragment =>
  parts.length === 0 ? sql('1') : joinSql(parts, ' AND ');

/** @throws Error when the table has no such column: names are never taken from outside into SQL. */
export function quoteColumn(table: SqliteTableSchema, name: string): string {
  if (!table.columns.includes(name)) throw new Error(`there is no column ${name}, but ${table.columns.join(', ')}`);
  return quoteIdentifier(name);
}

export const conditionsToSql = (table: SqliteTableSchema, conditions: readonly Condition[]): readonly SqlFragment[] =>
  conditions.map((condition) => conditionToSql(table, condition));

/** `sign` `+` keeps SQLite from looking for an index for it. */
export function conditionToSql(table: SqliteTableSchema, condition: Condition, sign: '' | '+' = ''): SqlFragment {
  const column = sign + quoteColumn(table, condition.column);
  if (!isInCondition(condition)) {
    const { from, to } = toRange(condition);
    const bounds = [
      ...(from === undefined ? [] : [sql(`${column} >= ?`, from)]),
      ...(to === undefined ? [] : [sql(`${column} < ?`, to)]),
    ];
    return bounds.length === 0 ? sql(`${column} IS NOT NULL`) : andSql(bounds);
  }
  const values = condition.in.filter((value) => value !== null);
  const parts = condition.in.includes(null) ? [sql(`${column} IS NULL`)] : [];
  if (values.length > 1) parts.push(sql(`${column} IN (${values.map(() => '?').join(', ')})`, ...values));
  for (const only of values.length === 1 ? values : []) {
    // Only from a literal can SQLite tell that a partial index holds all that is asked for.
    const known = table.indexes.some((index) => index.where?.[condition.column] === only);
    parts.push(known ? sql(`${column} = ${quoteLiteral(only)}`) : sql(`${column} = ?`, only));
  }
  const { text, values: bound } = joinSql(parts, ' OR ');
  return parts.length === 1 ? parts[0]! : rawSql(`(${text})`, bound);
}

export const partialIndexSql = (index: Index): readonly SqlFragment[] =>
  Object.entries(index.where ?? {}).map(([name, value]) => sql(`${quoteIdentifier(name)} = ${quoteLiteral(value)}`));
