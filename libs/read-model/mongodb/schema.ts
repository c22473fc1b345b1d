import { createHash } from 'node:crypto';
import type { IndexDescription } from 'mongodb';
import type { Index, View } from '../view.js';

/** What the storage of a view is made of. */
export interface MongodbViewSchema {
  /** Name and version. */
  readonly id: string;
  readonly tables: Readonly<Record<string, MongodbTableSchema>>;
  /** What must be the same in the database and in the code. */
  readonly columns: string;
  /** What must be there for the view to be built. */
  readonly indexes: string;
}

export interface MongodbTableSchema {
  readonly name: string;
  readonly columns: readonly string[];
  readonly isSearchable: boolean;
  readonly indexes: readonly IndexDescription[];
}

/** Where the checkpoints of all views lie, a document for each generation of each view and version. */
export const checkpointCollection = 'checkpoints';

/** The rows of a table of a generation. */
export const collectionName = (generation: string, { name }: MongodbTableSchema): string => `${generation}.${name}`;

/** Before the names of our indexes: others are somebody else's, and left alone. */
export const indexNamePrefix = 'view:';

const nameOf = (what: string, name: string): string => {
  if (/^[a-z][A-Za-z0-9]{0,49}$/.test(name)) return name;
  throw new Error(`${what} "${name}" must be letters and digits, beginning with a small letter, at most 50`);
};

/** @throws Error when a name can't be one of a view, a table or a column, or an index names no column. */
export function mongodbSchemaOf(view: View): MongodbViewSchema {
  if (!/^[a-z][a-z0-9-]{0,49}$/.test(view.name))
    throw new Error(`view "${view.name}" must be kebab-case, at most 50 letters`);
  if (!Number.isInteger(view.version) || view.version < 1) throw new Error(`view ${view.name} needs a version from 1`);
  const id = `${view.name}.v${view.version}`;
  const tables = Object.entries(view.tables).map(([table, its]): [string, MongodbTableSchema] => {
    const columns = Object.keys(its.columns).map((column) => nameOf(`column of ${view.name}.${table}`, column));
    for (const index of its.indexes)
      for (const column of columnsOf(index))
        if (!columns.includes(column)) throw new Error(`an index of ${view.name}.${table} names no column: ${column}`);
    const name = nameOf(`table of ${view.name}`, table);
    const searched = 'tokens' in its;
    const indexes = [...its.indexes.map(describe), ...(searched ? [words(its.indexes)] : [])];
    return [name, { name, columns, isSearchable: searched, indexes }];
  });
  const shapes = tables.map(([, shape]) => shape);
  return {
    id,
    tables: Object.fromEntries(tables),
    columns: JSON.stringify(shapes.map(({ name, columns, isSearchable: searched }) => [name, columns, searched])),
    indexes: JSON.stringify(shapes.map(({ name, indexes }) => [name, indexes.map((index) => index.name)])),
  };
}

const columnsOf = ({ prefix: equal, sort, where, ...index }: Index): readonly string[] => [
  ...equal,
  ...(sort === undefined ? [] : [sort]),
  ...Object.keys(where ?? {}),
  ...(index.include ?? []),
];

function describe(index: Index): IndexDescription {
  const { prefix: equal, sort, where } = index;
  // Those of `where` too: without them every row would be fetched to see that they hold.
  const besides = new Set([...Object.keys(where ?? {}), ...(index.include ?? [])]);
  const names = new Set([...equal, ...(sort === undefined ? [] : [sort]), '_id', ...besides]);
  return {
    key: ascending(names),
    name: shortened(
      `${indexNamePrefix}${equal.join('.')};${sort ?? ''};${where ? encodeURIComponent(JSON.stringify(where)) : ''}` +
        (index.include ? `;${index.include.join('.')}` : ''),
    ),
    ...(where ? { partialFilterExpression: { ...where } } : {}),
  };
}

/** Behind the columns that every index begins with, as every query then gives them: the organization. */
function words(indexes: readonly Index[]): IndexDescription {
  const [first = { prefix: [] }, ...others] = indexes;
  const end = first.prefix.findIndex((column, at) => others.some(({ prefix: equal }) => equal[at] !== column));
  const common = end === -1 ? first.prefix : first.prefix.slice(0, end);
  return { key: ascending([...common, '_tokens']), name: shortened(`${indexNamePrefix}${common.join('.')};;_tokens`) };
}

const ascending = (names: Iterable<string>): Record<string, 1> =>
  Object.fromEntries(Array.from(names, (name) => [name, 1 as const]));

/** Old servers take no name longer than 127 bytes, its collection's included. */
const shortened = (name: string): string =>
  name.length <= 60 ? name : `${indexNamePrefix}${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
