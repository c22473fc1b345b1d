import { expect } from '@jest/globals';
import { agentDecider, type ChangeAgent, type RegisterAgent } from '#domain/agent/agent.decide';
import type { AddressBroadcast, ContactCommand, CreateLead, RecordInteraction } from '#domain/contact/contact.commands';
import { contactDecider } from '#domain/contact/contact.decide';
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
 * Writes tests of rules as sentences: `given(opened, lost).when(assign('ana')).thenRefused('lead_inactive')`.
 *
 * A step before `when` is a command, which the rules decide, or a new event, which is recorded unchanged. All tests
 * are about one contact on one day, 2 March 2026. The steps happen at 09:00, 09:01, 09:02 and so on, and the command of `when` at
 * 12:00, unless `at` says otherwise. Ids are readable: `leadId(1)` is the first lead, `interactionId('m-1')` its first message.
 */

/** '12:00', '12:00:05' or '12:00:05.700' on the day of all tests. A complete timestamp is returned as it is. */
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

export interface StepConditions {
  readonly at: string;
  readonly actor: Actor;
  readonly policy: Partial<Policy>;
  readonly backdated: boolean;
}

type Typed = { readonly type: string };
type Step<Command extends Typed, Event extends Typed> =
  Command | NewEvent<Event> | ConditionedStep<Command | NewEvent<Event>>;

class ConditionedStep<S> {
  constructor(
    readonly step: S,
    readonly conditions: Partial<StepConditions>,
  ) {}
}
const toConditionedStep = <S>(step: S | ConditionedStep<S>): ConditionedStep<S> =>
  step instanceof ConditionedStep ? step : new ConditionedStep(step, {});

/** The step at this time. */
export function at<S extends Typed>(clock: string, step: S | ConditionedStep<S>): ConditionedStep<S> {
  const conditioned = toConditionedStep(step);
  return new ConditionedStep(conditioned.step, { ...conditioned.conditions, at: time(clock) });
}

/** The step by this actor. */
export function by<S extends Typed>(actor: Actor, step: S | ConditionedStep<S>): ConditionedStep<S> {
  const conditioned = toConditionedStep(step);
  return new ConditionedStep(conditioned.step, { ...conditioned.conditions, actor });
}

/** Freezes a value, so that a decision or fold that changes its input throws. */
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

/** A new event as the log would return it. `commandId` must differ from that of all other commands. */
export function recordDraft(
  draft: NewEvent<DomainEvent>,
  { at: now, actor: commandActor }: Pick<StepConditions, 'at' | 'actor'>,
  commandId: string,
  version: number,
): RecordedEvent {
  const { id, occurredAt = now, actor = commandActor, causation = commandId, ...typed } = draft;
  return {
    id: id ?? `event-${version}`,
    v: currentSchemaVersion(typed.type),
    org,
    ...typed,
    meta: { actor, correlation: commandId, causation, commandId, occurredAt, recordedAt: now },
    stream: `contact-${org}-${contactKey}`,
    version,
    position: `p${String(version).padStart(6, '0')}`,
  } as unknown as RecordedEvent;
}

class Scenario<State, Command extends Typed, Event extends Typed> {
  constructor(
    private readonly decider: Decider<State, Command, Event>,
    readonly events: readonly RecordedEvent[],
    private readonly conditions: StepConditions,
    readonly state: State,
  ) {}

  /** The next command is at this time. Default: 12:00. */
  at(clock: string): Scenario<State, Command, Event> {
    return this.under({ at: time(clock) });
  }
  /** The next command is by this actor. Default: a service. */
  by(actor: Actor): Scenario<State, Command, Event> {
    return this.under({ actor });
  }
  /** The caller backdated the next command to this time. */
  backdatedTo(clock: string): Scenario<State, Command, Event> {
    return this.under({ at: time(clock), backdated: true });
  }
  /** Settings of the organization that differ from the defaults. */
  where(policy: Partial<Policy>): Scenario<State, Command, Event> {
    return this.under({ policy });
  }

  /** Decides twice. Both results must be equal, because a decision is pure. */
  when(command: Command): Outcome<Event> {
    const decide = () => this.decider.decide(deepFreeze(command), this.state, decisionContextOf(this.conditions));
    const outcome = attempt(decide);
    expect(attempt(decide)).toStrictEqual(outcome);
    return new Outcome(outcome);
  }

  /** Adds a step under the current conditions. */
  and(step: Command | NewEvent<Event>): Scenario<State, Command, Event> {
    const isEvent = (eventTypes as readonly string[]).includes(step.type);
    const drafts = isEvent
      ? [step as NewEvent<Event>]
      : this.decider.decide(deepFreeze(step as Command), this.state, decisionContextOf(this.conditions));
    const version = this.events.length;
    const added = (drafts as unknown as readonly NewEvent<DomainEvent>[]).map((draft, index) =>
      deepFreeze(recordDraft(draft, this.conditions, `command-${version + 1}`, version + 1 + index)),
    );
    const state = (added as unknown as readonly (Event & { readonly id: string })[]).reduce(
      (before, event) => deepFreeze(this.decider.evolve(before, event)),
      this.state,
    );
    return new Scenario(this.decider, [...this.events, ...added], this.conditions, state);
  }

