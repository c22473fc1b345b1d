import type { Position } from '#domain/event-envelope';
import type { RowQuery, ViewReader } from '#read-model/view-store';
import type { LeadReadProgress, NewestInteraction } from './qualification-due.projection.js';

/** An active lead with interactions that no AI has read, and how far the view was that says so. */
export interface UnreadLead {
  readonly row: LeadReadProgress & { readonly newest: NewestInteraction };
  readonly checkpoint: Position | null;
}

/** Of all organizations: unread leads whose newest interaction was recorded before a time, the longest ago first. */
export async function* listUnreadBefore(reader: ViewReader, time: string): AsyncGenerator<UnreadLead> {
  let after: RowQuery['after'];
  for (;;) {
    const {
      rows,
      hasMore: more,
      checkpoint,
    } = await reader.find<LeadReadProgress>('leads', {
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
      yield { row: row as UnreadLead['row'], checkpoint };
    }
    if (!more) return;
  }
}
