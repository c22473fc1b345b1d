import type { Actor, NewEvent } from './event.js';

/**
 * The rules of one consistency boundary: what may happen (`decide`) and what then is so (`evolve`).
 * Both are pure. `decide` returns no events when things are already as asked, and throws a `Refusal` when a rule forbids it.
 * `evolve` never refuses: it skips what it does not know.
 */
export interface Decider<State, Command, Event extends { type: string }> {
  readonly initialState: State;
  decide(command: Command, state: State, given: DecisionContext): readonly NewEvent<Event>[];
  evolve(state: State, event: Event & { readonly id: string }): State;
}

/** What a decision may know beyond the stream: the domain has no clock, no random numbers and no settings of its own. */
export interface DecisionContext {
  /** The command's time, RFC 3339 in UTC with milliseconds. */
  readonly now: string;
  /** The caller dated the command back: it may then not lie before the contact's last command. */
  readonly backdated: boolean;
  readonly actor: Actor;
  readonly policy: Policy;
  /** The id of a thing known by these names within the contact: the same names give the same UUID, always. */
  stableId(...names: readonly string[]): string;
}

/** An organization's settings. */
export interface Policy {
  /** Whole texts that opt a contact out; case, surrounding space and end punctuation do not matter. */
  readonly optOutKeywords: readonly string[];
  /** How long after a broadcast a reply that names no message is attributed to it, in hours. */
  readonly attributionWindowHours: number;
  /** Whether a lead can be lost only with a reason. */
  readonly lostNeedsReason: boolean;
  /** Whether an agent's first outbound message moves a `new` lead to `contacted`. */
  readonly firstMessageMakesContacted: boolean;
}

export const defaultPolicy: Policy = {
  optOutKeywords: ['stop', 'stopall', 'unsubscribe', 'cancel', 'end', 'quit', 'optout', 'opt out', 'opt-out'],
  attributionWindowHours: 72,
  lostNeedsReason: false,
  firstMessageMakesContacted: true,
};
