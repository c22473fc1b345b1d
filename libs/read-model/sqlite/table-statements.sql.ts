import { quoteIdentifier, rowsTable, type SqliteTableSchema, wordsTable } from './schema.sql.js';

/** What a table's rows are read and written with: texts made once, by which the statements are found again. */
export interface TableStatements {
  readonly columns: readonly string[];
  /** The row and its position, by key. */
  readonly selectRow: string;
  /** Key, columns and, where the table is searched, tokens; nothing happens where the key is there. */
  readonly insert: string;
  readonly insertRow: string;
  /** Position and row, by key, where the row has this position; gives its `_id`. */
  readonly replaceRow: string;
  /** The same where the row has a lower position. */
  readonly replaceOlderRow: string;
  /** Undefined: the table can't be searched. */
  readonly indexTokens: string | undefined;
  updateColumns(columns: readonly string[]): string;
}

export function buildTableStatements(
  name: string,
  { columns, isSearchable: searched }: SqliteTableSchema,
): TableStatements {
  const [table, rows] = [quoteIdentifier(name), rowsTable(name)];
  const all = ['_key', ...columns, ...(searched ? ['_tokens'] : [])];
  const replace = (is: '=' | '<'): string =>
    `UPDATE ${rows} SET _position = ?, _row = ? WHERE _id = (SELECT _id FROM ${table} WHERE _key = ?) AND _position ${is} ?
      RETURNING _id`;
  const updates = new Map<string, string>();
  return {
    columns,
    selectRow: `SELECT _row, _position FROM ${rows} WHERE _id = (SELECT _id FROM ${table} WHERE _key = ?)`,
    insert: `INSERT INTO ${table} (${all.map(quoteIdentifier).join(', ')}) VALUES (${all.map(() => '?').join(', ')})
      ON CONFLICT (_key) DO NOTHING`,
    insertRow: `INSERT INTO ${rows} (_id, _position, _row) VALUES (?, ?, ?)`,
    replaceRow: replace('='),
    replaceOlderRow: replace('<'),
    indexTokens: searched ? `INSERT OR REPLACE INTO ${wordsTable(name)} (rowid, tokens) VALUES (?, ?)` : undefined,
    updateColumns(changed) {
      const which = changed.join();
      const known = updates.get(which);
      if (known) return known;
      const made = `UPDATE ${table} SET ${changed.map((column) => `${quoteIdentifier(column)} = ?`).join(', ')} WHERE _id = ?`;
      updates.set(which, made);
      return made;
    },
  };
}