  under(conditions: Partial<StepConditions>): Scenario<State, Command, Event> {
    return new Scenario(this.decider, this.events, { ...this.conditions, ...conditions }, this.state);
  }
}

class Outcome<Event extends Typed> {
  constructor(private readonly outcome: readonly NewEvent<Event>[] | Refusal) {}

  /** Expects exactly these events, in this order, with every field. */
  then(...events: readonly NewEvent<Event>[]): void {
    if (this.outcome instanceof Refusal) throw this.outcome;
    expect(this.outcome).toStrictEqual(events);
  }

  /** Expects exactly events of these types, in this order. */
  thenTypes(...types: readonly EventType[]): void {
    if (this.outcome instanceof Refusal) throw this.outcome;
    expect(this.outcome.map(({ type }) => type)).toStrictEqual(types);
  }

  /** Expects no events, because the state is already as requested. */
  thenNothing(): void {
    this.then();
  }

  /** Expects this refusal. Without `details`, only the code is compared. */
  thenRefused<Code extends RefusalCode>(code: Code, details?: RefusalDetails<Code>): void {
    if (!(this.outcome instanceof Refusal)) expect(this.outcome).toBe(`a refusal: ${code}`);
    const refusal = this.outcome as Refusal;
    expect(refusal.code).toBe(code);
    expect(refusal.message).toMatch(/\w+ \w+/);
    if (details !== undefined) expect(refusal.details).toStrictEqual(details);
  }

  /** Expects the refusal `validation_failed` for this field only. */
  thenInvalid(field: string, code: string): void {
    this.thenRefused('validation_failed');
    const { errors } = (this.outcome as Refusal<'validation_failed'>).details;
    expect(errors).toStrictEqual([{ field, code, message: expect.stringMatching(/\w+ \w+/) as unknown }]);
  }
}

