import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  deepFreeze,
  leadId,
  recordDraft,
  decisionContextOf,
  interactionId,
  contactKey,
  type StepConditions,
} from '#test/support/given-when-then';
import { agentDecider, evolveAgent, type AgentCommand } from './agent/agent.decide.js';
import type { AgentEvent } from './agent/agent.events.js';
import type { AddressBroadcast, ContactCommand, CreateLead, RecordInteraction } from './contact/contact.commands.js';
import { contactDecider } from './contact/contact.decide.js';
import type { ContactEvent } from './contact/contact.events.js';
import { findActiveLead, type Contact } from './contact/contact.state.js';
import type { Decider } from './decider.js';
import { decodeEvent } from './event-codec.js';
import type { Actor, NewEvent } from './event-envelope.js';
import type { DomainEvent, RecordedEvent } from './event.js';
import { evolveLead } from './lead/lead.evolve.js';
import { finalStatuses, isFinal, statuses } from './lead/lead.vocabulary.js';
import type { Lead } from './lead/lead.state.js';
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
} from './lead/lead.commands.js';
import { Refusal } from './refusal.js';

/*
 * Random sequences of valid and invalid commands. Ids come from small pools, so that messages repeat and commands name closed or
 * unknown leads. Times jump forwards and backwards. All states and events are deep-frozen, so changing one throws.
 */

const runs = { numRuns: 300 };
type RecordedContactEvent = RecordedEvent & ContactEvent;

/* Arbitrary commands. */

/** Objects with the same prototype as objects parsed from JSON. */
const record = <T extends object, K extends keyof T = keyof T>(
  shape: { [Key in keyof T]: fc.Arbitrary<T[Key]> },
  constraints: { requiredKeys?: K[] } = {},
) => fc.record<T, K>(shape, { ...constraints, noNullPrototype: true });

const start = Date.parse('2026-03-02T00:00:00.000Z');
const iso = (ms: number) => new Date(ms).toISOString();
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 2 });
const constant = <const T>(value: T) => fc.constant(value);
const name = orNull(fc.constantFrom('Contact One', 'Contact Two', ''));
const text = orNull(fc.constantFrom('because', 'another reason', ''));
const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));
const messageId = fc.constantFrom('m-1', 'm-2', 'm-3', 'm-4', 'm-5', 'm-6', 'm-7');
const channel = fc.constantFrom('whatsapp' as const, 'sms' as const);
const within = (from: number, to: number) =>
  fc.integer({ min: from * 3_600, max: to * 3_600 }).map((seconds) => iso(start + seconds * 1_000 + 250));
const pastOrFutureTime = within(-6, 18);
const dueTime = within(-6, 60);
/** Four out of five scores are valid. */
const score = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(-1, 101, 73.5, NaN, Infinity, '80', true) },
) as fc.Arbitrary<number>;
const agentLookup: fc.Arbitrary<AgentLookup> = fc.constantFrom(
  { id: 'ana', status: 'active' },
  { id: 'ben', status: 'active' },
  { id: 'cem', status: 'active' },
  { id: 'zoe', status: 'inactive' },
  { id: '', status: 'unknown' },
);
const mode = fc.constantFrom('manual' as const, 'bulk' as const, 'round_robin' as const, 'least_loaded' as const);
const profile = fc.oneof(constant({}), record({ name, phone: name, email: name }, { requiredKeys: [] }));

const contactData = { contactKey: fc.constant(contactKey), contactId: fc.constant('contact-1'), profile };
/** `resolve` replaces `last` with the contact's last lead, and `first` with the interaction that opened it. */
const leadReference = {
  leadId: fc.oneof(
    { weight: 3, arbitrary: constant('last') },
    { weight: 1, arbitrary: fc.constantFrom(leadId(1), leadId(2), leadId(3), 'elsewhere-1', '__proto__') },
  ),
};
const followUpReference = { ...leadReference, followUpId: fc.constantFrom('f-1', 'f-1', 'f-2', 'f-2', 'constructor') };

