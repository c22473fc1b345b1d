import type { Actor, NewEvent } from './event-envelope.js';

/**
 * The rules of one consistency boundary. Both functions are pure. `decide` returns no events if the state is already as requested.
 * It throws a `Refusal` if a rule forbids the command. `evolve` never rejects an event and ignores unknown ones.
 */
export interface Decider<State, Command, Event extends { type: string }> {
  readonly initialState: State;
  decide(command: Command, state: State, context: DecisionContext): readonly NewEvent<Event>[];
  evolve(state: State, event: Event & { readonly id: string }): State;
}

/** What a decision may depend on in addition to the stream. The domain has no clock, random numbers or settings of its own. */
export interface DecisionContext {
  /** The command's time, RFC 3339 in UTC with milliseconds. */
  readonly now: string;
  /** Whether the caller set the command's time to the past. It must then not be before the contact's last command. */
  readonly backdated: boolean;
  readonly actor: Actor;
  readonly policy: Policy;
  /** A UUID derived from the stream and these names: the same names always give the same id. */
  stableId(...names: readonly string[]): string;
}

/** An organization's settings. */
export interface Policy {
  /** Messages that opt a contact out. Case, surrounding whitespace and trailing punctuation are ignored. */
  readonly optOutKeywords: readonly string[];
  /** How many hours after a broadcast a reply that references no message is attributed to it. */
  readonly attributionWindowHours: number;
  /** Whether the status `lost` requires a reason. */
  readonly lostNeedsReason: boolean;
  /** Whether an agent's first outbound message moves a lead from `new` to `contacted`. */
  readonly firstMessageMakesContacted: boolean;
}

export const defaultPolicy: Policy = {
  optOutKeywords: ['stop', 'stopall', 'unsubscribe', 'cancel', 'end', 'quit', 'optout', 'opt out', 'opt-out'],
  attributionWindowHours: 72,
  lostNeedsReason: false,
  firstMessageMakesContacted: true,
};

/** A decision for each command type. Does not compile while one is missing. */
export type Decisions<
  State,
  Command extends { type: string },
  Event extends { type: string },
  Context = DecisionContext,
> = {
  readonly [T in Command['type']]: (
    command: Extract<Command, { type: T }>,
    state: State,
    context: Context,
  ) => readonly NewEvent<Event>[];
};

export function createDecide<
  State,
  Command extends { type: string },
  Event extends { type: string },
  Context = DecisionContext,
>(
  decisions: Decisions<State, Command, Event, Context>,
): (command: Command, state: State, context: Context) => readonly NewEvent<Event>[] {
  type Decision = (command: Command, state: State, context: Context) => readonly NewEvent<Event>[];
  const byType = decisions as unknown as Readonly<Record<string, Decision>>;
  return (command, state, context) => byType[command.type]!(command, state, context);
}

/** A state change for each event type. Does not compile while one is missing. */
export type Evolutions<State, Event extends { type: string }> = {
  readonly [T in Event['type']]: (state: State, event: Extract<Event, { type: T }>) => State;
};

/** The returned function ignores events of unknown types. */
export function createEvolve<State, Event extends { type: string }>(
  evolutions: Evolutions<State, Event>,
): (state: State, event: Event) => State {
  // A Map, because in an object an event type such as `constructor` would find an inherited member.
  const byType = new Map(Object.entries(evolutions)) as ReadonlyMap<string, (state: State, event: Event) => State>;
  return (state, event) => {
    const evolution = byType.get(event.type);
    return evolution ? evolution(state, event) : state;
  };
}
