import type { EventType, RecordedEvent } from '#domain/event';
import type { CommandResponse } from '#commands/command-response';
import type { ContactCommandInput } from '#commands/contact.handler';
import type { CommandContext } from '#commands/command-context';

/** All there are: each keeps its checkpoint, and what it parked, under its name (`a-z 0-9 -`). */
export const reactorNames = ['free-leads', 'address-sends', 'assign-leads'] as const;

/** A durable reaction: events in, commands out. It may be told the same event again and must then do nothing more. */
export interface Reactor {
  readonly name: (typeof reactorNames)[number];
  readonly eventTypes: readonly EventType[];
  /** Throws when it could not be done; it is tried again, and parked when it keeps failing. */
  react(event: RecordedEvent, signal: AbortSignal): Promise<void>;
}

/** The same door to commands that HTTP uses. */
export type DispatchContactCommand = (ask: ContactCommandInput, envelope: CommandContext) => Promise<CommandResponse>;

/** A reaction that kept failing: set aside, so that the others go on. */
export interface DeadLetter {
  readonly eventId: string;
  readonly type: EventType;
  readonly position: string;
  readonly reason: string;
  readonly attempts: number;
  /** RFC 3339. */
  readonly since: string;
}
