import type { RowQuery } from '../view-store.js';
import { joinSql, sql, type SqlFragment, rawSql } from './conditions.sql.js';
import { type SqliteConnection, toSqlValue } from './connection.js';
import { quoteIdentifier, wordsTable } from './schema.sql.js';

type Words = Required<RowQuery>['words'];

/** How the words of a search are found. */
export interface TextSearch {
  /** For the table of words: those that few rows have. Undefined: there is none. */
  readonly ftsMatch: SqlFragment | undefined;
  /** For each row that is looked at. */
  readonly residualConditions: readonly SqlFragment[];
  /** Instead of `match`, where rows are found otherwise. */
  readonly rowConditions: readonly SqlFragment[];
}

/** So many rows are asked how frequent a word is. */
const sampled = 256;
/**
 * Words that more than this share of the rows has are told from the rows: to take in all rows that a frequent word has, before
 * the first is given out, takes the table of words long.
 */
const frequent = 0.08;

export function planTextSearch(words: Words, table: string, rows: number, connection: SqliteConnection): TextSearch {
  const conditions = words.map(begins);
  if (words.length === 0) return { ftsMatch: undefined, residualConditions: [], rowConditions: [] };
  const rare = rarity(conditions, table, rows, connection);
  const matched = words.filter((_, nth) => rare[nth]);
  return {
    ftsMatch: matched.length === 0 ? undefined : matchOf(matched, table),
    residualConditions: conditions.filter((_, nth) => !rare[nth]),
    rowConditions: conditions,
  };
}

/** Of each word, whether few rows have it. */
function rarity(
  words: readonly SqlFragment[],
  table: string,
  rows: number,
  connection: SqliteConnection,
): readonly boolean[] {
  const count = Math.min(rows, sampled);
  const ids = Array.from({ length: count }, (_, nth) => Math.floor(((nth + 0.5) / count) * rows) + 1);
  const each = joinSql(
    words.map(({ text, values }) => rawSql(`total(${text})`, values)),
    ', ',
  );
  const counted = connection.get<number[]>(
    `SELECT ${each.text} FROM json_each(?) CROSS JOIN ${quoteIdentifier(table)} ON _id = value`,
    ...each.values,
    JSON.stringify(ids),
  )!;
  return counted.map((having) => having <= count * frequent);
}

/** A word begins a token, told from the row's own list of them. */
function begins(starts: readonly string[]): SqlFragment {
  const { text, values } = joinSql(
    starts.map((start) => sql('instr(_tokens, ?) > 0', ` ${start}`)),
    ' OR ',
  );
  return rawSql(`(${text})`, values);
}

function matchOf(words: Words, table: string): SqlFragment {
  const phrase = (start: string) => `"${toSqlValue(start).replaceAll('"', '""')}"*`;
  const text = words.map((starts) => `(${starts.map(phrase).join(' OR ')})`).join(' AND ');
  return rawSql(`${wordsTable(table)} MATCH ?`, [text]);
}
