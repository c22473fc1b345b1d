import type { Position } from '#domain/event-envelope';
import type { ColumnValue } from '#read-model/view';
import type { RowQuery } from '#read-model/view-store';
import { IsPlainText, IsIntegerText, IsBooleanText, Optional } from './fields.js';
import { parseInstant } from './instant.js';
import { invalidInput, type Problem } from './problem.js';
import { validate } from './validation.js';

/** In milliseconds. */
const waits = { min: 0, max: 30_000, default: 5_000 };
const limits = { min: 1, max: 200, default: 50 };

/** What every GET of a view takes. */
export class ViewQuery {
  @Optional() @IsPlainText('A position: the answer is at least as new as that.') readonly after?: string;
  @Optional() @IsIntegerText(waits, 'How long to wait for that, in milliseconds.') readonly wait?: string;
}

/** What everything takes that comes in pages. */
export class PageQuery extends ViewQuery {
  @Optional() @IsIntegerText(limits) readonly limit?: string;
  @Optional() @IsPlainText('The nextCursor of the page before; it pins filters and sort.') readonly cursor?: string;
}

/** What every list takes. */
export class ListQuery extends PageQuery {
  @Optional() @IsBooleanText('Whether to tell the total.') readonly count?: string;
}

/** Where a page ends. Absent behind the last one. */
export interface PageBoundary {
  readonly value: ColumnValue;
  readonly key: string;
}

/** The page of a list that is asked for. */
export interface PageRequest<Asked> {
  /** Filters and sort, also where a cursor says them. */
  readonly query: Asked;
  /** The clock of the list's first page, RFC 3339: what is due or overdue is told by it on all pages. */
  readonly now: string;
  /** How many rows, and behind which. */
  readonly slice: Pick<RowQuery, 'limit' | 'after'>;
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
export function parsePageRequest<Asked extends PageQuery>(query: Asked, now: string): PageRequest<Asked> {
  const limit = Number(query.limit ?? limits.default);
  if (query.cursor === undefined) return { query: query, now, slice: { limit } };
  const cursor = decoded(query.cursor);
  for (const [name, value] of Object.entries(pinned(query)))
    if (cursor.asked[name] !== value)
      throw invalidInput({ field: name, code: 'not_of_cursor', message: 'is not what the cursor was made with' });
  // Anybody can make a cursor: what it pins is checked as if it had been asked.
  const asked = validate(query.constructor as new () => Asked, cursor.asked);
  return { query: asked, now: cursor.now, slice: { limit, after: { value: cursor.value, key: cursor.key } } };
}

/** The cursor of the next page; null at the end. */
export const nextCursor = (page: PageRequest<object>, last: PageBoundary | null): string | null =>
  last && Buffer.from(JSON.stringify({ asked: pinned(page.query), now: page.now, ...last })).toString('base64url');

/** How many there are in all, when the query asks for that. */
export const countIfRequested = async (
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
  if (!isWhole || !isText(now) || parseInstant(now) === undefined || !isText(key) || !isValue) throw notCursor();
  return { asked, now, value, key };
}

/** `after` and `wait`: at least as new as a position, waiting at most so many milliseconds for that. */
export interface Freshness {
  readonly after: Position | null;
  readonly waitMs: number;
}

export const parseFreshness = ({ after, wait }: ViewQuery): Freshness => ({
  after: after ?? null,
  waitMs: Number(wait ?? waits.default),
});