const interaction: fc.Arbitrary<RecordInteraction> = record({
  type: constant('RecordInteraction'),
  ...contactData,
  channel,
  kind: fc.constantFrom('chat', 'integration', 'broadcast_reply', 'inferred'),
  messageId,
  occurredAt: orNull(record({ at: pastOrFutureTime, digits: fc.integer({ min: 0, max: 3 }) })),
  text: orNull(fc.constantFrom('Hello', 'stop', 'STOP!', '', '\u0000')),
  media: json,
  inReplyTo: orNull(fc.constantFrom('b-1', 'b-2', 'm-1', '')),
  integration: json,
});
const changeStatus: fc.Arbitrary<ChangeStatus> = record({
  type: constant('ChangeStatus'),
  ...leadReference,
  status: orNull(fc.constantFrom(...statuses)),
  score: orNull(score),
  reason: text,
  note: text,
});
const createFollowUp: fc.Arbitrary<CreateFollowUp> = record({
  type: constant('CreateFollowUp'),
  ...followUpReference,
  dueAt: dueTime,
  note: text,
  assignee: orNull(agentLookup),
  alsoSetStatus: fc.boolean(),
});
const aiResult: fc.Arbitrary<RecordAiResult> = record({
  type: constant('RecordAiResult'),
  ...leadReference,
  score,
  model: fc.constantFrom('model-1', 'model-2'),
  modelVersion: text,
  rationale: text,
  factors: fc.array(record({ label: fc.constant('price'), weight: fc.integer({ min: -5, max: 5 }) }), {
    maxLength: 2,
  }),
  readUpTo: orNull(fc.constantFrom('first', interactionId('m-1'), 'unknown')),
});
const aiFailure: fc.Arbitrary<RecordQualificationFailure> = record({
  type: constant('RecordQualificationFailure'),
  ...leadReference,
  model: fc.constantFrom('model-1', 'model-2'),
  readUpTo: fc.constantFrom('first', interactionId('m-1'), 'unknown'),
  reason: constant('it took too long'),
});
const createLead: fc.Arbitrary<CreateLead> = record({
  type: constant('CreateLead'),
  ...contactData,
  channel: orNull(channel),
  origin: fc.constantFrom('manual', 'integration'),
  note: text,
});
const broadcast: fc.Arbitrary<AddressBroadcast> = record({
  type: constant('AddressBroadcast'),
  ...contactData,
  broadcastId: fc.constantFrom('br-1', 'br-2'),
  campaign: fc.constant({ id: 'campaign-1', name: 'Campaign One' }),
  channel,
  messageId: fc.constantFrom('b-1', 'b-2'),
  sentAt: orNull(pastOrFutureTime),
});
const assign: fc.Arbitrary<AssignAgent> = record({
  type: constant('AssignAgent'),
  ...leadReference,
  agent: agentLookup,
  mode,
  moveFollowUps: fc.boolean(),
  note: text,
  onlyIf: orNull(record({ waitingSince: fc.constantFrom('latest', iso(start)) })),
});
const unassign: fc.Arbitrary<UnassignAgent> = record({
  type: constant('UnassignAgent'),
  ...leadReference,
  mode: fc.constantFrom('manual', 'bulk', 'agent_deactivated'),
  onlyIf: orNull(record({ agentId: fc.constantFrom('ana', 'ben'), assignedAt: fc.constantFrom('latest', iso(start)) })),
});
const unpin: fc.Arbitrary<UnpinScore> = record({ type: constant('UnpinScore'), ...leadReference });
const complete: fc.Arbitrary<CompleteFollowUp> = record({
  type: constant('CompleteFollowUp'),
  ...followUpReference,
  note: text,
});
const cancel: fc.Arbitrary<CancelFollowUp> = record({
  type: constant('CancelFollowUp'),
  ...followUpReference,
  reason: text,
});
const reschedule: fc.Arbitrary<RescheduleFollowUp> = record({
  type: constant('RescheduleFollowUp'),
  ...followUpReference,
  dueAt: dueTime,
  reason: text,
});
const remind: fc.Arbitrary<RemindFollowUp> = record({
  type: constant('RemindFollowUp'),
  ...followUpReference,
  dueAt: dueTime,
});
const outbound: fc.Arbitrary<RecordOutboundMessage> = record({
  type: constant('RecordOutboundMessage'),
  ...leadReference,
  channel: orNull(channel),
  messageId: fc.constantFrom('out-1', 'out-2'),
  text: text,
  sentAt: orNull(pastOrFutureTime),
});

