import type { Filter as MongoFilter } from 'mongodb';
import { type MergedConditions, mergeConditions } from '../conditions.js';
import type { Filter, Condition, RowQuery } from '../view-store.js';
import type { StoredDocument } from './connection.js';
import type { MongodbTableSchema } from './schema.js';

/** Rows that lie next to each other in an index, in the order wanted. */
export interface QuerySegment {
  readonly filter: MongoFilter<StoredDocument>;
  readonly sort: Readonly<Record<string, 1 | -1>>;
}

type Clause = MongoFilter<StoredDocument>;

/**
 * What to count by; undefined: nothing can match.
 * @throws Error when the table has no such column, or can't be searched: names are never taken from outside
 */
export function toMongoFilter(table: MongodbTableSchema, asked: Filter): MongoFilter<StoredDocument> | undefined {
  const conditions = conditionsOf(table, asked);
  return conditions && joined(clausesOf(table, conditions, asked.words));
}

/**
 * What to ask for one after the other until there are rows enough. MongoDB knows neither "nulls last" when ascending nor a
 * comparison of pairs that it finds in an index: so the rows beside the cursor, those behind it and those without a value are
 * each a query of their own, which is a range of the index.
 */
export function toSegments(table: MongodbTableSchema, query: RowQuery): readonly QuerySegment[] {
  const { sort, after, limit, words } = query;
  const column = checkColumn(table, sort.column);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new Error(`limit must be from 1 to 10,000, not ${limit}`);
  const conditions = conditionsOf(table, query);
  if (!conditions) return [];
  const clauses = clausesOf(table, conditions, words);

  const direction = sort.descending ? -1 : 1;
  const beyond = sort.descending ? '$lt' : '$gt';
  const segment = (...more: readonly Clause[]): QuerySegment => ({
    filter: joined([...clauses, ...more]),
    sort: { [column]: direction, _id: direction },
  });
  const onSort = allOf(conditions).filter((condition) => condition.column === sort.column);
  const segments: QuerySegment[] = [];
  if (!after) {
    if (onSort.every(allowsValues)) segments.push(segment({ [column]: { $ne: null } }));
  } else if (after.value !== null)
    segments.push(
      segment({ [column]: { $eq: after.value } }, { _id: { [beyond]: after.key } }),
      segment({ [column]: { [beyond]: after.value } }),
    );
  if (onSort.every(allowsNull)) {
    const behind = after?.value === null ? [{ _id: { [beyond]: after.key } }] : [];
    segments.push(segment({ [column]: { $eq: null } }, ...behind));
  }
  return segments;
}

const allowsNull = (condition: Condition): boolean => 'in' in condition && condition.in.includes(null);
const allowsValues = (condition: Condition): boolean =>
  !('in' in condition) || condition.in.some((value) => value !== null);

const joined = (clauses: readonly Clause[]): Clause => (clauses.length === 0 ? {} : { $and: [...clauses] });

/** At most one for each column. Undefined: nothing can match. */
function conditionsOf(
  table: MongodbTableSchema,
  { where, derivedConditions: implied = [], words = [] }: Filter,
): MergedConditions | undefined {
  if (words.length > 0 && !table.isSearchable) throw new Error(`table ${table.name} can't be searched`);
  for (const { column } of [...where, ...implied]) checkColumn(table, column);
  return words.some((starts) => starts.length === 0) ? undefined : mergeConditions(where, implied);
}

/** What is implied too: it makes the range of an index shorter. */
const allOf = ({ where, derived: implied }: MergedConditions): readonly Condition[] => [...where, ...implied];

function clausesOf(
  table: MongodbTableSchema,
  conditions: MergedConditions,
  words: Filter['words'] = [],
): readonly Clause[] {
  // Of several words only one is looked up in the index: the longest promises the fewest rows.
  const longestFirst = [...words].sort((a, b) => shortest(b) - shortest(a));
  return [...allOf(conditions).map((condition) => clauseOf(table, condition)), ...longestFirst.map(wordClause)];
}

const shortest = (starts: readonly string[]): number => Math.min(...starts.map((start) => start.length));

export function checkColumn(table: MongodbTableSchema, name: string): string {
  if (!table.columns.includes(name)) throw new Error(`there is no column ${name}, but ${table.columns.join(', ')}`);
  return name;
}

/** A comparison finds only values of its own kind, so never null. */
function clauseOf(table: MongodbTableSchema, condition: Condition): Clause {
  const column = checkColumn(table, condition.column);
  if ('in' in condition) {
    const values = [...new Set(condition.in)];
    // Only so are partial indexes surely used.
    return { [column]: values.length === 1 ? { $eq: values[0] } : { $in: values } };
  }
  if ('notNull' in condition) return { [column]: { $ne: null } };
  const { from, to } = condition;
  if (from === undefined && to === undefined) return { [column]: { $ne: null } };
  return {
    [column]: { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) },
  };
}

/** Anchored and without options: the only regular expressions that are looked up in an index. */
function wordClause(starts: readonly string[]): Clause {
  const begins = starts.map((start) => new RegExp(`^${start.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}`));
  return { _tokens: begins.length === 1 ? begins[0] : { $in: begins } };
}
