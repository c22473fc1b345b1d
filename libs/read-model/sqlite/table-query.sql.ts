import type { Filter, Group, GroupQuery, RowQuery } from '../view-store.js';
import type { ColumnValue } from '../view.js';
import { andSql, conditionsToSql, indexedTable, quoteColumn, rawSql, sql, type SqlFragment } from './conditions.sql.js';
import { fromSqlValue, type SqliteConnection } from './connection.js';
import { scannedRange } from './index-coverage.js';
import { IndexScan, type RowReference } from './index-scan.sql.js';
import { type AnalyzedFilter, type CostModel, type GatherPlan, QueryPlanner } from './query-planner.js';
import { quoteIdentifier, type SqliteTableSchema, wordsTable } from './schema.sql.js';
import { SqliteTableStatistics } from './table-statistics.sql.js';
import { fullTextMatch, wordCondition } from './text-search.sql.js';

/** Where rows are read from, and the conditions that are checked on each row. */
interface RowSource {
  readonly from: SqlFragment;
  readonly conditions: readonly SqlFragment[];
}

/** Runs queries on one table as planned. Must be called inside a transaction, so that planning and reading see the same rows. */
export class TableQuery {
  private readonly planner: QueryPlanner;

  constructor(
    private readonly connection: SqliteConnection,
    private readonly tableName: string,
    private readonly table: SqliteTableSchema,
    costModel: CostModel,
  ) {
    this.planner = new QueryPlanner(table, new SqliteTableStatistics(connection, tableName, table), costModel);
  }

  count(filter: Filter): number {
    const analyzed = this.analyze(filter);
    if (!analyzed) return 0;
    const { from, conditions } = this.sourceOf(this.planner.planCount(analyzed), analyzed);
    const { text, values } = andSql(conditions);
    const query = `SELECT count(*) FROM ${from.text} WHERE ${text}`;
    return this.connection.get<[number]>(query, ...from.values, ...values)![0];
  }

  group({ where, by, sum = [] }: GroupQuery): readonly Group[] {
    const groupColumns = by.map((column) => quoteColumn(this.table, column));
    const sums = sum.map((column) => `coalesce(sum(${quoteColumn(this.table, column)}), 0)`);
    const analyzed = this.analyze({ where });
    if (!analyzed) return [];
    const plan = this.planner.planGroup(analyzed, [...by, ...sum]);
    const { from, conditions } = this.sourceOf(plan, analyzed);
    const { text, values } = andSql(conditions);
    const results = [...groupColumns, 'count(*)', ...sums].join(', ');
    // Without columns to group by, SQL would return one group with a count of 0 if nothing matches.
    const grouping = groupColumns.length > 0 ? `GROUP BY ${groupColumns.join(', ')}` : 'HAVING count(*) > 0';
    const query = `SELECT ${results} FROM ${from.text} WHERE ${text} ${grouping}`;
    return this.connection.all<ColumnValue[]>(query, ...from.values, ...values).map((group) => ({
      values: group.slice(0, by.length).map(fromSqlValue),
      count: group[by.length] as number,
      sums: group.slice(by.length + 1) as number[],
    }));
  }

  find(query: RowQuery): { readonly rows: readonly RowReference[]; readonly hasMore: boolean } {
    quoteColumn(this.table, query.sort.column);
    if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > 10_000)
      throw new Error(`limit must be from 1 to 10,000, not ${query.limit}`);
    const found = this.findRows(query, query.limit + 1);
    const rows = found
      .slice(0, query.limit)
      .map(([id, key, value]): RowReference => [id, fromSqlValue(key), fromSqlValue(value)]);
    return { rows, hasMore: found.length > query.limit };
  }

  private findRows(query: RowQuery, limit: number): readonly RowReference[] {
    const filter = this.analyze(query);
    if (!filter) return [];
    const plan = this.planner.planPage(filter, query, limit);
    if (plan.type !== 'index-scan') return this.gather(plan, filter, query, limit);
    const words = filter.words.map(wordCondition);
    const scan = new IndexScan(
      this.connection,
      this.tableName,
      this.table,
      plan.index,
      filter.conditions,
      words,
      query,
    );
    const { rows, isComplete } = scan.run(limit, plan.maxRowReads);
    if (isComplete || rows.length >= limit) return rows;
    return this.gather(this.planner.planGather(filter, query.sort.column, limit), filter, query, limit);
  }

  /** @throws Error if the table has no such column or cannot be searched */
  private analyze(filter: Filter): AnalyzedFilter | undefined {
    for (const { column } of filter.where) quoteColumn(this.table, column);
    for (const { column } of filter.derivedConditions ?? []) quoteColumn(this.table, column);
    if (filter.words && filter.words.length > 0 && !this.table.isSearchable)
      throw new Error(`table ${this.tableName} cannot be searched`);
    return this.planner.analyze(filter);
  }

  private gather(
    plan: GatherPlan,
    filter: AnalyzedFilter,
    { sort, after }: RowQuery,
    limit: number,
  ): readonly RowReference[] {
    const source = this.sourceOf(plan, filter);
    const column = quoteIdentifier(sort.column);
    const [direction, beyond] = sort.descending ? ['DESC', '<'] : ['ASC', '>'];
    const conditions = [...source.conditions];
    // `+` keeps SQLite from looking for an index on the column.
    if (after && after.value === null) conditions.push(sql(`+${column} IS NULL AND _key ${beyond} ?`, after.key));
    else if (after)
      conditions.push(sql(`(+${column} IS NULL OR (+${column}, _key) ${beyond} (?, ?))`, after.value, after.key));
    const { text, values } = andSql(conditions);
    const order = `ORDER BY ${column} IS NULL, ${column} ${direction}, _key ${direction} LIMIT ${limit}`;
    const query = `SELECT _id, _key, ${column} FROM ${source.from.text} WHERE ${text} ${order}`;
    return this.connection.all<RowReference>(query, ...source.from.values, ...values);
  }

  private sourceOf(plan: GatherPlan, { conditions, words, rareWords, frequentWords }: AnalyzedFilter): RowSource {
    const table = quoteIdentifier(this.tableName);
    switch (plan.type) {
      case 'index-range': {
        const derived = scannedRange(plan.index, conditions).filter(
          (condition) => !conditions.where.includes(condition),
        );
        return {
          from: sql(indexedTable(this.tableName, plan.index)),
          conditions: [...conditionsToSql(this.table, [...conditions.where, ...derived]), ...words.map(wordCondition)],
        };
      }
      case 'text-search': {
        const match = fullTextMatch(rareWords, this.tableName);
        // A subquery, because the full-text table has columns of its own.
        const matches = `(SELECT rowid AS _found FROM ${wordsTable(this.tableName)} WHERE ${match.text})`;
        return {
          from: rawSql(`${matches} CROSS JOIN ${table} ON _id = _found`, match.values),
          conditions: [...conditionsToSql(this.table, conditions.where), ...frequentWords.map(wordCondition)],
        };
      }
      case 'full-scan':
        return {
          from: sql(`${table} NOT INDEXED`),
          conditions: [...conditionsToSql(this.table, conditions.where), ...words.map(wordCondition)],
        };
    }
  }
}
