import { compareValues, type MergedConditions, isInCondition, toRange } from '../conditions.js';
import type { Condition, RowQuery } from '../view-store.js';
import type { ColumnValue, Index } from '../view.js';
import {
  andSql,
  conditionToSql,
  conditionsToSql,
  joinSql,
  partialIndexSql,
  sql,
  type SqlFragment,
  rawSql,
} from './conditions.sql.js';
import type { SqliteConnection } from './connection.js';
import { accessConditions, findCondition, coveredConditions, prefixScans } from './index-coverage.sql.js';
import { indexName, quoteIdentifier, type SqliteTableSchema } from './schema.sql.js';

/** A row found: its id, key and sort value. */
export type Hit = readonly [id: number, key: string, value: ColumnValue];

export interface ScanResult {
  readonly hits: readonly Hit[];
  /** Whether nothing was left out but for the limit: otherwise the walk ended before it. */
  readonly isComplete: boolean;
}

/** A place in an index: up to there rows are looked at. */
type End = readonly [value: ColumnValue, key: string];

/** Reads an index in the order wanted: first the rows with a value, then those without, each a part of the index. */
export class IndexScan {
  private readonly column: string;
  private readonly ways: readonly (readonly SqlFragment[])[];
  /** What the index alone can tell, and what is to be looked up in the rows. */
  private readonly near: readonly SqlFragment[];
  private readonly far: readonly SqlFragment[];
  private readonly onSort: Condition | undefined;

  constructor(
    private readonly connection: SqliteConnection,
    private readonly name: string,
    private readonly table: SqliteTableSchema,
    private readonly index: Index,
    conditions: MergedConditions,
    words: readonly SqlFragment[],
    private readonly query: Pick<RowQuery, 'sort' | 'after'>,
  ) {
    const { column } = query.sort;
    const [cover, told] = [accessConditions(index, conditions), new Set(coveredConditions(index, conditions))];
    const carried = [...told].filter((it) => !cover.includes(it));
    this.column = quoteIdentifier(column);
    this.ways = prefixScans(index, conditions);
    this.near = [...partialIndexSql(index), ...conditionsToSql(table, carried)];
    this.far = [
      ...conditionsToSql(
        table,
        conditions.where.filter((it) => !told.has(it)),
      ),
      ...words,
    ];
    this.onSort = index.prefix.includes(column) ? undefined : findCondition(column, conditions);
  }

  /** Looks at no more than so many rows (of each of the two parts) that the index alone can't tell about. */
  run(limit: number, looks: number): ScanResult {
    const { after } = this.query;
    let walked: ScanResult = { hits: [], isComplete: true };
    const mayHaveValue = !this.onSort || !isInCondition(this.onSort) || this.onSort.in.some((value) => value !== null);
    if (after?.value !== null && mayHaveValue) walked = this.part(this.bounds(), 'values', limit, looks);
    const mayBeNull = !this.onSort || (isInCondition(this.onSort) && this.onSort.in.includes(null));
    if (walked.hits.length >= limit || !walked.isComplete || !mayBeNull) return walked;
    const behind = after?.value === null ? [sql(`_key ${this.beyond} ?`, after.key)] : [];
    const nulls = [sql(`${this.column} IS NULL`), ...behind];
    const { hits, isComplete: whole } = this.part(nulls, 'nulls', limit - walked.hits.length, looks);
    return { hits: [...walked.hits, ...hits], isComplete: whole };
  }

