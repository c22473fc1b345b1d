import { type MergedConditions, mergeConditions } from '../conditions.js';
import type { Filter, RowQuery, GroupQuery, Group } from '../view-store.js';
import type { ColumnValue, Index } from '../view.js';
import { andSql, quoteColumn, conditionsToSql, sql, type SqlFragment, rawSql } from './conditions.sql.js';
import { type SqliteConnection, fromSqlValue } from './connection.js';
import {
  countPrefixScans,
  accessConditions,
  indexHasColumn,
  isUsableIndex,
  scannedRange,
  isCoveringIndex,
  coveredConditions,
} from './index-coverage.sql.js';
import { indexName, quoteIdentifier, type SqliteTableSchema, wordsTable } from './schema.sql.js';
import { type Hit, IndexScan } from './index-scan.sql.js';
import { type TextSearch, planTextSearch } from './text-search.sql.js';

/**
 * Which way is taken to a page. A walk along an index in the order wanted finds it behind (limit * all rows / rows that match)
 * looks at rows if those are spread evenly, and may look at all rows if they are not. Gathering and sorting takes as many looks
 * as rows match.
 */
export interface CostModel {
  /** Rows are gathered, to be sure, unless a walk may be expected to take so many times fewer looks. It is given up after as many. */
  readonly minScanAdvantage: number;
  /** Instead of gathering more than this share of all rows, all are looked at in their order, which takes a tenth for each. */
  readonly maxSortedShare: number;
}

export const defaultCostModel: CostModel = { minScanAdvantage: 10, maxSortedShare: 1 / 6 };

/** More ways than this to combine the values of several `in` are not merged. */
const mostMerged = 24;

/** A look at an index takes about a tenth of one at a row. */
const entriesForRow = 10;

/** Where rows come from, with the conditions still to be met. */
interface Source {
  readonly from: SqlFragment;
  readonly conditions: readonly SqlFragment[];
  /** How many there are, if that was counted. */
  readonly rows: number;
}

/** Finds a table's rows. Runs inside the caller's transaction. */
export class QueryPlanner {
  constructor(
    private readonly connection: SqliteConnection,
    private readonly name: string,
    private readonly table: SqliteTableSchema,
    private readonly effort: CostModel,
  ) {}

  count(asked: Filter): number {
    const plan = this.planFor(asked);
    if (!plan) return 0;
    const source = this.best(plan);
    const { text, values } = andSql(source.conditions);
    const counted = `SELECT count(*) FROM ${source.from.text} WHERE ${text}`;
    return this.connection.get<[number]>(counted, ...source.from.values, ...values)![0];
  }

  group({ where, by, sum = [] }: GroupQuery): readonly Group[] {
    const [names, sums] = [by, sum].map((columns) => columns.map((column) => quoteColumn(this.table, column)));
    const plan = this.planFor({ where });
    if (!plan) return [];
    const { conditions, search, usable } = plan;
    const [covering] = usable
      .filter(
        (index) =>
          isCoveringIndex(index, conditions) && [...by, ...sum].every((column) => indexHasColumn(index, column)),
      )
      .sort((a, b) => accessConditions(b, conditions).length - accessConditions(a, conditions).length);
    const source = covering ? this.by(covering, conditions, search) : this.best(plan);
    const { text, values } = andSql(source.conditions);
    const told = [...names!, 'count(*)', ...sums!.map((column) => `coalesce(sum(${column}), 0)`)].join(', ');
    const groups = names!.length > 0 ? `GROUP BY ${names!.join(', ')}` : 'HAVING count(*) > 0';
    const tallied = `SELECT ${told} FROM ${source.from.text} WHERE ${text} ${groups}`;
    return this.connection.all<ColumnValue[]>(tallied, ...source.from.values, ...values).map((found) => ({
      values: found.slice(0, by.length).map(fromSqlValue),
      count: found[by.length] as number,
      sums: found.slice(by.length + 1) as number[],
    }));
  }

