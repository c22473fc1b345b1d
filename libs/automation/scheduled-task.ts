import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';

/** All scheduled tasks. Dead letters are stored under these names (`a-z 0-9 -`). They must not change or equal a reactor's name. */
export const scheduledTaskNames = ['remind-follow-ups', 'qualify-leads'] as const;

/** An item of work that is due at a certain time. */
export interface DueItem {
  /** The scheduler runs at most one item with this id at a time. */
  readonly id: string;
  /** When it is due: RFC 3339, UTC, milliseconds. */
  readonly at: string;
  /** The event that made the item due. With another cause it is a new item, without earlier failures. */
  readonly cause: Pick<RecordedEvent, 'id' | 'type' | 'position'>;
  /** The checkpoint of the view that reported the item. */
  readonly checkpoint: Position | null;
}

/**
 * Work that is due at a certain time, whereas a reactor responds to an event. A view reports due items, and the events of the
 * resulting commands remove them from the view. An item may be run again, which must have no further effect.
 */
export interface ScheduledTask<Item extends DueItem = DueItem> {
  readonly name: (typeof scheduledTaskNames)[number];
  /** Items due before `time`, soonest first. Throws `ViewBeingBuilt` until the view has caught up with the log. */
  dueBefore(time: string): AsyncIterable<Item>;
  /** Returns the position from which the view no longer reports this item. Throws if it fails. */
  run(item: Item, signal: AbortSignal): Promise<Position>;
}

export interface SchedulerClock {
  /** RFC 3339, UTC, milliseconds. */
  now(): string;
  /** Resolves early when `signal` aborts. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}