const frequentCommands: readonly fc.Arbitrary<ContactCommand>[] = [interaction, changeStatus, createFollowUp, aiResult];
const rareCommands: readonly fc.Arbitrary<ContactCommand>[] = [
  createLead,
  broadcast,
  assign,
  unassign,
  unpin,
  aiFailure,
  complete,
  cancel,
  reschedule,
  remind,
  outbound,
];
const command: fc.Arbitrary<ContactCommand> = fc.oneof(
  ...frequentCommands.map((arbitrary) => ({ weight: 2, arbitrary })),
  ...rareCommands.map((arbitrary) => ({ weight: 1, arbitrary })),
);

/* Sequences of related commands. Independent random commands would hardly ever produce these situations. */
const withFields = <T extends ContactCommand>(arbitrary: fc.Arbitrary<T>, fields: Partial<T>) =>
  arbitrary.map((command): T => ({ ...command, ...fields }));
const lastLead = { leadId: 'last' };
const firstFollowUp = { ...lastLead, followUpId: 'f-1' };
const message = withFields(interaction, { text: 'Hello', occurredAt: null });
const validScore = fc.integer({ min: 0, max: 100 });
const sequences: readonly fc.Arbitrary<ContactCommand[]>[] = [
  fc.tuple(broadcast, withFields(interaction, { kind: 'broadcast_reply', inReplyTo: null, occurredAt: null })),
  fc.tuple(
    withFields(broadcast, { messageId: 'b-1' }),
    withFields(interaction, { inReplyTo: 'b-1', occurredAt: null }),
  ),
  fc.tuple(
    message,
    withFields(changeStatus, { ...lastLead, status: 'lost', score: null, reason: 'because' }),
    interaction,
    aiResult,
  ),
  fc.tuple(
    message,
    message,
    withFields(aiResult, { ...lastLead, readUpTo: null }),
    withFields(aiResult, { ...lastLead, readUpTo: 'first' }),
  ),
  fc
    .tuple(
      withFields(changeStatus, { ...lastLead, status: null }),
      validScore,
      withFields(aiResult, lastLead),
      aiResult,
      withFields(unpin, lastLead),
      aiResult,
    )
    .map(([scoreByHand, score, ...results]) => [{ ...scoreByHand, score }, ...results]),
  fc.tuple(
    withFields(assign, { ...lastLead, agent: { id: 'ana', status: 'active' } }),
    withFields(createFollowUp, { ...firstFollowUp, assignee: null }),
    withFields(assign, { ...lastLead, agent: { id: 'ben', status: 'active' }, moveFollowUps: true }),
    unassign,
  ),
  fc
    .tuple(within(0, 5), withFields(createFollowUp, firstFollowUp), message, message, withFields(remind, firstFollowUp))
    .map(([dueAt, create, first, second, reminder]) => [{ ...create, dueAt }, first, second, { ...reminder, dueAt }]),
  fc.tuple(
    withFields(createFollowUp, firstFollowUp),
    withFields(reschedule, firstFollowUp),
    fc.oneof(withFields(complete, firstFollowUp), withFields(cancel, firstFollowUp)),
  ),
];

const agentReference = { agentId: fc.constant('ana') };
const capacity = orNull(fc.integer({ min: 0, max: 9 }));
const agentCommand: fc.Arbitrary<AgentCommand> = fc.oneof(
  record({
    type: constant('RegisterAgent'),
    ...agentReference,
    name: fc.constantFrom('Agent One', 'Agent Two'),
    email: name,
    capacity,
  }),
  record(
    {
      type: constant('ChangeAgent'),
      ...agentReference,
      name: fc.constantFrom('Agent One', 'Agent Two'),
      capacity,
      active: fc.boolean(),
    },
    { requiredKeys: ['type', 'agentId'] },
  ),
);

const actor: fc.Arbitrary<Actor> = record({
  type: fc.constantFrom('agent', 'service', 'ai', 'system'),
  id: fc.constantFrom('ana', 'ben'),
});
const policy = record(
  { lostNeedsReason: fc.boolean(), firstMessageMakesContacted: fc.boolean() },
  { requiredKeys: [] },
);
const step = <Command>(command: fc.Arbitrary<Command>) =>
  record({
    command,
    actor,
    policy,
    backdated: fc.constantFrom(false, false, false, true),
    /** Negative, because a clock may go back. */
    secondsLater: fc.integer({ min: -600, max: 3_600 }),
  });