  find(query: RowQuery): { readonly hits: readonly Hit[]; readonly hasMore: boolean } {
    quoteColumn(this.table, query.sort.column);
    if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > 10_000)
      throw new Error(`limit must be from 1 to 10,000, not ${query.limit}`);
    const hits = this.hits(query, query.limit + 1).map(([id, key, value]): Hit => [
      id,
      fromSqlValue(key),
      fromSqlValue(value),
    ]);
    return { hits: hits.slice(0, query.limit), hasMore: hits.length > query.limit };
  }

  private hits(query: RowQuery, limit: number): readonly Hit[] {
    const plan = this.planFor(query);
    if (!plan) return [];
    const { conditions, search, usable } = plan;
    const few = this.few(limit, plan);
    const [index] = usable
      .filter(({ sort }) => sort === query.sort.column)
      .filter((it) => countPrefixScans(it, conditions) <= mostMerged)
      .sort((a, b) => coveredConditions(b, conditions).length - coveredConditions(a, conditions).length)
      .sort((a, b) => accessConditions(b, conditions).length - accessConditions(a, conditions).length);
    if (index) {
      const isTold = search.rowConditions.length === 0 && isCoveringIndex(index, conditions);
      const isCovered = isTold && accessConditions(index, conditions).length === conditions.where.length;
      const rare = isCovered
        ? undefined
        : this.rarest(plan, isTold ? this.few(limit, plan, entriesForRow) : few, index);
      if (rare) return this.gather(rare, query, limit);
      const walk = new IndexScan(
        this.connection,
        this.name,
        this.table,
        index,
        conditions,
        search.rowConditions,
        query,
      );
      const { hits, isComplete: whole } = walk.run(limit, few);
      if (whole || hits.length >= limit) return hits;
    }
    return this.gather(this.best(plan, limit, query.sort.column), query, limit);
  }

  /** Undefined when no row can match. */
  private planFor({ where, derivedConditions: implied, words = [] }: Filter): Plan | undefined {
    for (const { column } of [...where, ...(implied ?? [])]) quoteColumn(this.table, column);
    if (words.length > 0 && !this.table.isSearchable) throw new Error(`table ${this.name} can't be searched`);
    const conditions = mergeConditions(where, implied);
    if (!conditions || words.some((starts) => starts.length === 0)) return undefined;
    const [total] = this.connection.get<[number | null]>(`SELECT max(_id) FROM ${quoteIdentifier(this.name)}`)!;
    if (total === null) return undefined;
    const usable = this.table.indexes.filter((index) => isUsableIndex(index, conditions));
    return { conditions, total, usable, search: planTextSearch(words, this.name, total, this.connection) };
  }

  /** Up to how many rows are gathered rather than walked to; `cheaper`: so many looks of the walk take as long as one at a row. */
  private few(limit: number, { total }: Plan, cheaper = 1): number {
    return Math.ceil(Math.sqrt((this.effort.minScanAdvantage * limit * total) / cheaper));
  }

  /** The source that reads least, to count rows or to find so many of them in the order of a column. */
  private best(plan: Plan, limit = 0, column?: string): Source {
    const { conditions, search, usable, total } = plan;
    const told =
      search.rowConditions.length > 0 ? [] : usable.filter((index) => isCoveringIndex(index, conditions, column));
    const [alone] = told.sort(
      (a, b) => accessConditions(b, conditions).length - accessConditions(a, conditions).length,
    );
    // An index that tells everything takes less than any row that is looked at.
    if (alone && column === undefined) return this.by(alone, conditions, search);
    const rare = this.rarest(plan, alone ? this.few(limit, plan) : Math.floor(total * this.effort.maxSortedShare));
    if (rare) return rare;
    if (alone) return this.by(alone, conditions, search);
    const all = [...conditionsToSql(this.table, conditions.where), ...search.rowConditions];
    return { from: sql(`${quoteIdentifier(this.name)} NOT INDEXED`), conditions: all, rows: total };
  }

  /** The source of the fewest rows, if it has no more than so many. `besides` what an index leaves out anyway. */
  private rarest(plan: Plan, most: number, besides?: Index): Source | undefined {
    const { conditions, search, usable } = plan;
    const covered = new Set(besides && accessConditions(besides, conditions));
    const tried = new Set<string>();
    const sources: Source[] = [];
    if (search.ftsMatch) sources.push(this.byWords(conditions, search, search.ftsMatch, most));
    for (const index of usable) {
      const part = scannedRange(index, conditions);
      const what = part.map(({ column }) => column).join();
      if (tried.has(what) || part.every((condition) => covered.has(condition))) continue;
      tried.add(what);
      sources.push({ ...this.by(index, conditions, search), rows: this.rowsOf(index, part, most) });
    }
    return sources.filter(({ rows }) => rows <= most).sort((a, b) => a.rows - b.rows)[0];
  }

  private by(index: Index, conditions: MergedConditions, search: TextSearch): Source {
    const implied = scannedRange(index, conditions).filter((it) => !conditions.where.includes(it));
    return {
      from: this.at(index),
      conditions: [...conditionsToSql(this.table, [...conditions.where, ...implied]), ...search.rowConditions],
      rows: NaN,
    };
  }

  private byWords({ where }: MergedConditions, search: TextSearch, match: SqlFragment, most: number): Source {
    const words = wordsTable(this.name);
    const counted = `SELECT count(*) FROM (SELECT 1 FROM ${words} WHERE ${match.text} LIMIT ${most + 1})`;
    return {
      from: rawSql(
        // Apart, because the table of words has columns of its own.
        `(SELECT rowid AS _found FROM ${words} WHERE ${match.text}) CROSS JOIN ${quoteIdentifier(this.name)} ON _id = _found`,
        match.values,
      ),
      conditions: [...conditionsToSql(this.table, where), ...search.residualConditions],
      rows: this.connection.get<[number]>(counted, ...match.values)![0],
    };
  }

  private rowsOf(index: Index, part: MergedConditions['where'], most: number): number {
    const { text, values } = andSql(conditionsToSql(this.table, part));
    const counted = `SELECT count(*) FROM (SELECT 1 FROM ${this.at(index).text} WHERE ${text} LIMIT ${most + 1})`;
    return this.connection.get<[number]>(counted, ...values)![0];
  }

  private at(index: Index): SqlFragment {
    return sql(`${quoteIdentifier(this.name)} INDEXED BY ${quoteIdentifier(indexName(this.name, index))}`);
  }

  private gather(source: Source, { sort, after }: RowQuery, limit: number): readonly Hit[] {
    const column = quoteIdentifier(sort.column);
    const [direction, beyond] = sort.descending ? ['DESC', '<'] : ['ASC', '>'];
    const behind = !after
      ? []
      : after.value === null
        ? [sql(`+${column} IS NULL AND _key ${beyond} ?`, after.key)]
        : [sql(`(+${column} IS NULL OR (+${column}, _key) ${beyond} (?, ?))`, after.value, after.key)];
    const { text, values } = andSql([...source.conditions, ...behind]);
    const order = `ORDER BY ${column} IS NULL, ${column} ${direction}, _key ${direction} LIMIT ${limit}`;
    const found = `SELECT _id, _key, ${column} FROM ${source.from.text} WHERE ${text} ${order}`;
    return this.connection.all<Hit>(found, ...source.from.values, ...values);
  }
}

interface Plan {
  readonly conditions: MergedConditions;
  readonly search: TextSearch;
  readonly usable: readonly Index[];
  /** How many rows the table has. */
  readonly total: number;
}
