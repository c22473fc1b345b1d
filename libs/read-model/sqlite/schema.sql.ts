import { type ProjectionFailure, type ViewState, ViewsUnavailable } from '../view-store.js';
import type { Index, View } from '../view.js';
import { applicationId, notAViewFile, type SqliteConnection } from './connection.js';

/** A view without its functions, so that it can be sent to another thread. */
export interface SqliteViewSchema {
  readonly name: string;
  readonly version: number;
  readonly tables: Readonly<Record<string, SqliteTableSchema>>;
}

export interface SqliteTableSchema {
  readonly columns: readonly string[];
  readonly isSearchable: boolean;
  readonly indexes: readonly Index[];
}

const checkName = (role: string, name: string): string => {
  if (/^[a-z][A-Za-z0-9]{0,49}$/.test(name)) return name;
  throw new Error(`${role} "${name}" must be at most 50 letters and digits and begin with a lower-case letter`);
};

/** @throws Error if the name of the view, a table or a column is invalid, or if an index names an unknown column */
export function sqliteSchemaOf(view: View): SqliteViewSchema {
  if (!/^[a-z][a-z0-9-]{0,49}$/.test(view.name))
    throw new Error(`view "${view.name}" must have a kebab-case name of at most 50 characters`);
  if (!Number.isInteger(view.version) || view.version < 1)
    throw new Error(`view ${view.name} must have a version of at least 1`);
  const tables = Object.entries(view.tables).map(([name, table]): [string, SqliteTableSchema] => {
    const path = `${view.name}.${name}`;
    const columns = Object.keys(table.columns).map((column) => checkName(`column of ${path}`, column));
    if (new Set(columns.map((column) => column.toLowerCase())).size < columns.length)
      throw new Error(`columns of ${path} differ only in upper and lower case`);
    for (const index of table.indexes)
      for (const column of [...index.prefix, ...(index.sort ? [index.sort] : []), ...includedColumns(index)])
        if (!columns.includes(column)) throw new Error(`an index of ${path} names an unknown column: ${column}`);
    const schema = { columns, isSearchable: 'tokens' in table, indexes: table.indexes };
    return [checkName(`table of ${view.name}`, name), schema];
  });
  return { name: view.name, version: view.version, tables: Object.fromEntries(tables) };
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteLiteral = (value: string | number): string =>
  typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;

/** Stores each row as JSON, under the same `_id` as its columns. */
export const rowsTable = (table: string): string => quoteIdentifier(`_rows_${table}`);
/** The full-text index of a table. */
export const wordsTable = (table: string): string => quoteIdentifier(`_words_${table}`);

/** Columns that an index contains in addition to those that it is ordered by. */
export const includedColumns = ({ include = [], where = {} }: Index): readonly string[] => [
  ...new Set([...include, ...Object.keys(where)]),
];

/** The name contains the whole definition, so a changed index is a different index. */
export const indexName = (table: string, { prefix, sort, include = [], where }: Index): string =>
  `_${table}(${[prefix.join(','), sort ?? '', where ? JSON.stringify(where) : '', ...include].join(';')})`;

/** Version of the file layout. Raise it when the layout changes. */
const layoutVersion = 3;

/** Rows are long, so they are stored in a separate table: reading only the columns then touches a fifth of the pages. */
const createTableSql = (table: string, { columns, isSearchable }: SqliteTableSchema): string[] => [
  `CREATE TABLE ${quoteIdentifier(table)} (_id INTEGER PRIMARY KEY, _key TEXT NOT NULL UNIQUE
    ${columns.map((column) => `, ${quoteIdentifier(column)}`).join('')} ${isSearchable ? ', _tokens TEXT' : ''})`,
  `CREATE TABLE ${rowsTable(table)} (_id INTEGER PRIMARY KEY, _position TEXT NOT NULL, _row TEXT NOT NULL)`,
  ...(isSearchable
    ? [
        `CREATE VIRTUAL TABLE ${wordsTable(table)} USING fts5(tokens, content='', contentless_delete=1, detail=none,
          tokenize="ascii tokenchars '!#$%&()*+,-./:;<=>?@[]^_{|}~'")`,
      ]
    : []),
];

const createIndexSql = (table: string, index: Index): string => {
  // The columns of `where` are included at the end: without them SQLite would read every row.
  const columns = [...index.prefix, ...(index.sort ? [index.sort, '_key'] : []), ...includedColumns(index)];
  const where = Object.entries(index.where ?? {})
    .map(([column, value]) => `${quoteIdentifier(column)} = ${quoteLiteral(value)}`)
    .join(' AND ');
  return `CREATE INDEX IF NOT EXISTS ${quoteIdentifier(indexName(table, index))} ON ${quoteIdentifier(table)} (${columns.map(quoteIdentifier).join(', ')})${where && ` WHERE ${where}`}`;
};

/** Describes what must be equal in the file and in the code. Indexes may differ, because they are created again. */
const storedShape = ({ tables }: SqliteViewSchema): string =>
  JSON.stringify([
    layoutVersion,
    ...Object.entries(tables).map(([table, { columns, isSearchable }]) => [table, columns, isSearchable]),
  ]);

const requiredIndexes = ({ tables }: SqliteViewSchema): Map<string, string> =>
  new Map(
    Object.entries(tables).flatMap(([table, { indexes }]) =>
      indexes.map((index): [string, string] => [indexName(table, index), createIndexSql(table, index)]),
    ),
  );

const existingIndexes = (connection: SqliteConnection): string[] =>
  connection
    .all<[string]>(`SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`)
    .map(([name]) => name);

/**
 * Whether the file already contains a view.
 * @throws ViewsUnavailable if it contains something else
 */
export function isInitialized(connection: SqliteConnection): boolean {
  // In this order, because a writer may initialize the file between the two reads.
  const [tables] = connection.get<[number]>('SELECT count(*) FROM sqlite_schema')!;
  const [id] = connection.get<[number]>('PRAGMA application_id')!;
  if (tables > 0 && id !== applicationId)
    throw new ViewsUnavailable(`Cannot use the view file ${connection.path}: ${notAViewFile}.`);
  return tables > 0;
}

/**
 * Creates what is missing, except indexes.
 * @throws SchemaMismatch
 */
export function createTables(connection: SqliteConnection, schema: SqliteViewSchema): void {
  if (!isInitialized(connection)) {
    // SQLite ignores this pragma inside a transaction.
    connection.exec('PRAGMA journal_mode = WAL');
    connection.transaction('IMMEDIATE', () => {
      if (isInitialized(connection)) return;
      connection.exec(`PRAGMA application_id = ${applicationId}`);
      // `closed` is 1 if the generation is retired. Until `held` (milliseconds since 1970), writers pause.
      connection.exec(`CREATE TABLE _view
        (one INTEGER PRIMARY KEY CHECK (one = 1), shape TEXT NOT NULL, checkpoint TEXT, stopped TEXT,
          built INTEGER NOT NULL, closed INTEGER NOT NULL, held INTEGER NOT NULL)`);
      for (const [name, table] of Object.entries(schema.tables))
        createTableSql(name, table).forEach((statement) => connection.exec(statement));
      connection.run('INSERT INTO _view VALUES (1, ?, NULL, NULL, 0, 0, 0)', storedShape(schema));
    });
  }
  checkSchema(connection, schema);
  const [required, existing] = [requiredIndexes(schema), new Set(existingIndexes(connection))];
  const isComplete = required.size === existing.size && [...required.keys()].every((name) => existing.has(name));
  if (!isComplete) connection.run('UPDATE _view SET built = 0 WHERE built = 1');
}

/** The file does not have the tables and columns that the code expects. */
export class SchemaMismatch extends ViewsUnavailable {}

/** @throws SchemaMismatch */
export function checkSchema(connection: SqliteConnection, schema: SqliteViewSchema): void {
  const [stored] = connection.get<[string]>('SELECT shape FROM _view')!;
  if (stored === storedShape(schema)) return;
  throw new SchemaMismatch(
    `The file ${connection.path} has other tables or columns than version ${schema.version} of view ${schema.name}. Raise the view's version, or rebuild the view.`,
  );
}

/** Creates one index per step, so that the thread can do other work between the steps. */
export function* buildIndexes(connection: SqliteConnection, schema: SqliteViewSchema): Generator<void> {
  const required = requiredIndexes(schema);
  for (const name of existingIndexes(connection))
    if (!required.has(name)) connection.exec(`DROP INDEX IF EXISTS ${quoteIdentifier(name)}`);
  for (const statement of required.values()) {
    connection.exec(statement);
    yield;
  }
  connection.run('UPDATE _view SET built = 1');
}

export const isRetired = (connection: SqliteConnection): boolean =>
  connection.get<[number]>('SELECT closed FROM _view')![0] === 1;

/** The time until which writers must wait, so that a candidate can catch up and be promoted. Milliseconds since 1970. */
export const writePausedUntil = (connection: SqliteConnection): number =>
  connection.get<[number]>('SELECT held FROM _view WHERE closed = 0')?.[0] ?? 0;

export function readViewState(connection: SqliteConnection): ViewState {
  const [checkpoint, stopped, built] = connection.get<[string | null, string | null, number]>(
    'SELECT checkpoint, stopped, built FROM _view',
  )!;
  const failure = stopped === null ? null : (JSON.parse(stopped) as ProjectionFailure);
  const isPassed = failure && checkpoint !== null && checkpoint >= failure.position;
  return { checkpoint, stopped: isPassed ? null : failure, built: built === 1 };
}
