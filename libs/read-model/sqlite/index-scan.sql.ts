import { compareValues, isInCondition, type MergedConditions, toRange } from '../conditions.js';
import type { Condition, RowQuery } from '../view-store.js';
import type { ColumnValue, Index } from '../view.js';
import {
  andSql,
  conditionsToSql,
  conditionToSql,
  indexedTable,
  joinSql,
  partialIndexSql,
  rawSql,
  sql,
  type SqlFragment,
} from './conditions.sql.js';
import type { SqliteConnection } from './connection.js';
import { accessConditions, coveredConditions, findCondition, valuesOf } from './index-coverage.js';
import { quoteIdentifier, type SqliteTableSchema } from './schema.sql.js';

export type RowReference = readonly [id: number, key: string, sortValue: ColumnValue];

export interface ScanResult {
  readonly rows: readonly RowReference[];
  /** False if the scan was abandoned before its limit because it would have read too many rows. */
  readonly isComplete: boolean;
}

type IndexPosition = readonly [value: ColumnValue, key: string];

/** Rows without a sort value come last in both directions. In an index they form a separate range. */
export type Segment = 'values' | 'nulls';

/** Which segments of an index may contain rows of a page, in the order in which they are read. */
export function segmentsToScan(sortCondition: Condition | undefined, after: RowQuery['after']): readonly Segment[] {
  const isList = sortCondition !== undefined && isInCondition(sortCondition);
  const mayHaveValue = !isList || sortCondition.in.some((value) => value !== null);
  const mayBeNull = isList ? sortCondition.in.includes(null) : sortCondition === undefined;
  const segments: Segment[] = [];
  if (mayHaveValue && after?.value !== null) segments.push('values');
  if (mayBeNull) segments.push('nulls');
  return segments;
}

/**
 * Reads an index in sort order. If the columns before the sort column may have several values, it reads one range for each
 * combination of values, and merges the ranges.
 */
export class IndexScan {
  private readonly column: string;
  private readonly prefixes: readonly (readonly SqlFragment[])[];
  /** Checked without reading the row. */
  private readonly indexConditions: readonly SqlFragment[];
  /** Checked on the row. */
  private readonly rowConditions: readonly SqlFragment[];
  private readonly sortCondition: Condition | undefined;
  private readonly direction: 'ASC' | 'DESC';
  /** Operators that select the rows after a position, or up to it, in scan order. */
  private readonly beyond: '<' | '>';
  private readonly upTo: '<' | '>';

  constructor(
    private readonly connection: SqliteConnection,
    private readonly tableName: string,
    private readonly table: SqliteTableSchema,
    private readonly index: Index,
    conditions: MergedConditions,
    words: readonly SqlFragment[],
    private readonly query: Pick<RowQuery, 'sort' | 'after'>,
  ) {
    const { column, descending } = query.sort;
    const inRange = new Set(accessConditions(index, conditions));
    const covered = new Set(coveredConditions(index, conditions));
    const included = [...covered].filter((condition) => !inRange.has(condition));
    const uncovered = conditions.where.filter((condition) => !covered.has(condition));
    this.column = quoteIdentifier(column);
    this.prefixes = prefixesToScan(index, conditions);
    this.indexConditions = [...partialIndexSql(index), ...conditionsToSql(table, included)];
    this.rowConditions = [...conditionsToSql(table, uncovered), ...words];
    this.sortCondition = index.prefix.includes(column) ? undefined : findCondition(column, conditions);
    this.direction = descending ? 'DESC' : 'ASC';
    this.beyond = descending ? '<' : '>';
    this.upTo = descending ? '>' : '<';
  }

  /** `maxRowReads` limits each segment. It does not apply if the index alone determines which rows match. */
  run(limit: number, maxRowReads: number): ScanResult {
    let rows: readonly RowReference[] = [];
    for (const segment of segmentsToScan(this.sortCondition, this.query.after)) {
      const result = this.scanSegment(segment, limit - rows.length, maxRowReads);
      rows = rows.length === 0 ? result.rows : [...rows, ...result.rows];
      if (!result.isComplete) return { rows, isComplete: false };
      if (rows.length >= limit) break;
    }
    return { rows, isComplete: true };
  }

  private scanSegment(segment: Segment, limit: number, maxRowReads: number): ScanResult {
    const range = [...(segment === 'values' ? this.valueBounds() : this.nullBounds()), ...this.indexConditions];
    const end = this.rowConditions.length > 0 ? this.findEnd(range, maxRowReads) : undefined;
    const conditions = end ? [...range, this.upToPosition(segment, end)] : range;
    return { rows: this.readMerged([...conditions, ...this.rowConditions], limit), isComplete: !end };
  }

  private upToPosition(segment: Segment, [value, key]: IndexPosition): SqlFragment {
    return segment === 'nulls'
      ? rawSql(`_key ${this.upTo} ?`, [key])
      : rawSql(`(${this.column}, _key) ${this.upTo} (?, ?)`, [value, key]);
  }

