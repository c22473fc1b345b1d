import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';

/** All there are: each keeps what it parked under its name, which no reaction has (`a-z 0-9 -`). */
export const scheduledTaskNames = ['remind-follow-ups', 'qualify-leads'] as const;

/** Something that has to be done at a time, as a view tells it. */
export interface DueItem {
  /** What it is about: there is at most one thing under way for it at a time. */
  readonly id: string;
  /** From when on it is to be done: RFC 3339, UTC, milliseconds. */
  readonly at: string;
  /** The event that it comes from. With another one it is another thing to do, which has not failed yet. */
  readonly cause: Pick<RecordedEvent, 'id' | 'type' | 'position'>;
  /** How far the view was that says so. */
  readonly checkpoint: Position | null;
}

/**
 * What is done by the clock, as a reaction is done by events: a view says what is due, commands come out, and by what these record
 * the view stops saying so. It may be told the same thing again and must then do nothing more.
 */
export interface ScheduledTask<Item extends DueItem = DueItem> {
  readonly name: (typeof scheduledTaskNames)[number];
  /** What is to be done before a time, the soonest first; nothing while the view is being built. */
  dueBefore(time: string): AsyncIterable<Item>;
  /** The position from which on the view no longer says that this is due. Throws when it could not be done. */
  run(due: Item, signal: AbortSignal): Promise<Position>;
}

/** The time, and waiting for it. */
export interface SchedulerClock {
  /** RFC 3339, UTC, milliseconds. */
  now(): string;
  /** Resolves early when `signal` aborts. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}