  /** Where the values begin and end. An index is of use to one bound at each end: behind a cursor, that one. */
  private bounds(): readonly SqlFragment[] {
    const { column, onSort } = this;
    const { sort } = this.query;
    const after = this.isBefore(onSort) ? undefined : this.query.after;
    const behind = after && [sql(`(${column}, _key) ${this.beyond} (?, ?)`, after.value, after.key)];
    if (!onSort) return behind ?? [sql(`${column} IS NOT NULL`)];
    if (isInCondition(onSort)) {
      const values = onSort.in.filter((value) => value !== null).toSorted(compareValues);
      const [least, most] = [sql(`${column} >= ?`, values[0]), sql(`${column} <= ?`, values.at(-1))];
      const ends = behind ? [...behind, sort.descending ? least : most] : [least, most];
      return values.length > 1 ? [...ends, conditionToSql(this.table, { ...onSort, in: values }, '+')] : ends;
    }
    const { from, to } = toRange(onSort);
    const [least, most] = [from === undefined ? [] : [{ from }], to === undefined ? [] : [{ to }]];
    const [before, beyond] = sort.descending ? [most, least] : [least, most];
    const bound = (its: readonly object[], sign: '' | '+'): readonly SqlFragment[] =>
      its.map((it) => conditionToSql(this.table, { column: onSort.column, ...it }, sign));
    const none = from === undefined && to === undefined && !behind ? [sql(`${column} IS NOT NULL`)] : [];
    return [...none, ...(behind ?? []), ...bound(before, behind ? '+' : ''), ...bound(beyond, '')];
  }

  /** Whether all that a condition allows lies behind the cursor. */
  private isBefore(condition: Condition | undefined): boolean {
    const { after, sort } = this.query;
    if (!condition || isInCondition(condition) || !after || after.value === null) return false;
    const { from, to } = toRange(condition);
    return sort.descending
      ? to !== undefined && compareValues(after.value, to) >= 0
      : from !== undefined && compareValues(after.value, from) < 0;
  }

  private part(bounds: readonly SqlFragment[], what: 'values' | 'nulls', limit: number, looks: number): ScanResult {
    const within = [...bounds, ...this.near];
    const end = this.far.length > 0 ? this.endOf(within, looks) : undefined;
    const { column, backwards } = this;
    const upTo = !end
      ? []
      : what === 'nulls'
        ? [rawSql(`_key ${backwards} ?`, [end[1]])]
        : [rawSql(`(${column}, _key) ${backwards} (?, ?)`, end)];
    return { hits: this.merged([...within, ...upTo, ...this.far], limit), isComplete: !end };
  }

  /** The place before which no way has more than so many rows; undefined when that is all of them. */
  private endOf(within: readonly SqlFragment[], looks: number): End | undefined {
    const each = Math.ceil(looks / this.ways.length);
    const ends = this.ways.map((way) => this.of([...way, ...within], `${this.column}, _key`, `1 OFFSET ${each}`));
    const { text, values } = joinSql(ends, ' UNION ALL ');
    return this.connection.get<End>(`${text} ORDER BY 1 ${this.direction}, 2 ${this.direction} LIMIT 1`, ...values);
  }

  private merged(conditions: readonly SqlFragment[], limit: number): readonly Hit[] {
    const ways = this.ways.map((way) => this.of([...way, ...conditions], `_id, _key, ${this.column}`, `${limit}`));
    const { text, values } = joinSql(ways, ' UNION ALL ');
    const order = ways.length > 1 ? `ORDER BY 3 ${this.direction}, 2 ${this.direction} LIMIT ${limit}` : '';
    return this.connection.all<Hit>(`${text} ${order}`, ...values);
  }

  private of(conditions: readonly SqlFragment[], what: string, limit: string): SqlFragment {
    const { text, values } = andSql(conditions);
    const from = `${quoteIdentifier(this.name)} INDEXED BY ${quoteIdentifier(indexName(this.name, this.index))}`;
    const order = `ORDER BY ${this.column} ${this.direction}, _key ${this.direction} LIMIT ${limit}`;
    return rawSql(`SELECT * FROM (SELECT ${what} FROM ${from} WHERE ${text} ${order})`, values);
  }

  private get direction(): 'ASC' | 'DESC' {
    return this.query.sort.descending ? 'DESC' : 'ASC';
  }

  private get beyond(): '<' | '>' {
    return this.query.sort.descending ? '<' : '>';
  }

  private get backwards(): '<' | '>' {
    return this.query.sort.descending ? '>' : '<';
  }
}
