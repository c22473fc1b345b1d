import type { Position } from '#domain/event';
import type { Query, ViewReader } from '#read-model/view-store';
import type { LeadToRead, Newest } from './qualification-due.projection.js';

/** An active lead with interactions that no AI has read, and how far the view was that says so. */
export interface Unread {
  readonly row: LeadToRead & { readonly newest: Newest };
  readonly checkpoint: Position | null;
}

/** Of all organizations: unread leads whose newest interaction was recorded before a time, the longest ago first. */
export async function* unreadBefore(reader: ViewReader, time: string): AsyncGenerator<Unread> {
  let after: Query['after'];
  for (;;) {
    const { rows, more, checkpoint } = await reader.find<LeadToRead>('leads', {
      where: [
        { column: 'active', in: [1] },
        { column: 'unreadSince', to: time },
      ],
      sort: { column: 'unreadSince', descending: false },
      limit: 100,
      ...(after ? { after } : {}),
    });
    for (const { row, key, sortValue } of rows) {
      after = { value: sortValue, key };
      yield { row: row as Unread['row'], checkpoint };
    }
    if (!more) return;
  }
}
