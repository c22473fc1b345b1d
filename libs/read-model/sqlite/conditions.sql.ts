import { isInCondition, toRange } from '../conditions.js';
import type { Condition } from '../view-store.js';
import type { Index } from '../view.js';
import { toSqlValue } from './connection.js';
import { indexName, quoteIdentifier, quoteLiteral, type SqliteTableSchema } from './schema.sql.js';

/** SQL text and the values of its placeholders. */
export interface SqlFragment {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Encodes the values for SQLite. */
export const sql = (text: string, ...values: readonly unknown[]): SqlFragment => ({
  text,
  values: values.map(toSqlValue),
});

/** Expects values that are already encoded for SQLite. */
export const rawSql = (text: string, values: readonly unknown[]): SqlFragment => ({ text, values });

export const joinSql = (fragments: readonly SqlFragment[], separator: string): SqlFragment =>
  rawSql(
    fragments.map(({ text }) => text).join(separator),
    fragments.flatMap(({ values }) => values),
  );

export const andSql = (fragments: readonly SqlFragment[]): SqlFragment =>
  fragments.length === 0 ? sql('1') : joinSql(fragments, ' AND ');

/** Reads a table through one of its indexes. */
export const indexedTable = (table: string, index: Index): string =>
  `${quoteIdentifier(table)} INDEXED BY ${quoteIdentifier(indexName(table, index))}`;

/** @throws Error if the table has no such column, so that SQL never contains a name that a caller chose */
export function quoteColumn(table: SqliteTableSchema, name: string): string {
  if (!table.columns.includes(name))
    throw new Error(`there is no column ${name}; the columns are ${table.columns.join(', ')}`);
  return quoteIdentifier(name);
}

export const conditionsToSql = (table: SqliteTableSchema, conditions: readonly Condition[]): readonly SqlFragment[] =>
  conditions.map((condition) => conditionToSql(table, condition));

/** With `+` as sign, SQLite does not look for an index on the column. */
export function conditionToSql(table: SqliteTableSchema, condition: Condition, sign: '' | '+' = ''): SqlFragment {
  const column = sign + quoteColumn(table, condition.column);
  if (!isInCondition(condition)) {
    const { from, to } = toRange(condition);
    const bounds: SqlFragment[] = [];
    if (from !== undefined) bounds.push(sql(`${column} >= ?`, from));
    if (to !== undefined) bounds.push(sql(`${column} < ?`, to));
    return bounds.length === 0 ? sql(`${column} IS NOT NULL`) : andSql(bounds);
  }
  const values = condition.in.filter((value) => value !== null);
  const alternatives = condition.in.includes(null) ? [sql(`${column} IS NULL`)] : [];
  if (values.length > 1) alternatives.push(sql(`${column} IN (${values.map(() => '?').join(', ')})`, ...values));
  const [value] = values;
  if (values.length === 1 && value !== undefined) {
    // SQLite uses a partial index only if its condition is a literal in the query.
    const isPartial = table.indexes.some((index) => index.where?.[condition.column] === value);
    alternatives.push(isPartial ? sql(`${column} = ${quoteLiteral(value)}`) : sql(`${column} = ?`, value));
  }
  const [first] = alternatives;
  if (alternatives.length === 1) return first!;
  const either = joinSql(alternatives, ' OR ');
  return rawSql(`(${either.text})`, either.values);
}

export const partialIndexSql = (index: Index): readonly SqlFragment[] =>
  Object.entries(index.where ?? {}).map(([name, value]) => sql(`${quoteIdentifier(name)} = ${quoteLiteral(value)}`));
