import { joinSql, rawSql, sql, type SqlFragment } from './conditions.sql.js';
import { toSqlValue } from './connection.js';
import type { SearchWord } from './query-planner.js';
import { wordsTable } from './schema.sql.js';

/** Checks the row's list of tokens: one of them must begin with one of the spellings. */
export function wordCondition(spellings: SearchWord): SqlFragment {
  const { text, values } = joinSql(
    spellings.map((spelling) => sql('instr(_tokens, ?) > 0', ` ${spelling}`)),
    ' OR ',
  );
  return rawSql(`(${text})`, values);
}

/** Finds the rows that contain all words, in the table's full-text index. */
export function fullTextMatch(words: readonly SearchWord[], table: string): SqlFragment {
  const prefixQuery = (spelling: string) => `"${toSqlValue(spelling).replaceAll('"', '""')}"*`;
  const text = words.map((spellings) => `(${spellings.map(prefixQuery).join(' OR ')})`).join(' AND ');
  return rawSql(`${wordsTable(table)} MATCH ?`, [text]);
}
