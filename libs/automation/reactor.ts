import type { EventType, RecordedEvent } from '#domain/event';
import type { CommandResponse } from '#commands/command-response';
import type { ContactCommandInput } from '#commands/contact.handler';
import type { CommandContext } from '#commands/command-context';
import { Unavailable } from '#event-store/event-store';
import { ViewsUnavailable } from '#read-model/view-store';

/** All reactors. Checkpoints and dead letters are stored under these names (`a-z 0-9 -`), so they must not change. */
export const reactorNames = ['free-leads', 'address-sends', 'assign-leads'] as const;

/** Reacts to events by sending commands. It may receive an event again, which must have no further effect. */
export interface Reactor {
  readonly name: (typeof reactorNames)[number];
  readonly eventTypes: readonly EventType[];
  /** Throws if it fails. The event is then retried, and parked if it keeps failing. */
  react(event: RecordedEvent, signal: AbortSignal): Promise<void>;
}

/** Sends a command to the contact handler, as HTTP does. @throws Refusal, Unavailable */
export type DispatchContactCommand = (
  command: ContactCommandInput,
  context: CommandContext,
) => Promise<CommandResponse>;

/** A parked event: handling it failed repeatedly, and the automation continued without it. */
export interface DeadLetter {
  readonly eventId: string;
  readonly type: EventType;
  readonly position: string;
  readonly reason: string;
  readonly attempts: number;
  /** RFC 3339. */
  readonly since: string;
}

/** After this many failed attempts an event is parked. */
export const maxAttempts = 6;

export const createDeadLetter = (
  { id, type, position }: Pick<RecordedEvent, 'id' | 'type' | 'position'>,
  error: unknown,
  since: string,
): DeadLetter => ({
  eventId: id,
  type,
  position,
  reason: error instanceof Error ? error.message : String(error),
  attempts: maxAttempts,
  since,
});

/** Such a failure is not caused by the event, so it is retried without limit. */
export const isStoreUnavailable = (error: unknown): error is Unavailable | ViewsUnavailable =>
  error instanceof Unavailable || error instanceof ViewsUnavailable;
