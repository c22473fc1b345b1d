import type { Query } from '../view-store.js';
import { joined, sql, type Sql, sqlAsIs } from './conditions.sql.js';
import { type Connection, toSql } from './connection.js';
import { quoted, wordsTable } from './schema.sql.js';

type Words = Required<Query>['words'];

/** How the words of a search are found. */
export interface Search {
  /** For the table of words: those that few rows have. Undefined: there is none. */
  readonly match: Sql | undefined;
  /** For each row that is looked at. */
  readonly rest: readonly Sql[];
  /** Instead of `match`, where rows are found otherwise. */
  readonly all: readonly Sql[];
}

/** So many rows are asked how frequent a word is. */
const sampled = 256;
/**
 * Words that more than this share of the rows has are told from the rows: to take in all rows that a frequent word has, before
 * the first is given out, takes the table of words long.
 */
const frequent = 0.08;

export function searchFor(words: Words, table: string, rows: number, connection: Connection): Search {
  const conditions = words.map(begins);
  if (words.length === 0) return { match: undefined, rest: [], all: [] };
  const rare = rarity(conditions, table, rows, connection);
  const matched = words.filter((_, nth) => rare[nth]);
  return {
    match: matched.length === 0 ? undefined : matchOf(matched, table),
    rest: conditions.filter((_, nth) => !rare[nth]),
    all: conditions,
  };
}

/** Of each word, whether few rows have it. */
function rarity(words: readonly Sql[], table: string, rows: number, connection: Connection): readonly boolean[] {
  const count = Math.min(rows, sampled);
  const ids = Array.from({ length: count }, (_, nth) => Math.floor(((nth + 0.5) / count) * rows) + 1);
  const each = joined(
    words.map(({ text, values }) => sqlAsIs(`total(${text})`, values)),
    ', ',
  );
  const counted = connection.get<number[]>(
    `SELECT ${each.text} FROM json_each(?) CROSS JOIN ${quoted(table)} ON _id = value`,
    ...each.values,
    JSON.stringify(ids),
  )!;
  return counted.map((having) => having <= count * frequent);
}

/** A word begins a token, told from the row's own list of them. */
function begins(starts: readonly string[]): Sql {
  const { text, values } = joined(
    starts.map((start) => sql('instr(_tokens, ?) > 0', ` ${start}`)),
    ' OR ',
  );
  return sqlAsIs(`(${text})`, values);
}

function matchOf(words: Words, table: string): Sql {
  const phrase = (start: string) => `"${toSql(start).replaceAll('"', '""')}"*`;
  const text = words.map((starts) => `(${starts.map(phrase).join(' OR ')})`).join(' AND ');
  return sqlAsIs(`${wordsTable(table)} MATCH ?`, [text]);
}
