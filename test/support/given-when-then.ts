import { expect } from '@jest/globals';
import { agentDecider as agentDecider, type ChangeAgent, type RegisterAgent } from '#domain/agent/agent.decide';
import type { AddressBroadcast, ContactCommand, CreateLead, RecordInteraction } from '#domain/contact/contact.commands';
import { contactDecider as contactDecider } from '#domain/contact/contact.decide';
import type { ContactEvent } from '#domain/contact/contact.events';
import type { Contact } from '#domain/contact/contact.state';
import { defaultPolicy, type Decider, type DecisionContext, type Policy } from '#domain/decider';
import { eventTypes, currentSchemaVersion } from '#domain/event-codec';
import type { Actor, NewEvent } from '#domain/event-envelope';
import type { DomainEvent, EventType, RecordedEvent } from '#domain/event';
import type {
  AgentLookup,
  AssignAgent,
  CancelFollowUp,
  ChangeStatus,
  CompleteFollowUp,
  CreateFollowUp,
  RecordAiResult,
  RecordOutboundMessage,
  RecordQualificationFailure,
  RemindFollowUp,
  RescheduleFollowUp,
  UnassignAgent,
  UnpinScore,
} from '#domain/lead/lead.commands';
import { evolveLead } from '#domain/lead/lead.evolve';
import type { Lead } from '#domain/lead/lead.state';
import type { Status } from '#domain/lead/lead.vocabulary';
import { Refusal, type RefusalCode, type RefusalDetails } from '#domain/refusal';

/*
 * Sentences about the rules: `given(opened, lost).when(assign('ana')).thenRefused('lead_inactive')`.
 *
 * A step before `when` is an earlier command, decided by the rules themselves, or a drafted event, taken as it is. All sentences
 * tell of one contact on one day, 2 March 2026: the steps happen at 09:00, 09:01, 09:02 and so on, what is asked at 12:00,
 * unless `at` says otherwise. Ids are readable: `leadId(1)` is the first lead, `interactionId('m-1')` its first message.
 */

/** '12:00', '12:00:05' or '12:00:05.700' on the day of all sentences; a full time stays as it is. */
export const time = (clock: string): string => {
  if (clock.includes('T')) return clock;
  const [hours = '00', minutes = '00', seconds = '00'] = clock.split(':');
  return `2026-03-02T${hours}:${minutes}:${seconds.includes('.') ? seconds.padEnd(6, '0') : `${seconds}.000`}Z`;
};

export const org = 'org-1';
export const contactKey = 'c1';
export const leadId = (ordinal: number): string => `${contactKey}-${ordinal}`;
export const interactionId = (messageId: string, channel = 'whatsapp'): string => `interaction:${channel}:${messageId}`;
export const outboundId = (messageId: string, channel = 'whatsapp'): string => `outbound:${channel}:${messageId}`;
export const addressedId = (messageId: string, channel = 'whatsapp'): string => `addressed:${channel}:${messageId}`;

export const gateway: Actor = { type: 'service', id: 'gateway' };
export const agentActor = (id: string): Actor => ({ type: 'agent', id });
export const scorer: Actor = { type: 'ai', id: 'scorer' };

/** What a command is asked under. */
export interface StepConditions {
  readonly at: string;
  readonly actor: Actor;
  readonly policy: Partial<Policy>;
  readonly backdated: boolean;
}

type Typed = { readonly type: string };
type Step<Command extends Typed, Event extends Typed> =
  Command | NewEvent<Event> | Circumstanced<Command | NewEvent<Event>>;

class Circumstanced<S> {
  constructor(
    readonly step: S,
    readonly under: Partial<StepConditions>,
  ) {}
}
const bare = <S>(step: S | Circumstanced<S>): { step: S; under: Partial<StepConditions> } =>
  step instanceof Circumstanced ? step : { step, under: {} };

/** The step at this time. */
export const at = <S extends Typed>(clock: string, step: S | Circumstanced<S>): Circumstanced<S> =>
  new Circumstanced(bare(step).step, { ...bare(step).under, at: time(clock) });

/** The step by this actor. */
export const by = <S extends Typed>(actor: Actor, step: S | Circumstanced<S>): Circumstanced<S> =>
  new Circumstanced(bare(step).step, { ...bare(step).under, actor });

