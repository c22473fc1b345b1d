import type { Position } from '#domain/event';
import type { ColumnValue } from '#read-model/view';
import type { Query } from '#read-model/view-store';
import { IsOneOf, IsPlain, Optional } from './fields.js';
import { instantOf } from './instant.js';
import { invalidInput, type Problem } from './problem.js';
import { valid } from './valid.js';

/** What every GET of a view takes. */
export class ViewQuery {
  @Optional() @IsPlain() readonly after?: string;
  @Optional() @IsPlain() readonly wait?: string;
}

/** What every list takes. */
export class ListQuery extends ViewQuery {
  @Optional() @IsPlain() readonly limit?: string;
  @Optional() @IsPlain() readonly cursor?: string;
  @Optional() @IsOneOf(['true', 'false']) readonly count?: string;
}

/** Where a page ends. Absent behind the last one. */
export interface Place {
  readonly value: ColumnValue;
  readonly key: string;
}

/** The page of a list that is asked for. */
export interface PageRequest<Asked> {
  /** Filters and sort, also where a cursor says them. */
  readonly asked: Asked;
  /** The clock of the list's first page, RFC 3339: what is due or overdue is told by it on all pages. */
  readonly now: string;
  /** How many rows, and behind which. */
  readonly slice: Pick<Query, 'limit' | 'after'>;
}

interface Cursor {
  readonly asked: Readonly<Record<string, string>>;
  readonly now: string;
  readonly value: ColumnValue;
  readonly key: string;
}

/** These may differ from page to page; all else is pinned by the cursor. */
const unpinned: ReadonlySet<string> = new Set(['limit', 'cursor', 'count', 'after', 'wait']);

const pinned = (query: object): Record<string, string> =>
  Object.fromEntries(Object.entries(query).filter(([name, value]) => !unpinned.has(name) && value !== undefined));

/**
 * The page that a query asks for. With a cursor, filters and sort are the cursor's: they may be left out, or said again.
 * @throws Problem validation_failed
 */
export function pageOf<Asked extends ListQuery>(query: Asked, now: string): PageRequest<Asked> {
  const limit = intOf('limit', query.limit, 50, 1, 200);
  if (query.cursor === undefined) return { asked: query, now, slice: { limit } };
  const cursor = decoded(query.cursor);
  for (const [name, value] of Object.entries(pinned(query)))
    if (cursor.asked[name] !== value)
      throw invalidInput({ field: name, code: 'not_of_cursor', message: 'is not what the cursor was made with' });
  // Anybody can make a cursor: what it pins is checked as if it had been asked.
  const asked = valid(query.constructor as new () => Asked, cursor.asked);
  return { asked, now: cursor.now, slice: { limit, after: { value: cursor.value, key: cursor.key } } };
}

/** The cursor of the next page; null at the end. */
export const nextCursor = (page: PageRequest<object>, last: Place | null): string | null =>
  last && Buffer.from(JSON.stringify({ asked: pinned(page.asked), now: page.now, ...last })).toString('base64url');

const notCursor = (): Problem =>
  invalidInput({ field: 'cursor', code: 'not_cursor', message: 'must be a nextCursor that a list gave' });

function decoded(text: string): Cursor {
  let cursor: Partial<Cursor> | null;
  try {
    cursor = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Partial<Cursor> | null;
  } catch {
    throw notCursor();
  }
  const { asked, now, value, key } = cursor ?? {};
  const isText = (it: unknown): it is string => typeof it === 'string';
  const isWhole =
    typeof asked === 'object' &&
    asked !== null &&
    Object.values(asked).every(isText) &&
    !Object.keys(asked).some((name) => unpinned.has(name));
  const isValue = value === null || isText(value) || (typeof value === 'number' && Number.isFinite(value));
  if (!isWhole || !isText(now) || instantOf(now) === undefined || !isText(key) || !isValue) throw notCursor();
  return { asked, now, value, key };
}

/** A whole number within bounds, or the default. */
export function intOf(field: string, text: string | undefined, fallback: number, least: number, most: number): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most))
    throw invalidInput({ field, code: 'out_of_range', message: `must be a whole number from ${least} to ${most}` });
  return value;
}

/** `after` and `wait`: at least as new as a position, waiting at most so many milliseconds for that. */
export interface Freshness {
  readonly after: Position | null;
  readonly waitMs: number;
}

export const freshnessOf = ({ after, wait }: ViewQuery): Freshness => ({
  after: after ?? null,
  waitMs: intOf('wait', wait, 5_000, 0, 30_000),
});
