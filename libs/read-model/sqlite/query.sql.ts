import type { Condition, Query } from '../view-store.js';
import type { ColumnValue, Index } from '../view.js';
import {
  all,
  columnOf,
  conditionSql,
  conditionsSql,
  countWays,
  coverOf,
  isHopeless,
  isIn,
  isRange,
  isUsable,
  joined,
  scanned,
  sql,
  type Sql,
  sqlAsIs,
  waysOf,
} from './conditions.sql.js';
import { type Connection, fromSql, toSql } from './connection.js';
import { indexName, literal, quoted, type TableShape, wordsTable } from './schema.sql.js';

/** Up to here rows are gathered and sorted; from here on an index is walked in the order wanted. */
const few = 2_000;
/** More ways than this to combine the values of several `in` are not merged. */
const mostMerged = 24;

/** A row found: its rowid, key and sort value. */
type Hit = readonly [number, string, ColumnValue];

/** Finds a table's rows. Runs inside the caller's transaction. */
export class TableQuery {
  private readonly from: string;

  constructor(
    private readonly connection: Connection,
    private readonly name: string,
    private readonly table: TableShape,
    /** Before that there are no indexes but the words'. */
    private readonly built: boolean,
  ) {
    this.from = `${quoted(name)} AS t`;
  }

  count({ where, words = [] }: Pick<Query, 'where' | 'words'>): number {
    if (isHopeless(where, words)) return 0;
    const conditions = conditionsSql(this.table, where);
    if (words.length > 0)
      conditions.push(
        sql(`t.rowid IN (SELECT rowid FROM ${this.words} WHERE ${this.words} MATCH ?)`, this.match(words)),
      );
    const { text, values } = all(conditions);
    return this.connection.get<[number]>(`SELECT count(*) FROM ${this.from} WHERE ${text}`, ...values)![0];
  }

