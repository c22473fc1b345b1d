import type { Condition } from '../view-store.js';
import type { Index } from '../view.js';
import { andSql, conditionsToSql, indexedTable, joinSql, rawSql } from './conditions.sql.js';
import type { SqliteConnection } from './connection.js';
import type { SearchWord, TableStatistics } from './query-planner.js';
import { quoteIdentifier, type SqliteTableSchema, wordsTable } from './schema.sql.js';
import { fullTextMatch, wordCondition } from './text-search.sql.js';

/** The number of rows that are read to estimate how frequent a word is. */
const maxSampledRows = 256;

/**
 * A word that more than this share of the sample contains is frequent. It is checked on each row, because the full-text index
 * reads every row that contains a word before it returns the first one.
 */
const frequentWordShare = 0.08;

export class SqliteTableStatistics implements TableStatistics {
  constructor(
    private readonly connection: SqliteConnection,
    private readonly tableName: string,
    private readonly table: SqliteTableSchema,
  ) {}

  /** Row ids are consecutive and rows are never removed, so the highest id is the number of rows. */
  rowCount(): number {
    return this.connection.get<[number | null]>(`SELECT max(_id) FROM ${quoteIdentifier(this.tableName)}`)![0] ?? 0;
  }

  areWordsRare(words: readonly SearchWord[], rowCount: number): readonly boolean[] {
    const sampleSize = Math.min(rowCount, maxSampledRows);
    const ids = Array.from(
      { length: sampleSize },
      (_, index) => Math.floor(((index + 0.5) / sampleSize) * rowCount) + 1,
    );
    const totals = joinSql(
      words.map(wordCondition).map(({ text, values }) => rawSql(`total(${text})`, values)),
      ', ',
    );
    const counts = this.connection.get<number[]>(
      `SELECT ${totals.text} FROM json_each(?) CROSS JOIN ${quoteIdentifier(this.tableName)} ON _id = value`,
      ...totals.values,
      JSON.stringify(ids),
    )!;
    return counts.map((count) => count <= sampleSize * frequentWordShare);
  }

  countIndexRange(index: Index, range: readonly Condition[], max: number): number {
    const { text, values } = andSql(conditionsToSql(this.table, range));
    return this.countUpTo(max, `${indexedTable(this.tableName, index)} WHERE ${text}`, values);
  }

  countTextMatches(words: readonly SearchWord[], max: number): number {
    const { text, values } = fullTextMatch(words, this.tableName);
    return this.countUpTo(max, `${wordsTable(this.tableName)} WHERE ${text}`, values);
  }

  private countUpTo(max: number, fromWhere: string, values: readonly unknown[]): number {
    const query = `SELECT count(*) FROM (SELECT 1 FROM ${fromWhere} LIMIT ${max + 1})`;
    return this.connection.get<[number]>(query, ...values)![0];
  }
}
