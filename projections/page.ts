import type { Position } from '#domain/event-envelope';
import type { ColumnValue } from '#read-model/view';
import type { Page } from '#read-model/view-store';

/** A page of what a view was asked for. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  /** Behind which row the next page begins; null: this was the last one. */
  readonly last: { readonly value: ColumnValue; readonly key: string } | null;
  /** How far the view was when it was read. */
  readonly checkpoint: Position | null;
}

/** The page that was found, its rows shown as `items`. */
export function toListPage<Item>(
  { rows, hasMore: more, checkpoint }: Page<unknown>,
  items: readonly Item[],
): ListPage<Item> {
  const last = rows.at(-1);
  return { items, last: more && last ? { value: last.sortValue, key: last.key } : null, checkpoint };
}