  private nullBounds(): readonly SqlFragment[] {
    const { after } = this.query;
    const isNull = sql(`${this.column} IS NULL`);
    return after?.value === null ? [isNull, sql(`_key ${this.beyond} ?`, after.key)] : [isNull];
  }

  /** SQLite uses one bound at each end of a range. If there is a cursor, it must be that bound, so `+` hides the other one. */
  private valueBounds(): readonly SqlFragment[] {
    const { column, sortCondition } = this;
    const { after, sort } = this.query;
    const cursor =
      after && !this.isCursorOutsideRange()
        ? [sql(`(${column}, _key) ${this.beyond} (?, ?)`, after.value, after.key)]
        : [];
    const hasCursor = cursor.length > 0;
    if (!sortCondition) return hasCursor ? cursor : [sql(`${column} IS NOT NULL`)];
    if (isInCondition(sortCondition)) {
      const values = sortCondition.in.filter((value) => value !== null).toSorted(compareValues);
      const [min, max] = [sql(`${column} >= ?`, values[0]), sql(`${column} <= ?`, values.at(-1))];
      const bounds = hasCursor ? [...cursor, sort.descending ? min : max] : [min, max];
      if (values.length > 1) bounds.push(conditionToSql(this.table, { ...sortCondition, in: values }, '+'));
      return bounds;
    }
    const { from, to } = toRange(sortCondition);
    if (from === undefined && to === undefined && !hasCursor) return [sql(`${column} IS NOT NULL`)];
    const min = from === undefined ? undefined : { column: sortCondition.column, from };
    const max = to === undefined ? undefined : { column: sortCondition.column, to };
    const [start, end] = sort.descending ? [max, min] : [min, max];
    const bounds = [...cursor];
    if (start) bounds.push(conditionToSql(this.table, start, hasCursor ? '+' : ''));
    if (end) bounds.push(conditionToSql(this.table, end));
    return bounds;
  }

  /** Whether every row that the sort condition allows comes after the cursor, so that the cursor restricts nothing. */
  private isCursorOutsideRange(): boolean {
    const { sortCondition } = this;
    const { after, sort } = this.query;
    if (!sortCondition || isInCondition(sortCondition) || !after || after.value === null) return false;
    const { from, to } = toRange(sortCondition);
    return sort.descending
      ? to !== undefined && compareValues(after.value, to) >= 0
      : from !== undefined && compareValues(after.value, from) < 0;
  }

  /** The first position that a scan of at most `maxRowReads` rows would not reach in some range; undefined if it reads all. */
  private findEnd(range: readonly SqlFragment[], maxRowReads: number): IndexPosition | undefined {
    const maxEach = Math.ceil(maxRowReads / this.prefixes.length);
    const ends = this.prefixes.map((prefix) =>
      this.select([...prefix, ...range], `${this.column}, _key`, `1 OFFSET ${maxEach}`),
    );
    const { text, values } = joinSql(ends, ' UNION ALL ');
    const query = `${text} ORDER BY 1 ${this.direction}, 2 ${this.direction} LIMIT 1`;
    return this.connection.get<IndexPosition>(query, ...values);
  }

  private readMerged(conditions: readonly SqlFragment[], limit: number): readonly RowReference[] {
    const selects = this.prefixes.map((prefix) =>
      this.select([...prefix, ...conditions], `_id, _key, ${this.column}`, `${limit}`),
    );
    const { text, values } = joinSql(selects, ' UNION ALL ');
    const order = selects.length > 1 ? `ORDER BY 3 ${this.direction}, 2 ${this.direction} LIMIT ${limit}` : '';
    return this.connection.all<RowReference>(`${text} ${order}`, ...values);
  }

  private select(conditions: readonly SqlFragment[], results: string, limit: string): SqlFragment {
    const { text, values } = andSql(conditions);
    const order = `ORDER BY ${this.column} ${this.direction}, _key ${this.direction} LIMIT ${limit}`;
    const query = `SELECT ${results} FROM ${indexedTable(this.tableName, this.index)} WHERE ${text} ${order}`;
    return rawSql(`SELECT * FROM (${query})`, values);
  }
}

/** Every combination of values of the columns before the sort column. */
function prefixesToScan({ prefix }: Index, conditions: MergedConditions): readonly (readonly SqlFragment[])[] {
  let prefixes: readonly (readonly SqlFragment[])[] = [[]];
  for (const column of prefix) {
    const name = quoteIdentifier(column);
    const equalities = (valuesOf(column, conditions) ?? []).map((value) =>
      value === null ? sql(`${name} IS NULL`) : sql(`${name} = ?`, value),
    );
    prefixes = prefixes.flatMap((known) => equalities.map((equality) => [...known, equality]));
  }
  return prefixes;
}
