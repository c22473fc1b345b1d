import type { Position } from '#domain/event';
import type { ColumnValue } from '#read-model/view';
import type { Query } from '#read-model/view-store';
import { IsPlain, IsWholeText, IsYesOrNo, Optional } from './fields.js';
import { instantOf } from './instant.js';
import { invalidInput, type Problem } from './problem.js';
import { valid } from './valid.js';

/** In milliseconds. */
const waits = { least: 0, most: 30_000, usual: 5_000 };
const limits = { least: 1, most: 200, usual: 50 };

/** What every GET of a view takes. */
export class ViewQuery {
  @Optional() @IsPlain('A position: the answer is at least as new as that.') readonly after?: string;
  @Optional() @IsWholeText(waits, 'How long to wait for that, in milliseconds.') readonly wait?: string;
}

/** What everything takes that comes in pages. */
export class PageQuery extends ViewQuery {
  @Optional() @IsWholeText(limits) readonly limit?: string;
  @Optional() @IsPlain('The nextCursor of the page before; it pins filters and sort.') readonly cursor?: string;
}

/** What every list takes. */
export class ListQuery extends PageQuery {
  @Optional() @IsYesOrNo('Whether to tell the total.') readonly count?: string;
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
export function pageOf<Asked extends PageQuery>(query: Asked, now: string): PageRequest<Asked> {
  const limit = Number(query.limit ?? limits.usual);
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

/** How many there are in all, when the query asks for that. */
export const totalOf = async (
  query: Pick<ListQuery, 'count'>,
  count: () => Promise<number>,
): Promise<{ total?: number }> => (query.count === 'true' ? { total: await count() } : {});

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

/** `after` and `wait`: at least as new as a position, waiting at most so many milliseconds for that. */
export interface Freshness {
  readonly after: Position | null;
  readonly waitMs: number;
}

export const freshnessOf = ({ after, wait }: ViewQuery): Freshness => ({
  after: after ?? null,
  waitMs: Number(wait ?? waits.usual),
});
