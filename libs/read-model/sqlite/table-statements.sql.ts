import { quoteIdentifier, rowsTable, type SqliteTableSchema, wordsTable } from './schema.sql.js';

/** The SQL texts for one table. They are built once, because prepared statements are cached by text. */
export interface TableStatements {
  readonly columns: readonly string[];
  /** Selects row and position, by key. */
  readonly selectRow: string;
  /** Inserts key, columns and, if the table is searchable, tokens. Does nothing if the key exists. */
  readonly insert: string;
  readonly insertRow: string;
  /** Sets position and row, by key, if the stored row has exactly this position. Returns its `_id`. */
  readonly replaceRow: string;
  /** The same if the stored row has a lower position. */
  readonly replaceOlderRow: string;
  /** Undefined if the table is not searchable. */
  readonly indexTokens: string | undefined;
  updateColumns(columns: readonly string[]): string;
}

export function buildTableStatements(name: string, { columns, isSearchable }: SqliteTableSchema): TableStatements {
  const [table, rows] = [quoteIdentifier(name), rowsTable(name)];
  const allColumns = ['_key', ...columns, ...(isSearchable ? ['_tokens'] : [])];
  const replaceSql = (operator: '=' | '<'): string =>
    `UPDATE ${rows} SET _position = ?, _row = ? WHERE _id = (SELECT _id FROM ${table} WHERE _key = ?) AND _position ${operator} ?
      RETURNING _id`;
  const updates = new Map<string, string>();
  return {
    columns,
    selectRow: `SELECT _row, _position FROM ${rows} WHERE _id = (SELECT _id FROM ${table} WHERE _key = ?)`,
    insert: `INSERT INTO ${table} (${allColumns.map(quoteIdentifier).join(', ')}) VALUES (${allColumns.map(() => '?').join(', ')})
      ON CONFLICT (_key) DO NOTHING`,
    insertRow: `INSERT INTO ${rows} (_id, _position, _row) VALUES (?, ?, ?)`,
    replaceRow: replaceSql('='),
    replaceOlderRow: replaceSql('<'),
    indexTokens: isSearchable ? `INSERT OR REPLACE INTO ${wordsTable(name)} (rowid, tokens) VALUES (?, ?)` : undefined,
    updateColumns(changed) {
      const cacheKey = changed.join();
      const cached = updates.get(cacheKey);
      if (cached) return cached;
      const assignments = changed.map((column) => `${quoteIdentifier(column)} = ?`).join(', ');
      const statement = `UPDATE ${table} SET ${assignments} WHERE _id = ?`;
      updates.set(cacheKey, statement);
      return statement;
    },
  };
}