type StepOf<Command> = { command: Command } & Omit<StepConditions, 'at'> & { secondsLater: number };
const singleStep = step(command).map((single) => [single]);
const stepSequences = sequences.map((sequence) =>
  fc
    .tuple(sequence, step(constant(null)))
    .map(([commands, conditions]) => commands.map((command) => ({ ...conditions, command }))),
);
const contactSteps = fc
  .array(
    fc.oneof({ weight: 10, arbitrary: singleStep }, ...stepSequences.map((arbitrary) => ({ weight: 1, arbitrary }))),
    {
      minLength: 5,
      maxLength: 12,
      size: 'max',
    },
  )
  .map((steps) => steps.flat());
const agentSteps = fc.array(step(agentCommand), { maxLength: 12, size: 'max' });

/* Running the commands. */

interface Transition<State, Command> {
  readonly command: Command;
  readonly conditions: StepConditions;
  readonly before: State;
  readonly after: State;
  readonly outcome: readonly RecordedEvent[] | Refusal;
}

/** Returns a refusal. Any other error fails the property. */
function attempt<T>(decide: () => T): T | Refusal {
  try {
    return decide();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Replaces `last`, `first` and `latest` in the command with the ids and times of the contact. */
function resolve<Command>(command: Command, state: unknown): Command {
  const {
    leadId: id,
    readUpTo,
    onlyIf,
  } = command as Partial<Omit<UnassignAgent, 'type'> & Omit<RecordAiResult, 'type'>>;
  if (id !== 'last') return command;
  const lead = leadsOf(state as Contact).at(-1);
  return {
    ...command,
    leadId: lead?.id ?? leadId(1),
    ...(readUpTo === 'first' ? { readUpTo: lead?.origin.interactionId ?? null } : {}),
    ...(onlyIf?.assignedAt === 'latest' ? { onlyIf: { ...onlyIf, assignedAt: lead?.assignedAt ?? '' } } : {}),
  };
}

function run<State, Command, Event extends { type: string }>(
  decider: Decider<State, Command, Event>,
  steps: readonly StepOf<Command>[],
): Transition<State, Command>[] {
  let state = deepFreeze(decider.initialState);
  let clock = start;
  let version = 0;
  return steps.map(({ command: unresolved, secondsLater, ...others }, index) => {
    clock += secondsLater * 1_000;
    const conditions = { ...others, at: iso(clock) };
    const before = state;
    const command = resolve(unresolved, before);
    const drafts = attempt(() => decider.decide(deepFreeze(command), before, decisionContextOf(conditions)));
    if (drafts instanceof Refusal) return { command, conditions, before, after: before, outcome: drafts };
    const events = (drafts as unknown as readonly NewEvent<DomainEvent>[]).map((draft) =>
      deepFreeze(recordDraft(draft, conditions, `command-${index}`, ++version)),
    );
    for (const event of events) state = deepFreeze(decider.evolve(state, event as unknown as Event & { id: string }));
    return { command, conditions, before, after: state, outcome: events };
  });
}

const eventsOf = (transitions: readonly { outcome: readonly RecordedEvent[] | Refusal }[]): RecordedEvent[] =>
  transitions.flatMap(({ outcome }) => (outcome instanceof Refusal ? [] : [...outcome]));
const contactEventsOf = (transitions: readonly Transition<Contact, ContactCommand>[]) =>
  eventsOf(transitions) as RecordedContactEvent[];
const leadsOf = (state: Contact): readonly Lead[] => (state.known ? state.leads : []);
const isOfLead = (event: RecordedEvent, id: string): boolean => 'leadId' in event.data && event.data.leadId === id;
const changesOf = <State, Command>(transitions: readonly Transition<State, Command>[]) =>
  transitions.filter(({ before, after }) => before !== after);
const forAllContacts = (check: (transitions: Transition<Contact, ContactCommand>[]) => void) =>
  fc.assert(
    fc.property(contactSteps, (steps) => check(run(contactDecider, steps as StepOf<ContactCommand>[]))),
    runs,
  );

/** Replaces the maps of a contact with their entries, because the versions of a map share one store. */
const withPlainMaps = (state: Contact, messages: readonly string[]) =>
  state.known && {
    ...state,
    interactions: messages.map((id) => [id, state.interactions.get(id)]),
    outbound: messages.map((id) => [id, state.outbound.get(id)]),
  };

/** Compiles only if it contains every event type. */
const contactEventTypes: Record<ContactEvent['type'], true> = {
  ContactRegistered: true,
  ContactProfileChanged: true,
  ContactOptedOut: true,
  BroadcastAddressed: true,
  LeadOpened: true,
  InteractionRecorded: true,
  OutboundMessageRecorded: true,
  LeadStatusChanged: true,
  LeadScored: true,
  ScoreSuggested: true,
  ScoreUnpinned: true,
  AiResultDropped: true,
  QualificationFailed: true,
  LeadAssigned: true,
  LeadUnassigned: true,
  FollowUpCreated: true,
  FollowUpRescheduled: true,
  FollowUpReminded: true,
  FollowUpCompleted: true,
  FollowUpCancelled: true,
};

it('random commands produce every event type and every rare variant', () => {
  const samples = fc.sample(contactSteps, { numRuns: 300, seed: 1 });
  const events = samples.flatMap((steps) => contactEventsOf(run(contactDecider, steps as StepOf<ContactCommand>[])));
  expect([...new Set(events.map((event) => event.type))].toSorted()).toStrictEqual(
    Object.keys(contactEventTypes).toSorted(),
  );
  const expectSome = (predicate: (event: RecordedContactEvent) => boolean) =>
    expect(events.filter(predicate).length).toBeGreaterThan(5);
  expectSome((event) => event.type === 'InteractionRecorded' && event.data.late);
  expectSome((event) => event.type === 'InteractionRecorded' && event.data.attribution === 'exact');
  expectSome((event) => event.type === 'InteractionRecorded' && event.data.attribution === 'window');
  expectSome((event) => event.type === 'AiResultDropped' && event.data.why === 'stale');
  expectSome((event) => event.type === 'AiResultDropped' && event.data.why === 'lead_inactive');
  expectSome((event) => event.type === 'FollowUpCancelled' && event.data.why === 'lead_inactive');
  expectSome((event) => event.type === 'LeadAssigned' && event.data.followUps.length > 0);
  expectSome((event) => event.type === 'LeadStatusChanged' && event.meta.actor.id === 'first-message');
  expectSome((event) => event.type === 'LeadOpened' && event.data.ordinal > 2);
});

describe('Random commands on a contact', () => {
  it('a contact has at most one active lead, and it is the last', () =>
    forAllContacts((transitions) => {
      for (const { after } of changesOf(transitions)) {
        const active = leadsOf(after).filter((lead) => lead.active);
        expect(active).toStrictEqual(
          leadsOf(after)
            .slice(-1)
            .filter((lead) => lead.active),
        );
        expect(findActiveLead(after)).toBe(active[0]);
      }
    }));

  it('leads are numbered without gaps, name the previous one, and are never removed or reopened', () =>
    forAllContacts((transitions) => {
      for (const { before, after } of changesOf(transitions)) {
        const links = leadsOf(after).map((lead) => [lead.id, lead.ordinal, lead.previousLeadId]);
        expect(links).toStrictEqual(
          links.map((_, index) => [leadId(index + 1), index + 1, index === 0 ? null : leadId(index)]),
        );
        const ends = (state: Contact) =>
          leadsOf(state).map((lead, index) =>
            leadsOf(before)[index]?.active === false ? [lead.status, lead.closedAt] : [],
          );
        expect(ends(after).slice(0, leadsOf(before).length)).toStrictEqual(ends(before));
      }
    }));

  it('a closed lead gets only late interactions, outbound messages and dropped AI results', () =>
    forAllContacts((transitions) => {
      for (const { before, outcome } of transitions) {
        if (outcome instanceof Refusal) continue;
        const closed = leadsOf(before).filter((lead) => !lead.active);
        for (const event of outcome as readonly RecordedContactEvent[]) {
          if (event.type === 'InteractionRecorded')
            expect(event.data.late).toBe(closed.some((lead) => lead.id === event.data.leadId));
          if (event.type === 'AiResultDropped' && event.data.why === 'lead_inactive')
            expect(closed.map((lead) => lead.id)).toContain(event.data.leadId);
          if (closed.some((lead) => isOfLead(event, lead.id)))
            expect(['InteractionRecorded', 'OutboundMessageRecorded', 'AiResultDropped']).toContain(event.type);
        }
      }
    }));

  it('closing a lead cancels all its open follow-ups in the same append', () =>
    forAllContacts((transitions) => {
      for (const { before, after, outcome } of changesOf(transitions)) {
        const closed = leadsOf(after).filter((lead) => !lead.active);
        expect(closed.flatMap((lead) => lead.followUps).filter((followUp) => followUp.state === 'open')).toStrictEqual(
          [],
        );
        if (outcome instanceof Refusal) continue;
        const events = outcome as readonly RecordedContactEvent[];
        const closing = events.find((event) => event.type === 'LeadStatusChanged' && isFinal(event.data.to));
        const cancelled = events.flatMap((event) =>
          event.type === 'FollowUpCancelled' && event.data.why === 'lead_inactive' ? event.data.followUpId : [],
        );
        const lead = closing && leadsOf(before).find(({ id }) => isOfLead(closing, id));
        const open = lead?.followUps.filter(({ state }) => state === 'open').map(({ id }) => id) ?? [];
        expect(cancelled).toStrictEqual(open);
      }
    }));

  it('a score is null or an integer from 0 to 100 and does not change after the lead is closed', () =>
    forAllContacts((transitions) => {
      for (const { before, after } of changesOf(transitions))
        leadsOf(after).forEach(({ qualification }, index) => {
          const previous = leadsOf(before)[index];
          if (previous?.qualification === qualification) return;
          expect(previous?.active).not.toBe(false);
          for (const score of [qualification.score, qualification.suggestion?.score ?? null])
            expect(score === null || (Number.isInteger(score) && score >= 0 && score <= 100)).toBe(true);
        });
    }));

  it('a pinned score does not change until a command sets or unpins it', () =>
    forAllContacts((transitions) => {
      for (const { before, after, command } of transitions)
        leadsOf(before).forEach(({ qualification }, index) => {
          if (!qualification.pinned || command.type === 'ChangeStatus' || command.type === 'UnpinScore') return;
          expect(leadsOf(after)[index]?.qualification).toMatchObject({ score: qualification.score, pinned: true });
        });
    }));

  it('a recorded message is never recorded again and stays on its lead', () =>
    forAllContacts((transitions) => {
      const seen = new Map<string, string | null>();
      for (const { command, conditions, after, outcome } of transitions) {
        if (!(outcome instanceof Refusal))
          for (const event of outcome as readonly RecordedContactEvent[]) {
            if (event.type !== 'InteractionRecorded' && event.type !== 'ContactOptedOut') continue;
            expect(seen.has(event.id)).toBe(false);
            seen.set(event.id, event.type === 'InteractionRecorded' ? event.data.leadId : null);
          }
        const leadIds = [...seen].map(([id]) => after.known && after.interactions.get(id)?.leadId);
        expect(leadIds).toStrictEqual([...seen.values()]);
        if (command.type === 'RecordInteraction' && !(outcome instanceof Refusal))
          expect(contactDecider.decide(command, after, decisionContextOf(conditions))).toStrictEqual([]);
      }
    }));

  /*
   * A command that opens or closes a lead is rejected the second time, because the state has changed. Any other command finds the
   * state as requested and changes nothing, except that a reason or note is recorded each time.
   */
  it('a repeated command changes nothing except for a reason or note, and a rejected one is rejected alike', () =>
    forAllContacts((transitions) => {
      for (const { command, conditions, after, outcome } of transitions) {
        const repeated = attempt(() => contactDecider.decide(command, after, decisionContextOf(conditions)));
        const hasText = command.type === 'ChangeStatus' && Boolean(command.reason?.trim() || command.note?.trim());
        if (outcome instanceof Refusal) {
          expect(repeated).toMatchObject({ code: outcome.code, details: outcome.details });
        } else if (repeated instanceof Refusal) {
          if (command.type === 'CreateLead') expect(repeated.code).toBe('active_lead_exists');
          else {
            expect(repeated.code).toBe('lead_inactive');
            expect(finalStatuses as readonly unknown[]).toContain(command.type === 'ChangeStatus' && command.status);
          }
        } else if (hasText) {
          expect(repeated).toMatchObject([
            { type: 'LeadStatusChanged', data: { from: leadStatus(after, command.leadId) } },
          ]);
          expect(repeated[0]?.data).toMatchObject({ to: leadStatus(after, command.leadId) });
        } else expect(repeated).toStrictEqual([]);
      }
    }));

  const leadStatus = (state: Contact, id: string) => leadsOf(state).find((lead) => lead.id === id)?.status;

  it('the version of a lead is the number of its events, and its times never go back', () =>
    forAllContacts((transitions) => {
      const events = contactEventsOf(transitions);
      for (const lead of leadsOf(transitions.at(-1)?.after ?? contactDecider.initialState)) {
        const ownEvents = events.filter((event) => isOfLead(event, lead.id));
        expect(lead.version).toBe(ownEvents.length);
        const times = ownEvents.flatMap((event) => (event.type === 'InteractionRecorded' ? event.meta.occurredAt : []));
        expect(lead.lastInteractionAt).toBe(times.toSorted().at(-1) ?? null);
      }
      for (const { before, after } of changesOf(transitions)) {
        if (before.known && after.known) expect(after.lastCommandAt >= before.lastCommandAt).toBe(true);
        leadsOf(before).forEach(({ updatedAt }, index) =>
          expect((leadsOf(after)[index]?.updatedAt ?? '') >= updatedAt).toBe(true),
        );
      }
    }));

  it('an accepted backdated command is never before the last command, except for broadcasts', () =>
    forAllContacts((transitions) => {
      for (const { command, before, conditions } of changesOf(transitions))
        if (conditions.backdated && before.known && command.type !== 'AddressBroadcast')
          expect(conditions.at >= before.lastCommandAt).toBe(true);
    }));

  it('follow-ups are never created or rescheduled in the past, and their ids are unique', () =>
    forAllContacts((transitions) => {
      for (const event of contactEventsOf(transitions)) {
        if (event.type === 'FollowUpCreated') expect(event.data.dueAt >= event.meta.occurredAt).toBe(true);
        if (event.type === 'FollowUpRescheduled') expect(event.data.to >= event.meta.occurredAt).toBe(true);
      }
      for (const { followUps } of leadsOf(transitions.at(-1)?.after ?? contactDecider.initialState))
        expect(new Set(followUps.map(({ id }) => id)).size).toBe(followUps.length);
    }));

  it('a reminder fires at or after the due time of an open follow-up, once per due time', () =>
    forAllContacts((transitions) => {
      const scheduled = new Set<string>();
      for (const { before, outcome } of transitions) {
        if (outcome instanceof Refusal) continue;
        for (const event of outcome as readonly RecordedContactEvent[]) {
          if (event.type === 'FollowUpCreated' || event.type === 'FollowUpRescheduled')
            scheduled.add(`${event.data.leadId} ${event.data.followUpId}`);
          if (event.type !== 'FollowUpReminded') continue;
          const { leadId, followUpId, dueAt } = event.data;
          expect(scheduled.delete(`${leadId} ${followUpId}`)).toBe(true);
          expect(event.meta.occurredAt >= dueAt).toBe(true);
          // Two leads of a contact may have follow-ups of the same id.
          const { followUps } = leadsOf(before).find(({ id }) => id === leadId)!;
          expect(followUps.find(({ id }) => id === followUpId)).toMatchObject({ state: 'open', dueAt });
        }
      }
    }));

  it('only known and active agents are assigned, and never the current agent', () =>
    forAllContacts((transitions) => {
      for (const { command, outcome } of transitions) {
        if (outcome instanceof Refusal) continue;
        for (const event of outcome as readonly RecordedContactEvent[]) {
          if (event.type !== 'LeadAssigned') continue;
          expect(command).toMatchObject({ type: 'AssignAgent', agent: { id: event.data.to, status: 'active' } });
          expect(event.data.from).not.toBe(event.data.to);
        }
      }
    }));
});

describe('Random commands on an agent', () => {
  const forAllAgents = (check: (transitions: ReturnType<typeof runAgent>) => void) =>
    fc.assert(
      fc.property(agentSteps, (steps) => check(runAgent(steps as StepOf<AgentCommand>[]))),
      runs,
    );
  const runAgent = (steps: readonly StepOf<AgentCommand>[]) => run(agentDecider, steps);

  it('a repeated agent command does nothing, a repeated registration is rejected, and the version counts the events', () =>
    forAllAgents((transitions) => {
      let eventCount = 0;
      for (const { command, conditions, after, outcome } of transitions) {
        const repeated = attempt(() => agentDecider.decide(command, after, decisionContextOf(conditions)));
        if (outcome instanceof Refusal)
          expect(repeated).toMatchObject({ code: outcome.code, details: outcome.details });
        else if (command.type === 'RegisterAgent') expect(repeated).toMatchObject({ code: 'agent_exists' });
        else expect(repeated).toStrictEqual([]);
        if (!(outcome instanceof Refusal)) eventCount += outcome.length;
        expect(after.known ? after.version : 0).toBe(eventCount);
      }
    }));

  it('an agent has the values that its last accepted command requested', () =>
    forAllAgents((transitions) => {
      for (const { command, after, outcome } of transitions) {
        if (outcome instanceof Refusal) continue;
        const { type: _, agentId: id, ...requested } = command;
        expect(after).toMatchObject({ id, ...requested });
      }
    }));
});

describe('Folds of random events', () => {
  it('events that were stored and decoded fold to the same contact', () =>
    forAllContacts((transitions) => {
      const events = contactEventsOf(transitions);
      const decoded = events.map(({ stream, version, position, ...stored }) =>
        deepFreeze(decodeEvent(JSON.parse(JSON.stringify(stored)), { stream, version, position })),
      ) as RecordedContactEvent[];
      expect(decoded).toStrictEqual(events);
      const ids = events.map(({ id }) => id);
      const folded = decoded.reduce<Contact>(
        (state, event) => contactDecider.evolve(state, event),
        contactDecider.initialState,
      );
      expect(withPlainMaps(folded, ids)).toStrictEqual(
        withPlainMaps(transitions.at(-1)?.after ?? contactDecider.initialState, ids),
      );
    }));

  it('the events of a lead alone fold to the same lead', () =>
    forAllContacts((transitions) => {
      const events = contactEventsOf(transitions);
      for (const lead of leadsOf(transitions.at(-1)?.after ?? contactDecider.initialState)) {
        const relevant = events.filter((event) => isOfLead(event, lead.id) || event.type === 'ContactProfileChanged');
        expect(relevant.reduce<Lead | undefined>(evolveLead, undefined)).toStrictEqual(lead);
        expect(
          events.reduce<Lead | undefined>(
            (state, event) => (state || isOfLead(event, lead.id) ? evolveLead(state, event) : state),
            undefined,
          ),
        ).toStrictEqual(lead);
      }
    }));

  it('ContactProfileChanged and BroadcastAddressed contain the number of leads of the contact', () =>
    forAllContacts((transitions) => {
      let leads = 0;
      for (const event of contactEventsOf(transitions)) {
        if (event.type === 'LeadOpened') leads = event.data.ordinal;
        if (event.type === 'ContactProfileChanged' || event.type === 'BroadcastAddressed')
          expect(event.data.leads).toBe(leads);
      }
    }));

  it('no event in any order, of any stream or type, makes a fold throw or change its input', () => {
    const unknownEvent = record({
      type: fc.constantFrom('SomethingElse', '__proto__', 'constructor', 'LeadTeleported'),
      id: fc.uuid(),
      data: record({ leadId: fc.constant(leadId(1)) }, { requiredKeys: [] }),
      personal: fc.object(),
      meta: fc.constant({ actor: { type: 'system', id: 'x' }, occurredAt: iso(start) }),
    });
    const mixed = fc.tuple(
      contactSteps,
      agentSteps,
      fc.array(unknownEvent, { maxLength: 5 }),
      fc.infiniteStream(fc.nat(1_000)),
    );
    fc.assert(
      fc.property(mixed, ([steps, stepsOfAgent, unknownEvents, order]) => {
        const events = [
          ...eventsOf(run(contactDecider, steps as StepOf<ContactCommand>[])),
          ...eventsOf(run(agentDecider, stepsOfAgent as StepOf<AgentCommand>[])),
          ...(unknownEvents as unknown as RecordedEvent[]),
        ];
        const shuffled = events
          .map((event) => ({ event: deepFreeze(event), rank: order.next().value as number }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ event }) => event as never);
        let lead: Lead | undefined;
        let contact = contactDecider.initialState;
        let agentReference = agentDecider.initialState;
        for (const event of shuffled) {
          lead = deepFreeze(evolveLead(lead, event));
          contact = deepFreeze(contactDecider.evolve(contact, event));
          agentReference = deepFreeze(evolveAgent(agentReference, event as AgentEvent));
          expect([typeof contact.known, typeof agentReference.known]).toStrictEqual(['boolean', 'boolean']);
        }
      }),
      runs,
    );
  });
});