  find(query: Query): { readonly hits: readonly Hit[]; readonly more: boolean } {
    columnOf(this.table, query.sort.column);
    if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > 10_000)
      throw new Error(`limit must be from 1 to 10,000, not ${query.limit}`);
    const hits = this.hits(query, query.limit + 1).map(([rowid, key, value]): Hit => [
      rowid,
      fromSql(key),
      fromSql(value),
    ]);
    return { hits: hits.slice(0, query.limit), more: hits.length > query.limit };
  }

  private hits(query: Query, limit: number): readonly Hit[] {
    const { where, words = [], sort } = query;
    if (isHopeless(where, words)) return [];
    const conditions = conditionsSql(this.table, where);
    if (words.length > 0) {
      const rowids = this.connection
        .all<[number]>(
          `SELECT rowid FROM ${this.words} WHERE ${this.words} MATCH ? LIMIT ${few + 1}`,
          this.match(words),
        )
        .map(([rowid]) => rowid);
      if (rowids.length <= few) {
        const from = `(SELECT value AS _found FROM json_each(?)) CROSS JOIN ${this.from} ON t.rowid = _found`;
        return this.gather(sql(from, JSON.stringify(rowids)), conditions, query, limit);
      }
      conditions.push(...words.map(scanned));
    }
    if (!this.built) return this.gather(sql(this.from), conditions, query, limit);
    const usable = this.table.indexes.filter((index) => isUsable(index, where));
    const [walked] = usable
      .filter((index) => index.sort === sort.column && countWays(index, where) <= mostMerged)
      .sort((a, b) => coverOf(b, where).length - coverOf(a, where).length);
    const covered = new Set(walked && coverOf(walked, where));
    if (!walked || where.some((condition) => !covered.has(condition))) {
      const rare = this.rarest(usable, where, covered);
      if (rare) return this.gather(sql(`${this.from} ${this.by(rare)}`), conditions, query, limit);
    }
    return walked ? this.walk(walked, query, limit) : this.gather(sql(this.from), conditions, query, limit);
  }

  /** The index that leaves the fewest rows, if it leaves few. */
  private rarest(
    usable: readonly Index[],
    where: readonly Condition[],
    covered: ReadonlySet<Condition>,
  ): Index | undefined {
    const tried = new Set<string>();
    let rarest: { index: Index; rows: number } | undefined;
    for (const index of usable) {
      const cover = coverOf(index, where);
      const what = cover.map((condition) => where.indexOf(condition)).join();
      if (tried.has(what) || cover.every((condition) => covered.has(condition))) continue;
      tried.add(what);
      const { text, values } = all(conditionsSql(this.table, cover));
      const rows = this.connection.get<[number]>(
        `SELECT count(*) FROM (SELECT 1 FROM ${this.from} ${this.by(index)} WHERE ${text} LIMIT ${few + 1})`,
        ...values,
      )![0];
      if (rows <= few && rows < (rarest?.rows ?? few + 1)) rarest = { index, rows };
    }
    return rarest?.index;
  }

  private gather(from: Sql, conditions: readonly Sql[], { sort, after }: Query, limit: number): readonly Hit[] {
    const [column, direction, beyond] = [
      quoted(sort.column),
      sort.descending ? 'DESC' : 'ASC',
      sort.descending ? '<' : '>',
    ];
    const behind = !after
      ? []
      : after.value === null
        ? [sql(`${column} IS NULL AND _key ${beyond} ?`, after.key)]
        : [sql(`(${column} IS NULL OR (${column}, _key) ${beyond} (?, ?))`, after.value, after.key)];
    const where = all([...conditions, ...behind]);
    const order = `ORDER BY ${column} IS NULL, ${column} ${direction}, _key ${direction} LIMIT ?`;
    const text = `SELECT t.rowid, _key, ${column} FROM ${from.text} WHERE ${where.text} ${order}`;
    return this.connection.all<Hit>(text, ...from.values, ...where.values, limit);
  }

  /** In the order of an index: first the rows with a value, then those without, each a range of the index. */
  private walk(index: Index, query: Query, limit: number): readonly Hit[] {
    const { where, words = [], sort, after } = query;
    const column = quoted(sort.column);
    const onSort = where.filter((condition) => condition.column === sort.column);
    const byIndex = new Set(coverOf(index, where).filter((condition) => condition.column !== sort.column));
    const rest = where.filter((condition) => !byIndex.has(condition) && !onSort.includes(condition));
    const given = [
      ...Object.entries(index.where ?? {}).map(([name, value]) => sql(`${quoted(name)} = ${literal(value)}`)),
      ...conditionsSql(this.table, rest),
      ...words.map(scanned),
    ];
    const ways = waysOf(index, where);
    let hits: readonly Hit[] = [];
    if (after?.value !== null) {
      // Only one lower or upper bound is of use to an index: behind a cursor, that one.
      const behind = after && sql(`(${column}, _key) ${sort.descending ? '<' : '>'} (?, ?)`, after.value, after.key);
      const bounds = onSort.map((condition) =>
        conditionSql(this.table, condition, behind || !isRange(condition) ? '+' : ''),
      );
      const bound =
        behind ??
        (bounds.length === 0 || onSort.some((condition) => !isRange(condition))
          ? sql(`${column} IS NOT NULL`)
          : undefined);
      hits = this.segment(
        index,
        ways,
        [...given, ...bounds, ...(bound ? [bound] : [])],
        sort.descending,
        column,
        limit,
      );
    }
    if (hits.length >= limit || onSort.some((condition) => !isIn(condition) || !condition.in.includes(null)))
      return hits;
    const behind = after?.value === null ? [sql(`_key ${sort.descending ? '<' : '>'} ?`, after.key)] : [];
    const nulls = [...given, sql(`${column} IS NULL`), ...behind];
    return [...hits, ...this.segment(index, ways, nulls, sort.descending, column, limit - hits.length)];
  }

  private segment(
    index: Index,
    ways: readonly (readonly Sql[])[],
    conditions: readonly Sql[],
    descending: boolean,
    column: string,
    limit: number,
  ): readonly Hit[] {
    const direction = descending ? 'DESC' : 'ASC';
    const parts = ways.map((way) => {
      const { text, values } = all([...way, ...conditions]);
      return sqlAsIs(
        `SELECT t.rowid, _key, ${column} FROM ${this.from} ${this.by(index)} WHERE ${text}
          ORDER BY ${column} ${direction}, _key ${direction} LIMIT ?`,
        [...values, limit],
      );
    });
    if (parts.length === 0) return [];
    if (parts.length === 1) return this.connection.all<Hit>(parts[0]!.text, ...parts[0]!.values);
    const { text, values } = joined(
      parts.map((part) => sqlAsIs(`SELECT * FROM (${part.text})`, part.values)),
      ' UNION ALL ',
    );
    return this.connection.all<Hit>(`${text} ORDER BY 3 ${direction}, 2 ${direction} LIMIT ?`, ...values, limit);
  }

  private by(index: Index): string {
    return `INDEXED BY ${quoted(indexName(this.name, index))}`;
  }

  private get words(): string {
    if (!this.table.searched) throw new Error(`table ${this.name} can't be searched`);
    return wordsTable(this.name);
  }

  private match(words: Required<Query>['words']): string {
    const phrase = (start: string) => `"${toSql(start).replaceAll('"', '""')}"*`;
    return words.map((starts) => `(${starts.map(phrase).join(' OR ')})`).join(' AND ');
  }
}
