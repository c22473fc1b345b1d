import { ViewsUnavailable, type ProjectionFailure, type ViewState } from '../view-store.js';
import type { Index, View } from '../view.js';
import { applicationId, type SqliteConnection } from './connection.js';

/** What a file's tables are made of: a view without its functions, so that it can be sent to another thread. */
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

const nameOf = (what: string, name: string): string => {
  if (/^[a-z][A-Za-z0-9]{0,49}$/.test(name)) return name;
  throw new Error(`${what} "${name}" must be letters and digits, beginning with a small letter, at most 50`);
};

/** @throws Error when a name can't be one of a table, a column or a file, or an index names no column. */
export function sqliteSchemaOf(view: View): SqliteViewSchema {
  if (!/^[a-z][a-z0-9-]{0,49}$/.test(view.name))
    throw new Error(`view "${view.name}" must be kebab-case, at most 50 letters`);
  if (!Number.isInteger(view.version) || view.version < 1) throw new Error(`view ${view.name} needs a version from 1`);
  const tables = Object.entries(view.tables).map(([table, its]): [string, SqliteTableSchema] => {
    const names = Object.keys(its.columns).map((column) => nameOf(`column of ${view.name}.${table}`, column));
    if (new Set(names.map((name) => name.toLowerCase())).size < names.length)
      throw new Error(`columns of ${view.name}.${table} are the same but for case`);
    for (const index of its.indexes)
      for (const column of [...index.prefix, ...(index.sort ? [index.sort] : []), ...includedColumns(index)])
        if (!names.includes(column)) throw new Error(`an index of ${view.name}.${table} names no column: ${column}`);
    return [
      nameOf(`table of ${view.name}`, table),
      { columns: names, isSearchable: 'tokens' in its, indexes: its.indexes },
    ];
  });
  return { name: view.name, version: view.version, tables: Object.fromEntries(tables) };
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteLiteral = (value: string | number): string =>
  typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
/** The rows themselves, under the `_id` that they have in the table. */
export const rowsTable = (table: string): string => quoteIdentifier(`_rows_${table}`);
export const wordsTable = (table: string): string => quoteIdentifier(`_words_${table}`);

/** What stands in an index besides what it is ordered by. */
export const includedColumns = ({ include: more = [], where = {} }: Index): readonly string[] => [
  ...new Set([...more, ...Object.keys(where)]),
];

/** An index is named after what it is, so that a changed one is another one. */
export const indexName = (table: string, { prefix: equal, sort, include: more = [], where }: Index): string =>
  `_${table}(${[equal.join(','), sort ?? '', where ? JSON.stringify(where) : '', ...more].join(';')})`;

/** How a file is laid out; raised when that changes. */
const layout = 3;

/**
 * What rows are found by stands apart from the rows, which are long: a look at a row's columns, or at those of all rows, reads a
 * fifth of the pages.
 */
const createTable = (table: string, { columns, isSearchable: searched }: SqliteTableSchema): string[] => [
  `CREATE TABLE ${quoteIdentifier(table)} (_id INTEGER PRIMARY KEY, _key TEXT NOT NULL UNIQUE
    ${columns.map((column) => `, ${quoteIdentifier(column)}`).join('')} ${searched ? ', _tokens TEXT' : ''})`,
  `CREATE TABLE ${rowsTable(table)} (_id INTEGER PRIMARY KEY, _position TEXT NOT NULL, _row TEXT NOT NULL)`,
  ...(searched
    ? [
        `CREATE VIRTUAL TABLE ${wordsTable(table)} USING fts5(tokens, content='', contentless_delete=1, detail=none,
          tokenize="ascii tokenchars '!#$%&()*+,-./:;<=>?@[]^_{|}~'")`,
      ]
    : []),
];

const createIndex = (table: string, index: Index): string => {
  // The columns of `where` stand at the end: without them SQLite would look into every row.
  const names = [...index.prefix, ...(index.sort ? [index.sort, '_key'] : []), ...includedColumns(index)];
  const where = Object.entries(index.where ?? {})
    .map(([column, value]) => `${quoteIdentifier(column)} = ${quoteLiteral(value)}`)
    .join(' AND ');
  return `CREATE INDEX IF NOT EXISTS ${quoteIdentifier(indexName(table, index))} ON ${quoteIdentifier(table)} (${names.map(quoteIdentifier).join(', ')})${where && ` WHERE ${where}`}`;
};

/** What must be the same in the file and in the code; indexes may change. */
const storedShape = ({ tables }: SqliteViewSchema): string =>
  JSON.stringify([
    layout,
    ...Object.entries(tables).map(([table, { columns, isSearchable: searched }]) => [table, columns, searched]),
  ]);

const wantedIndexes = ({ tables }: SqliteViewSchema): Map<string, string> =>
  new Map(
    Object.entries(tables).flatMap(([table, { indexes }]) =>
      indexes.map((index): [string, string] => [indexName(table, index), createIndex(table, index)]),
    ),
  );

const presentIndexes = (connection: SqliteConnection): string[] =>
  connection
    .all<[string]>(`SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`)
    .map(([name]) => name);

/** Whether the file holds a view yet. @throws ViewsUnavailable when it holds something else. */
export function isInitialized(connection: SqliteConnection): boolean {
  // In this order: a writer may make the file ours in between.
  const [tables] = connection.get<[number]>('SELECT count(*) FROM sqlite_schema')!;
  const [id] = connection.get<[number]>('PRAGMA application_id')!;
  if (tables > 0 && id !== applicationId)
    throw new ViewsUnavailable(`The file ${connection.path} is not one of ours: move it away.`);
  return tables > 0;
}

/** Makes what is missing. @throws OtherShape when the file holds other columns than the code's. */
export function createTables(connection: SqliteConnection, shape: SqliteViewSchema): void {
  if (!isInitialized(connection)) {
    // Not inside the transaction, where SQLite ignores it.
    connection.exec('PRAGMA journal_mode = WAL');
    connection.transaction('IMMEDIATE', () => {
      if (isInitialized(connection)) return;
      connection.exec(`PRAGMA application_id = ${applicationId}`);
      connection.exec(`CREATE TABLE _view
        (one INTEGER PRIMARY KEY CHECK (one = 1), shape TEXT NOT NULL, checkpoint TEXT, stopped TEXT,
          built INTEGER NOT NULL, closed INTEGER NOT NULL, held INTEGER NOT NULL)`);
      for (const [table, its] of Object.entries(shape.tables))
        createTable(table, its).forEach((sql) => connection.exec(sql));
      connection.run('INSERT INTO _view VALUES (1, ?, NULL, NULL, 0, 0, 0)', storedShape(shape));
    });
  }
  checkSchema(connection, shape);
  const [wanted, present] = [wantedIndexes(shape), new Set(presentIndexes(connection))];
  const same = wanted.size === present.size && [...wanted.keys()].every((name) => present.has(name));
  if (!same) connection.run('UPDATE _view SET built = 0 WHERE built = 1');
}

/** A file that holds other columns than the code's. */
export class SchemaMismatch extends ViewsUnavailable {}

/** @throws OtherShape */
export function checkSchema(connection: SqliteConnection, shape: SqliteViewSchema): void {
  const [stored] = connection.get<[string]>('SELECT shape FROM _view')!;
  if (stored === storedShape(shape)) return;
  throw new SchemaMismatch(
    `The file ${connection.path} holds other tables or columns than version ${shape.version} of view ${shape.name} has: raise the version or rebuild the view.`,
  );
}

/** One step per index, so that the thread may do other things between them. */
export function* buildIndexes(connection: SqliteConnection, shape: SqliteViewSchema): Generator<void> {
  const wanted = wantedIndexes(shape);
  for (const name of presentIndexes(connection))
    if (!wanted.has(name)) connection.exec(`DROP INDEX IF EXISTS ${quoteIdentifier(name)}`);
  for (const sql of wanted.values()) {
    connection.exec(sql);
    yield;
  }
  connection.run('UPDATE _view SET built = 1');
}

/** Whether another generation has taken over from the one in this file. */
export const isRetired = (connection: SqliteConnection): boolean =>
  connection.get<[number]>('SELECT closed FROM _view')![0] === 1;

/** Until when its writers are held up, so that another one can reach it and take over; in milliseconds since 1970. */
export const writePausedUntil = (connection: SqliteConnection): number =>
  connection.get<[number]>('SELECT held FROM _view WHERE closed = 0')?.[0] ?? 0;

export function readViewState(connection: SqliteConnection): ViewState {
  const [checkpoint, stopped, built] = connection.get<[string | null, string | null, number]>(
    'SELECT checkpoint, stopped, built FROM _view',
  )!;
  const report = stopped === null ? null : (JSON.parse(stopped) as ProjectionFailure);
  const passed = report && checkpoint !== null && checkpoint >= report.position;
  return { checkpoint, stopped: passed ? null : report, built: built === 1 };
}