/** Everything in it is frozen, so that a decision or fold that changes what it was given throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

export const decisionContextOf = ({ at: now, actor, policy, backdated }: StepConditions): DecisionContext => ({
  now,
  backdated,
  actor,
  policy: { ...defaultPolicy, ...policy },
  stableId: (...names) => names.join(':'),
});

/** A drafted event as the log would hold it. `commandId` is a name that no other command has. */
export function recordDraft(
  draft: NewEvent<DomainEvent>,
  { at: now, actor }: Pick<StepConditions, 'at' | 'actor'>,
  commandId: string,
  version: number,
): RecordedEvent {
  const { id, occurredAt = now, actor: by = actor, causation = commandId, ...fact } = draft;
  const meta = { actor: by, correlation: commandId, causation, commandId, occurredAt, recordedAt: now };
  const place = { stream: `contact-${org}-${contactKey}`, version, position: `p${String(version).padStart(6, '0')}` };
  return {
    id: id ?? `event-${version}`,
    v: currentSchemaVersion(fact.type),
    org,
    ...fact,
    meta,
    ...place,
  } as unknown as RecordedEvent;
}

class Sentence<State, Command extends Typed, Event extends Typed> {
  constructor(
    private readonly decider: Decider<State, Command, Event>,
    readonly events: readonly RecordedEvent[],
    private readonly asked: StepConditions,
    readonly state: State,
  ) {}

  /** What is asked next is asked at this time, 12:00 by itself. */
  at(clock: string): Sentence<State, Command, Event> {
    return this.under({ at: time(clock) });
  }
  /** By this actor; a service by itself. */
  by(actor: Actor): Sentence<State, Command, Event> {
    return this.under({ actor });
  }
  /** The caller dated the command back, to this time. */
  backdatedTo(clock: string): Sentence<State, Command, Event> {
    return this.under({ at: time(clock), backdated: true });
  }
  /** Where the organization's settings differ from the defaults. */
  where(policy: Partial<Policy>): Sentence<State, Command, Event> {
    return this.under({ policy });
  }

  /** Decides twice: a decision is pure, so both say the same. */
  when(command: Command): Outcome<Event> {
    const decide = () => this.decider.decide(deepFreeze(command), this.state, decisionContextOf(this.asked));
    const drafts = attempt(decide);
    expect(attempt(decide)).toStrictEqual(drafts);
    return new Outcome(drafts);
  }

  /** One more step, under the circumstances set. */
  and(step: Command | NewEvent<Event>): Sentence<State, Command, Event> {
    const isEvent = (eventTypes as readonly string[]).includes(step.type);
    const drafts = isEvent
      ? [step as NewEvent<Event>]
      : this.decider.decide(deepFreeze(step as Command), this.state, decisionContextOf(this.asked));
    const before = this.events.length;
    const added = (drafts as unknown as readonly NewEvent<DomainEvent>[]).map((it, i) =>
      deepFreeze(recordDraft(it, this.asked, `command-${before + 1}`, before + 1 + i)),
    );
    const state = (added as unknown as readonly (Event & { readonly id: string })[]).reduce(
      (before, event) => deepFreeze(this.decider.evolve(before, event)),
      this.state,
    );
    return new Sentence(this.decider, [...this.events, ...added], this.asked, state);
  }

  under(circumstances: Partial<StepConditions>): Sentence<State, Command, Event> {
    return new Sentence(this.decider, this.events, { ...this.asked, ...circumstances }, this.state);
  }
}

class Outcome<Event extends Typed> {
  constructor(private readonly outcome: readonly NewEvent<Event>[] | Refusal) {}

  /** These events and no others, in this order, with every field. */
  then(...events: readonly NewEvent<Event>[]): void {
    if (this.outcome instanceof Refusal) throw this.outcome;
    expect(this.outcome).toStrictEqual(events);
  }

  /** Events of these types and no others, in this order, whatever they say. */
  thenTypes(...types: readonly EventType[]): void {
    if (this.outcome instanceof Refusal) throw this.outcome;
    expect(this.outcome.map(({ type }) => type)).toStrictEqual(types);
  }

  /** Things are already so. */
  thenNothing(): void {
    this.then();
  }

