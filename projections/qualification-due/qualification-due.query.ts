import type { Position } from '#domain/event-envelope';
import { readPages, type ViewReader } from '#read-model/view-store';
import type { LeadReadProgress, NewestInteraction } from './qualification-due.projection.js';

/** An active lead with interactions that no AI has read, and the view's checkpoint when the row was read. */
export interface UnreadLead {
  readonly row: LeadReadProgress & { readonly newest: NewestInteraction };
  readonly checkpoint: Position | null;
}

/** Unread leads of all organizations whose newest interaction was recorded before `time`, the oldest interaction first. */
export async function* listUnreadBefore(reader: ViewReader, time: string): AsyncGenerator<UnreadLead> {
  const pages = readPages<UnreadLead['row']>(reader, 'leads', {
    where: [
      { column: 'active', in: [1] },
      { column: 'unreadSince', to: time },
    ],
    sort: { column: 'unreadSince', descending: false },
    limit: 100,
  });
  for await (const { rows, checkpoint } of pages) for (const { row } of rows) yield { row, checkpoint };
}
