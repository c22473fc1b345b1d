import type { EventType, Recorded } from '#domain/event';
import type { Answer } from '#commands/answer';
import type { ContactAsk } from '#commands/contact.handler';
import type { Envelope } from '#commands/envelope';

/** All there are: each keeps its checkpoint, and what it parked, under its name (`a-z 0-9 -`). */
export const reactionNames = ['free-leads', 'address-sends', 'assign-leads'] as const;

/** A durable reaction: events in, commands out. It may be told the same event again and must then do nothing more. */
export interface Reaction {
  readonly name: (typeof reactionNames)[number];
  readonly to: readonly EventType[];
  /** Throws when it could not be done; it is tried again, and parked when it keeps failing. */
  react(event: Recorded, signal: AbortSignal): Promise<void>;
}

/** The same door to commands that HTTP uses. */
export type AskDoor = (ask: ContactAsk, envelope: Envelope) => Promise<Answer>;

/** A reaction that kept failing: set aside, so that the others go on. */
export interface Parked {
  readonly eventId: string;
  readonly type: EventType;
  readonly position: string;
  readonly reason: string;
  readonly attempts: number;
  /** RFC 3339. */
  readonly since: string;
}
