import type { Filter as MongoFilter } from 'mongodb';
import { isInCondition, type MergedConditions, mergeConditions, toRange } from '../conditions.js';
import type { Condition, Filter, RowQuery } from '../view-store.js';
import type { StoredDocument } from './connection.js';
import type { MongodbTableSchema } from './schema.js';

type Clause = MongoFilter<StoredDocument>;

/** A query for rows that are adjacent in an index, in its order. */
export interface QuerySegment {
  readonly filter: Clause;
  readonly sort: Readonly<Record<string, 1 | -1>>;
}

/**
 * Undefined when no row can match.
 * @throws Error when the table has no such column or cannot be searched, so that queries never contain a name from outside
 */
export function toMongoFilter(table: MongodbTableSchema, filter: Filter): Clause | undefined {
  const conditions = merge(table, filter);
  return conditions && joinClauses(toClauses(table, conditions, filter.words));
}

/**
 * Queries to run one after another until there are enough rows. MongoDB cannot sort nulls last in ascending order, nor use an
 * index to compare pairs of values. So rows with the cursor's value, rows after it, and rows without a value are separate
 * queries, each of which is one range of the index.
 */
export function toSegments(table: MongodbTableSchema, query: RowQuery): readonly QuerySegment[] {
  const { sort, after, limit, words } = query;
  const column = checkColumn(table, sort.column);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new Error(`limit must be from 1 to 10,000, not ${limit}`);
  const conditions = merge(table, query);
  if (!conditions) return [];
  const clauses = toClauses(table, conditions, words);

  const direction = sort.descending ? -1 : 1;
  const beyond = sort.descending ? '$lt' : '$gt';
  const segment = (...bounds: readonly Clause[]): QuerySegment => ({
    filter: joinClauses([...clauses, ...bounds]),
    sort: { [column]: direction, _id: direction },
  });
  const sortConditions = allConditions(conditions).filter((condition) => condition.column === sort.column);
  const segments: QuerySegment[] = [];
  if (!after) {
    if (sortConditions.every(allowsValues)) segments.push(segment({ [column]: { $ne: null } }));
  } else if (after.value !== null)
    segments.push(
      segment({ [column]: { $eq: after.value } }, { _id: { [beyond]: after.key } }),
      segment({ [column]: { [beyond]: after.value } }),
    );
  if (sortConditions.every(allowsNull)) {
    const afterKey = after?.value === null ? [{ _id: { [beyond]: after.key } }] : [];
    segments.push(segment({ [column]: { $eq: null } }, ...afterKey));
  }
  return segments;
}

const allowsNull = (condition: Condition): boolean => isInCondition(condition) && condition.in.includes(null);
const allowsValues = (condition: Condition): boolean =>
  !isInCondition(condition) || condition.in.some((value) => value !== null);

const joinClauses = (clauses: readonly Clause[]): Clause => (clauses.length === 0 ? {} : { $and: [...clauses] });

/** Undefined when no row can match. */
function merge(
  table: MongodbTableSchema,
  { where, derivedConditions = [], words = [] }: Filter,
): MergedConditions | undefined {
  if (words.length > 0 && !table.isSearchable) throw new Error(`table ${table.name} cannot be searched`);
  for (const { column } of where) checkColumn(table, column);
  for (const { column } of derivedConditions) checkColumn(table, column);
  return words.some((spellings) => spellings.length === 0) ? undefined : mergeConditions(where, derivedConditions);
}

/** Derived conditions are included because they shorten the range of an index. */
const allConditions = ({ where, derived }: MergedConditions): readonly Condition[] => [...where, ...derived];

function toClauses(
  table: MongodbTableSchema,
  conditions: MergedConditions,
  words: Filter['words'] = [],
): readonly Clause[] {
  // MongoDB looks up only one word in the index. The longest one probably has the fewest rows.
  const longestFirst = [...words].sort((a, b) => shortestLength(b) - shortestLength(a));
  return [...allConditions(conditions).map((condition) => toClause(table, condition)), ...longestFirst.map(wordClause)];
}

const shortestLength = (spellings: readonly string[]): number =>
  Math.min(...spellings.map((spelling) => spelling.length));

export function checkColumn(table: MongodbTableSchema, name: string): string {
  if (table.columns.includes(name)) return name;
  throw new Error(`there is no column ${name}; the columns are ${table.columns.join(', ')}`);
}

/** Comparisons match only values of the same type, so never null. */
function toClause(table: MongodbTableSchema, condition: Condition): Clause {
  const column = checkColumn(table, condition.column);
  if (isInCondition(condition)) {
    const values = [...new Set(condition.in)];
    // A partial index is reliably used only with `$eq`.
    return { [column]: values.length === 1 ? { $eq: values[0] } : { $in: values } };
  }
  const { from, to } = toRange(condition);
  if (from === undefined && to === undefined) return { [column]: { $ne: null } };
  return {
    [column]: { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) },
  };
}

/** MongoDB looks up a regular expression in an index only if it is anchored and has no options. */
function wordClause(spellings: readonly string[]): Clause {
  const prefixes = spellings.map((spelling) => new RegExp(`^${spelling.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}`));
  return { _tokens: prefixes.length === 1 ? prefixes[0] : { $in: prefixes } };
}