  /** Without `details` the code alone is asked for. */
  thenRefused<Code extends RefusalCode>(code: Code, details?: RefusalDetails<Code>): void {
    if (!(this.outcome instanceof Refusal)) expect(this.outcome).toBe(`a refusal: ${code}`);
    const { code: actual, details: told, message } = this.outcome as Refusal;
    expect(actual).toBe(code);
    expect(message).toMatch(/\w+ \w+/);
    if (details !== undefined) expect(told).toStrictEqual(details);
  }

  /** Refused as `validation_failed`, for this one field. */
  thenInvalid(field: string, code: string): void {
    this.thenRefused('validation_failed');
    const { errors } = (this.outcome as Refusal<'validation_failed'>).details;
    expect(errors).toStrictEqual([{ field, code, message: expect.stringMatching(/\w+ \w+/) as unknown }]);
  }
}

function attempt<T>(decide: () => T): T | Refusal {
  try {
    return decide();
  } catch (refusal) {
    if (refusal instanceof Refusal) return refusal;
    throw refusal;
  }
}

export const createGiven =
  <State, Command extends Typed, Event extends Typed>(decider: Decider<State, Command, Event>) =>
  (...steps: readonly Step<Command, Event>[]): Sentence<State, Command, Event> => {
    const ordinary: StepConditions = { at: time('12:00'), actor: gateway, policy: {}, backdated: false };
    const start = new Sentence(decider, [], ordinary, decider.initialState);
    return steps
      .reduce((sentence, next, nth) => {
        const { step, under } = bare<Command | NewEvent<Event>>(next);
        const clock = new Date(Date.parse(time('09:00')) + nth * 60_000).toISOString();
        return sentence.under({ ...ordinary, at: clock, ...under }).and(step);
      }, start)
      .under(ordinary);
  };

/** What may stand before `when` in a sentence about a contact. */
export type ContactStep = Step<ContactCommand, ContactEvent>;
/** A contact and its leads, as these steps left them. */
export const given = createGiven<Contact, ContactCommand, ContactEvent>(contactDecider);
/** An agent as these steps left it. */
export const givenAgent = createGiven(agentDecider);

/** The lead as the sentence leaves it, folded for itself as replay does; the contact holds the very same. */
export function foldedLead(of: { events: readonly RecordedEvent[]; state: Contact }, ordinal = 1): Lead {
  const id = leadId(ordinal);
  const events = of.events as readonly (RecordedEvent & ContactEvent)[];
  const mine = events.findIndex((it) => it.type === 'LeadOpened' && it.data.leadId === id);
  const folded = events.slice(mine).reduce<Lead | undefined>(evolveLead, undefined);
  expect(of.state.known ? of.state.leads[ordinal - 1] : undefined).toStrictEqual(folded);
  if (!folded) throw new Error(`there is no lead ${id}`);
  return folded;
}

/* What is asked, with what does not matter to a sentence filled in. */

const aboutContact = { contactKey, contactId: 'contact-1', profile: {} };

export const interaction = (of: Partial<RecordInteraction> = {}): RecordInteraction => ({
  type: 'RecordInteraction',
  ...aboutContact,
  channel: 'whatsapp',
  kind: 'chat',
  messageId: 'm-1',
  occurredAt: null,
  text: 'Hello',
  media: null,
  inReplyTo: null,
  integration: null,
  ...of,
});

/** A sender's own time, in the precision in which it is written. */
export const sentAt = (clock: string): RecordInteraction['occurredAt'] => ({
  at: time(clock),
  digits: clock.split('.')[1]?.replace('Z', '').length ?? 0,
});

export const createLead = (of: Partial<CreateLead> = {}): CreateLead => ({
  type: 'CreateLead',
  ...aboutContact,
  channel: null,
  origin: 'manual',
  note: null,
  ...of,
});

export const campaign = { id: 'campaign-1', name: 'Campaign One' };
export const broadcast = (of: Partial<AddressBroadcast> = {}): AddressBroadcast => ({
  type: 'AddressBroadcast',
  ...aboutContact,
  broadcastId: 'b-1',
  campaign,
  channel: 'whatsapp',
  messageId: 'bm-1',
  sentAt: null,
  ...of,
});

const ofLead = { leadId: leadId(1) };

