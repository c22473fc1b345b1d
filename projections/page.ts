import type { Position } from '#domain/event-envelope';
import type { ColumnValue } from '#read-model/view';
import type { Page } from '#read-model/view-store';

/** A page of a query's results. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  /** The row after which the next page starts; null on the last page. */
  readonly last: { readonly value: ColumnValue; readonly key: string } | null;
  /** The view's checkpoint when the page was read. */
  readonly checkpoint: Position | null;
}

/** `items` are the resources made from the page's rows. */
export function toListPage<Item>({ rows, hasMore, checkpoint }: Page<unknown>, items: readonly Item[]): ListPage<Item> {
  const last = rows.at(-1);
  return { items, last: hasMore && last ? { value: last.sortValue, key: last.key } : null, checkpoint };
}