function attempt<T>(decide: () => T): T | Refusal {
  try {
    return decide();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

export const createGiven =
  <State, Command extends Typed, Event extends Typed>(decider: Decider<State, Command, Event>) =>
  (...steps: readonly Step<Command, Event>[]): Scenario<State, Command, Event> => {
    const defaults: StepConditions = { at: time('12:00'), actor: gateway, policy: {}, backdated: false };
    const start = new Scenario(decider, [], defaults, decider.initialState);
    return steps
      .reduce((scenario, next, index) => {
        const { step, conditions } = toConditionedStep<Command | NewEvent<Event>>(next);
        const clock = new Date(Date.parse(time('09:00')) + index * 60_000).toISOString();
        return scenario.under({ ...defaults, at: clock, ...conditions }).and(step);
      }, start)
      .under(defaults);
  };

/** A step of a test about a contact. */
export type ContactStep = Step<ContactCommand, ContactEvent>;
/** A contact and its leads after these steps. */
export const given = createGiven<Contact, ContactCommand, ContactEvent>(contactDecider);
/** An agent after these steps. */
export const givenAgent = createGiven(agentDecider);

/** The lead after the scenario, folded alone as a replay does. The contact must contain an equal one. */
export function foldedLead(scenario: { events: readonly RecordedEvent[]; state: Contact }, ordinal = 1): Lead {
  const id = leadId(ordinal);
  const events = scenario.events as readonly (RecordedEvent & ContactEvent)[];
  const first = events.findIndex((event) => event.type === 'LeadOpened' && event.data.leadId === id);
  const folded = events.slice(first).reduce<Lead | undefined>(evolveLead, undefined);
  expect(scenario.state.known ? scenario.state.leads[ordinal - 1] : undefined).toStrictEqual(folded);
  if (!folded) throw new Error(`there is no lead ${id}`);
  return folded;
}

/* Commands. Fields that do not matter to a test have defaults. */

const aboutContact = { contactKey, contactId: 'contact-1', profile: {} };

export const interaction = (fields: Partial<RecordInteraction> = {}): RecordInteraction => ({
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
  ...fields,
});

/** A sender's time, with the precision of the given text. */
export const sentAt = (clock: string): RecordInteraction['occurredAt'] => ({
  at: time(clock),
  digits: clock.split('.')[1]?.replace('Z', '').length ?? 0,
});

export const createLead = (fields: Partial<CreateLead> = {}): CreateLead => ({
  type: 'CreateLead',
  ...aboutContact,
  channel: null,
  origin: 'manual',
  note: null,
  ...fields,
});

export const campaign = { id: 'campaign-1', name: 'Campaign One' };
export const broadcast = (fields: Partial<AddressBroadcast> = {}): AddressBroadcast => ({
  type: 'AddressBroadcast',
  ...aboutContact,
  broadcastId: 'b-1',
  campaign,
  channel: 'whatsapp',
  messageId: 'bm-1',
  sentAt: null,
  ...fields,
});

const leadReference = { leadId: leadId(1) };

export const changeStatus = (status: Status | null, fields: Partial<ChangeStatus> = {}): ChangeStatus => ({
  type: 'ChangeStatus',
  ...leadReference,
  status,
  score: null,
  reason: null,
  note: null,
  ...fields,
});
export const scoreByHand = (score: number, fields: Partial<ChangeStatus> = {}): ChangeStatus =>
  changeStatus(null, { score, ...fields });

export const activeAgent = (id: string): AgentLookup => ({ id, status: 'active' });
export const assign = (to: string | AgentLookup, fields: Partial<AssignAgent> = {}): AssignAgent => ({
  type: 'AssignAgent',
  ...leadReference,
  agent: typeof to === 'string' ? activeAgent(to) : to,
  mode: 'manual',
  moveFollowUps: true,
  note: null,
  onlyIf: null,
  ...fields,
});
export const unassign = (fields: Partial<UnassignAgent> = {}): UnassignAgent => ({
  type: 'UnassignAgent',
  ...leadReference,
  mode: 'manual',
  onlyIf: null,
  ...fields,
});

export const aiResult = (score: number, fields: Partial<RecordAiResult> = {}): RecordAiResult => ({
  type: 'RecordAiResult',
  ...leadReference,
  score,
  model: 'model-1',
  modelVersion: '1.0',
  rationale: 'Asked for a price',
  factors: [{ label: 'price', weight: 0.7 }],
  readUpTo: null,
  ...fields,
});
export const aiFailure = (fields: Partial<RecordQualificationFailure> = {}): RecordQualificationFailure => ({
  type: 'RecordQualificationFailure',
  ...leadReference,
  model: 'model-1',
  readUpTo: interactionId('m-1'),
  reason: 'it took too long',
  ...fields,
});
export const unpin = (fields: Partial<UnpinScore> = {}): UnpinScore => ({
  type: 'UnpinScore',
  ...leadReference,
  ...fields,
});

export const createFollowUp = (fields: Partial<CreateFollowUp> = {}): CreateFollowUp => ({
  type: 'CreateFollowUp',
  ...leadReference,
  followUpId: 'f-1',
  dueAt: time('17:00'),
  note: null,
  assignee: null,
  alsoSetStatus: false,
  ...fields,
});
export const completeFollowUp = (fields: Partial<CompleteFollowUp> = {}): CompleteFollowUp => ({
  type: 'CompleteFollowUp',
  ...leadReference,
  followUpId: 'f-1',
  note: null,
  ...fields,
});
export const cancelFollowUp = (fields: Partial<CancelFollowUp> = {}): CancelFollowUp => ({
  type: 'CancelFollowUp',
  ...leadReference,
  followUpId: 'f-1',
  reason: null,
  ...fields,
});
export const reschedule = (dueAt: string, fields: Partial<RescheduleFollowUp> = {}): RescheduleFollowUp => ({
  type: 'RescheduleFollowUp',
  ...leadReference,
  followUpId: 'f-1',
  dueAt: time(dueAt),
  reason: null,
  ...fields,
});

/** Follow-ups are due at 17:00 by default. */
export const remind = (dueAt = '17:00', fields: Partial<RemindFollowUp> = {}): RemindFollowUp => ({
  type: 'RemindFollowUp',
  ...leadReference,
  followUpId: 'f-1',
  dueAt: time(dueAt),
  ...fields,
});

export const outbound = (fields: Partial<RecordOutboundMessage> = {}): RecordOutboundMessage => ({
  type: 'RecordOutboundMessage',
  ...leadReference,
  channel: null,
  messageId: 'out-1',
  text: 'Good morning',
  sentAt: null,
  ...fields,
});

export const registerAgent = (fields: Partial<RegisterAgent> = {}): RegisterAgent => ({
  type: 'RegisterAgent',
  agentId: 'ana',
  name: 'Agent One',
  email: null,
  capacity: null,
  ...fields,
});
export const changeAgent = (fields: Partial<ChangeAgent>): ChangeAgent => ({
  type: 'ChangeAgent',
  agentId: 'ana',
  ...fields,
});

/** The steps that most tests start with: the contact's first message opens its first lead, which is then closed. */
export const opened = interaction();
export const converted = changeStatus('converted');
export const lost = changeStatus('lost');
export const archived = changeStatus('archived');
/** After the first lead was closed, this opens the second one. */
export const secondInteraction = interaction({ messageId: 'm-2' });
export const closeAsLost = (ordinal: number): ChangeStatus => changeStatus('lost', { leadId: leadId(ordinal) });