export const changeStatus = (status: Status | null, of: Partial<ChangeStatus> = {}): ChangeStatus => ({
  type: 'ChangeStatus',
  ...ofLead,
  status,
  score: null,
  reason: null,
  note: null,
  ...of,
});
export const scoreByHand = (score: number, of: Partial<ChangeStatus> = {}): ChangeStatus =>
  changeStatus(null, { score, ...of });

export const activeAgent = (id: string): AgentLookup => ({ id, status: 'active' });
export const assign = (to: string | AgentLookup, of: Partial<AssignAgent> = {}): AssignAgent => ({
  type: 'AssignAgent',
  ...ofLead,
  agent: typeof to === 'string' ? activeAgent(to) : to,
  mode: 'manual',
  moveFollowUps: true,
  note: null,
  onlyIf: null,
  ...of,
});
export const unassign = (of: Partial<UnassignAgent> = {}): UnassignAgent => ({
  type: 'UnassignAgent',
  ...ofLead,
  mode: 'manual',
  onlyIf: null,
  ...of,
});

export const aiResult = (score: number, of: Partial<RecordAiResult> = {}): RecordAiResult => ({
  type: 'RecordAiResult',
  ...ofLead,
  score,
  model: 'model-1',
  modelVersion: '1.0',
  rationale: 'Asked for a price',
  factors: [{ label: 'price', weight: 0.7 }],
  readUpTo: null,
  ...of,
});
export const aiFailure = (of: Partial<RecordQualificationFailure> = {}): RecordQualificationFailure => ({
  type: 'RecordQualificationFailure',
  ...ofLead,
  model: 'model-1',
  readUpTo: interactionId('m-1'),
  reason: 'it took too long',
  ...of,
});
export const unpin = (of: Partial<UnpinScore> = {}): UnpinScore => ({ type: 'UnpinScore', ...ofLead, ...of });

export const createFollowUp = (of: Partial<CreateFollowUp> = {}): CreateFollowUp => ({
  type: 'CreateFollowUp',
  ...ofLead,
  followUpId: 'f-1',
  dueAt: time('17:00'),
  note: null,
  assignee: null,
  alsoSetStatus: false,
  ...of,
});
export const completeFollowUp = (of: Partial<CompleteFollowUp> = {}): CompleteFollowUp => ({
  type: 'CompleteFollowUp',
  ...ofLead,
  followUpId: 'f-1',
  note: null,
  ...of,
});
export const cancelFollowUp = (of: Partial<CancelFollowUp> = {}): CancelFollowUp => ({
  type: 'CancelFollowUp',
  ...ofLead,
  followUpId: 'f-1',
  reason: null,
  ...of,
});
export const reschedule = (dueAt: string, of: Partial<RescheduleFollowUp> = {}): RescheduleFollowUp => ({
  type: 'RescheduleFollowUp',
  ...ofLead,
  followUpId: 'f-1',
  dueAt: time(dueAt),
  reason: null,
  ...of,
});

/** Its time, '17:00' unless it was created for another, has come. */
export const remind = (dueAt = '17:00', of: Partial<RemindFollowUp> = {}): RemindFollowUp => ({
  type: 'RemindFollowUp',
  ...ofLead,
  followUpId: 'f-1',
  dueAt: time(dueAt),
  ...of,
});

export const outbound = (of: Partial<RecordOutboundMessage> = {}): RecordOutboundMessage => ({
  type: 'RecordOutboundMessage',
  ...ofLead,
  channel: null,
  messageId: 'out-1',
  text: 'Good morning',
  sentAt: null,
  ...of,
});

export const registerAgent = (of: Partial<RegisterAgent> = {}): RegisterAgent => ({
  type: 'RegisterAgent',
  agentId: 'ana',
  name: 'Agent One',
  email: null,
  capacity: null,
  ...of,
});
export const changeAgent = (of: Partial<ChangeAgent>): ChangeAgent => ({ type: 'ChangeAgent', agentId: 'ana', ...of });

/** Steps that most sentences begin with: the contact's first message opens its first lead; then it is closed. */
export const opened = interaction();
export const converted = changeStatus('converted');
export const lost = changeStatus('lost');
export const archived = changeStatus('archived');
/** Its next message opens the second lead. */
export const secondInteraction = interaction({ messageId: 'm-2' });
/** Asked to close it by hand, whatever its number. */
export const closeAsLost = (ordinal: number): ChangeStatus => changeStatus('lost', { leadId: leadId(ordinal) });
