import { createHash } from 'node:crypto';
import type { IndexDescription } from 'mongodb';
import type { Index, View } from '../view.js';

export interface MongodbViewSchema {
  /** Name and version. */
  readonly id: string;
  readonly tables: Readonly<Record<string, MongodbTableSchema>>;
  /** Must be equal in the database and in the code. */
  readonly columns: string;
  /** Must be equal for the view to be built. */
  readonly indexes: string;
}

export interface MongodbTableSchema {
  readonly name: string;
  readonly columns: readonly string[];
  readonly isSearchable: boolean;
  readonly indexes: readonly IndexDescription[];
}

/** One document for each generation of each view and version. */
export const checkpointCollection = 'checkpoints';

export const collectionName = (generationId: string, { name }: MongodbTableSchema): string => `${generationId}.${name}`;

/** Begins the names of our indexes. All others are left alone. */
export const indexNamePrefix = 'view:';

const checkName = (role: string, name: string): string => {
  if (/^[a-z][A-Za-z0-9]{0,49}$/.test(name)) return name;
  throw new Error(`${role} "${name}" must be at most 50 letters and digits and begin with a lower-case letter`);
};

/** @throws Error when a name cannot be that of a view, a table or a column, or an index names an unknown column */
export function mongodbSchemaOf(view: View): MongodbViewSchema {
  if (!/^[a-z][a-z0-9-]{0,49}$/.test(view.name))
    throw new Error(`view "${view.name}" must have a kebab-case name of at most 50 characters`);
  if (!Number.isInteger(view.version) || view.version < 1)
    throw new Error(`view ${view.name} must have a version of at least 1`);
  const tables = Object.entries(view.tables).map(([name, table]): MongodbTableSchema => {
    const path = `${view.name}.${name}`;
    const columns = Object.keys(table.columns).map((column) => checkName(`column of ${path}`, column));
    for (const index of table.indexes)
      for (const column of columnsOf(index))
        if (!columns.includes(column)) throw new Error(`an index of ${path} names an unknown column: ${column}`);
    checkName(`table of ${view.name}`, name);
    const isSearchable = 'tokens' in table;
    const indexes = table.indexes.map(describeIndex);
    if (isSearchable) indexes.push(describeTokenIndex(table.indexes));
    return { name, columns, isSearchable, indexes };
  });
  return {
    id: `${view.name}.v${view.version}`,
    tables: Object.fromEntries(tables.map((table) => [table.name, table])),
    columns: JSON.stringify(tables.map(({ name, columns, isSearchable }) => [name, columns, isSearchable])),
    indexes: JSON.stringify(tables.map(({ name, indexes }) => [name, indexes.map((index) => index.name)])),
  };
}

const columnsOf = ({ prefix, sort, where, include }: Index): readonly string[] => [
  ...prefix,
  ...(sort === undefined ? [] : [sort]),
  ...Object.keys(where ?? {}),
  ...(include ?? []),
];

function describeIndex(index: Index): IndexDescription {
  const { prefix, sort, where, include } = index;
  // The columns of `where` are included: without them MongoDB would fetch every row to check that they match.
  const included = new Set([...Object.keys(where ?? {}), ...(include ?? [])]);
  const columns = new Set([...prefix, ...(sort === undefined ? [] : [sort]), '_id', ...included]);
  const whereName = where ? encodeURIComponent(JSON.stringify(where)) : '';
  const name = `${indexNamePrefix}${prefix.join('.')};${sort ?? ''};${whereName}${include ? `;${include.join('.')}` : ''}`;
  return {
    key: ascending(columns),
    name: shortenName(name),
    ...(where ? { partialFilterExpression: { ...where } } : {}),
  };
}

/** Begins with the columns that all indexes begin with (the organization), because every query restricts them. */
function describeTokenIndex(indexes: readonly Index[]): IndexDescription {
  const [first = { prefix: [] }, ...others] = indexes;
  const end = first.prefix.findIndex((column, position) => others.some(({ prefix }) => prefix[position] !== column));
  const common = end === -1 ? first.prefix : first.prefix.slice(0, end);
  const name = shortenName(`${indexNamePrefix}${common.join('.')};;_tokens`);
  return { key: ascending([...common, '_tokens']), name };
}

const ascending = (names: Iterable<string>): Record<string, 1> =>
  Object.fromEntries(Array.from(names, (name) => [name, 1 as const]));

/** Old servers limit an index name, including that of its collection, to 127 bytes. */
const shortenName = (name: string): string =>
  name.length <= 60 ? name : `${indexNamePrefix}${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
