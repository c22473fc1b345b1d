import type { Position } from '#domain/event-envelope';
import type { ColumnValue } from '#read-model/view';
import type { RowQuery } from '#read-model/view-store';
import { IsPlainText, IsIntegerText, IsBooleanText, Optional } from './fields.js';
import { parseInstant } from './instant.js';
import { invalidInput, type Problem } from './problem.js';
import { validate } from './validation.js';

const waitRangeMs = { min: 0, max: 30_000, default: 5_000 };
const limitRange = { min: 1, max: 200, default: 50 };

/** Parameters of every GET of a view. */
export class ViewQuery {
  @Optional()
  @IsPlainText('Position returned by a command. The response includes everything up to that position.')
  readonly after?: string;

  @Optional()
  @IsIntegerText(waitRangeMs, 'Maximum time to wait for `after` to be reached, in milliseconds.')
  readonly wait?: string;
}

/** Parameters of everything that is returned in pages. */
export class PageQuery extends ViewQuery {
  @Optional() @IsIntegerText(limitRange, 'Maximum number of items to return.') readonly limit?: string;

  @Optional()
  @IsPlainText(
    '`nextCursor` of the previous page. The cursor pins filters and sort order; they may be omitted or repeated.',
  )
  readonly cursor?: string;
}

/** Parameters of every list. */
export class ListQuery extends PageQuery {
  @Optional() @IsBooleanText('Whether to return the total number of items as `total`.') readonly count?: string;
}

/** The last row of a page. */
export interface PageBoundary {
  readonly value: ColumnValue;
  readonly key: string;
}

/** The requested page of a list. */
export interface PageRequest<Query> {
  /** Filters and sort order, from the cursor if there is one. */
  readonly query: Query;
  /** Time of the first page's request, RFC 3339. Decides what is due or overdue on all pages. */
  readonly now: string;
  readonly slice: Pick<RowQuery, 'limit' | 'after'>;
}

/** The content of a cursor. Clients hold cursors, so its field names must not change. */
interface Cursor {
  readonly asked: Readonly<Record<string, string>>;
  readonly now: string;
  readonly value: ColumnValue;
  readonly key: string;
}

/** Parameters that may differ from page to page. The cursor pins all others. */
const unpinned: ReadonlySet<string> = new Set(['limit', 'cursor', 'count', 'after', 'wait']);

const pinnedParameters = (query: object): Record<string, string> =>
  Object.fromEntries(Object.entries(query).filter(([name, value]) => !unpinned.has(name) && value !== undefined));

/** @throws Problem `validation_failed` if the cursor is invalid or the query contradicts it */
export function parsePageRequest<Query extends PageQuery>(query: Query, now: string): PageRequest<Query> {
  const limit = Number(query.limit ?? limitRange.default);
  if (query.cursor === undefined) return { query, now, slice: { limit } };
  const cursor = decodeCursor(query.cursor);
  for (const [name, value] of Object.entries(pinnedParameters(query)))
    if (cursor.asked[name] !== value)
      throw invalidInput({
        field: name,
        code: 'not_of_cursor',
        message: 'must be omitted or have the same value as in the request that returned the cursor',
      });
  // Anyone can create a cursor, so its contents are validated like a query.
  const pinnedQuery = validate(query.constructor as new () => Query, cursor.asked);
  return { query: pinnedQuery, now: cursor.now, slice: { limit, after: { value: cursor.value, key: cursor.key } } };
}

/** The cursor of the page after `last`. Null if `last` is: there are no more pages. */
export const nextCursor = (page: PageRequest<object>, last: PageBoundary | null): string | null =>
  last &&
  Buffer.from(JSON.stringify({ asked: pinnedParameters(page.query), now: page.now, ...last })).toString('base64url');

export const countIfRequested = async (
  query: Pick<ListQuery, 'count'>,
  count: () => Promise<number>,
): Promise<{ total?: number }> => (query.count === 'true' ? { total: await count() } : {});

const invalidCursor = (): Problem =>
  invalidInput({ field: 'cursor', code: 'not_cursor', message: 'must be a nextCursor returned by this list' });

const isString = (value: unknown): value is string => typeof value === 'string';

function decodeCursor(text: string): Cursor {
  let cursor: Partial<Cursor> | null;
  try {
    cursor = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Partial<Cursor> | null;
  } catch {
    throw invalidCursor();
  }
  const { asked, now, value, key } = cursor ?? {};
  const isValue = value === null || isString(value) || (typeof value === 'number' && Number.isFinite(value));
  if (!isPinned(asked) || !isString(now) || parseInstant(now) === undefined || !isString(key) || !isValue)
    throw invalidCursor();
  return { asked, now, value, key };
}

const isPinned = (parameters: Cursor['asked'] | undefined): parameters is Cursor['asked'] =>
  typeof parameters === 'object' &&
  parameters !== null &&
  Object.values(parameters).every(isString) &&
  !Object.keys(parameters).some((name) => unpinned.has(name));

/** How fresh a response must be: it includes `after`, waiting for it at most `waitMs`. */
export interface Freshness {
  readonly after: Position | null;
  readonly waitMs: number;
}

export const parseFreshness = ({ after, wait }: ViewQuery): Freshness => ({
  after: after ?? null,
  waitMs: Number(wait ?? waitRangeMs.default),
});
