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
 * Random commands, sensible and not, one after another. Small pools of ids make them meet: messages come again, leads are named
 * that are closed or not there, times jump back and forth. Everything is deep-frozen: to change a state or an event would throw.
 */

const runs = { numRuns: 300 };
type ContactFact = RecordedEvent & ContactEvent;

/* What may be asked. */

/** With the prototype that objects have which come out of JSON. */
const record = <T extends object, K extends keyof T = keyof T>(
  shape: { [Key in keyof T]: fc.Arbitrary<T[Key]> },
  constraints: { requiredKeys?: K[] } = {},
) => fc.record<T, K>(shape, { ...constraints, noNullPrototype: true });

const start = Date.parse('2026-03-02T00:00:00.000Z');
const iso = (ms: number) => new Date(ms).toISOString();
const orNull = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null, freq: 2 });
const is = <const T>(type: T) => fc.constant(type);
const name = orNull(fc.constantFrom('Contact One', 'Contact Two', ''));
const words = orNull(fc.constantFrom('because', 'so it is', ''));
const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));
const messageId = fc.constantFrom('m-1', 'm-2', 'm-3', 'm-4', 'm-5', 'm-6', 'm-7');
const channel = fc.constantFrom('whatsapp' as const, 'sms' as const);
const within = (from: number, to: number) =>
  fc.integer({ min: from * 3_600, max: to * 3_600 }).map((seconds) => iso(start + seconds * 1_000 + 250));
const aTime = within(-6, 18);
const aDueTime = within(-6, 60);
/** One more valid than not. */
const score = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(-1, 101, 73.5, NaN, Infinity, '80', true) },
) as fc.Arbitrary<number>;
const agentFact: fc.Arbitrary<AgentLookup> = fc.constantFrom(
  { id: 'ana', status: 'active' },
  { id: 'ben', status: 'active' },
  { id: 'cem', status: 'active' },
  { id: 'zoe', status: 'inactive' },
  { id: '', status: 'unknown' },
);
const mode = fc.constantFrom('manual' as const, 'bulk' as const, 'round_robin' as const, 'least_loaded' as const);
const profile = fc.oneof(is({}), record({ name, phone: name, email: name }, { requiredKeys: [] }));

const about = { contactKey: fc.constant(contactKey), contactId: fc.constant('contact-1'), profile };
/** When the command is asked, `last` becomes the contact's last lead, and an interaction's `first` the one that opened it. */
const of = {
  leadId: fc.oneof(
    { weight: 3, arbitrary: is('last') },
    { weight: 1, arbitrary: fc.constantFrom(leadId(1), leadId(2), leadId(3), 'elsewhere-1', '__proto__') },
  ),
};
const ofFollowUp = { ...of, followUpId: fc.constantFrom('f-1', 'f-1', 'f-2', 'f-2', 'constructor') };

const interaction: fc.Arbitrary<RecordInteraction> = record({
  type: is('RecordInteraction'),
  ...about,
  channel,
  kind: fc.constantFrom('chat', 'integration', 'broadcast_reply', 'inferred'),
  messageId,
  occurredAt: orNull(record({ at: aTime, digits: fc.integer({ min: 0, max: 3 }) })),
  text: orNull(fc.constantFrom('Hello', 'stop', 'STOP!', '', '\u0000')),
  media: json,
  inReplyTo: orNull(fc.constantFrom('b-1', 'b-2', 'm-1', '')),
  integration: json,
});
const changeStatus: fc.Arbitrary<ChangeStatus> = record({
  type: is('ChangeStatus'),
  ...of,
  status: orNull(fc.constantFrom(...statuses)),
  score: orNull(score),
  reason: words,
  note: words,
});
const createFollowUp: fc.Arbitrary<CreateFollowUp> = record({
  type: is('CreateFollowUp'),
  ...ofFollowUp,
  dueAt: aDueTime,
  note: words,
  assignee: orNull(agentFact),
  alsoSetStatus: fc.boolean(),
});
const aiResult: fc.Arbitrary<RecordAiResult> = record({
  type: is('RecordAiResult'),
  ...of,
  score,
  model: fc.constantFrom('model-1', 'model-2'),
  modelVersion: words,
  rationale: words,
  factors: fc.array(record({ label: fc.constant('price'), weight: fc.integer({ min: -5, max: 5 }) }), {
    maxLength: 2,
  }),
  readUpTo: orNull(fc.constantFrom('first', interactionId('m-1'), 'unheard-of')),
});
const aiFailure: fc.Arbitrary<RecordQualificationFailure> = record({
  type: is('RecordQualificationFailure'),
  ...of,
  model: fc.constantFrom('model-1', 'model-2'),
  readUpTo: fc.constantFrom('first', interactionId('m-1'), 'unheard-of'),
  reason: is('it took too long'),
});
const createLead: fc.Arbitrary<CreateLead> = record({
  type: is('CreateLead'),
  ...about,
  channel: orNull(channel),
  origin: fc.constantFrom('manual', 'integration'),
  note: words,
});
const broadcast: fc.Arbitrary<AddressBroadcast> = record({
  type: is('AddressBroadcast'),
  ...about,
  broadcastId: fc.constantFrom('br-1', 'br-2'),
  campaign: fc.constant({ id: 'campaign-1', name: 'Campaign One' }),
  channel,
  messageId: fc.constantFrom('b-1', 'b-2'),
  sentAt: orNull(aTime),
});
const assign: fc.Arbitrary<AssignAgent> = record({
  type: is('AssignAgent'),
  ...of,
  agent: agentFact,
  mode,
  moveFollowUps: fc.boolean(),
  note: words,
  onlyIf: orNull(record({ waitingSince: fc.constantFrom('lately', iso(start)) })),
});
const unassign: fc.Arbitrary<UnassignAgent> = record({
  type: is('UnassignAgent'),
  ...of,
  mode: fc.constantFrom('manual', 'bulk', 'agent_deactivated'),
  onlyIf: orNull(record({ agentId: fc.constantFrom('ana', 'ben'), assignedAt: fc.constantFrom('lately', iso(start)) })),
});
const unpin: fc.Arbitrary<UnpinScore> = record({ type: is('UnpinScore'), ...of });
const complete: fc.Arbitrary<CompleteFollowUp> = record({ type: is('CompleteFollowUp'), ...ofFollowUp, note: words });
const cancel: fc.Arbitrary<CancelFollowUp> = record({ type: is('CancelFollowUp'), ...ofFollowUp, reason: words });
const reschedule: fc.Arbitrary<RescheduleFollowUp> = record({
  type: is('RescheduleFollowUp'),
  ...ofFollowUp,
  dueAt: aDueTime,
  reason: words,
});
const remind: fc.Arbitrary<RemindFollowUp> = record({ type: is('RemindFollowUp'), ...ofFollowUp, dueAt: aDueTime });
const outbound: fc.Arbitrary<RecordOutboundMessage> = record({
  type: is('RecordOutboundMessage'),
  ...of,
  channel: orNull(channel),
  messageId: fc.constantFrom('out-1', 'out-2'),
  text: words,
  sentAt: orNull(aTime),
});

const often: readonly fc.Arbitrary<ContactCommand>[] = [interaction, changeStatus, createFollowUp, aiResult];
const rarely: readonly fc.Arbitrary<ContactCommand>[] = [
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
  ...often.map((arbitrary) => ({ weight: 2, arbitrary })),
  ...rarely.map((arbitrary) => ({ weight: 1, arbitrary })),
);

/* What tends to come one after the other: left to chance alone, days would hardly ever get there. */
const but = <T extends ContactCommand>(arbitrary: fc.Arbitrary<T>, so: Partial<T>) =>
  arbitrary.map((it): T => ({ ...it, ...so }));
const last = { leadId: 'last' };
const first = { ...last, followUpId: 'f-1' };
const aMessage = but(interaction, { text: 'Hello', occurredAt: null });
const aScore = fc.integer({ min: 0, max: 100 });
const habits: readonly fc.Arbitrary<ContactCommand[]>[] = [
  fc.tuple(broadcast, but(interaction, { kind: 'broadcast_reply', inReplyTo: null, occurredAt: null })),
  fc.tuple(but(broadcast, { messageId: 'b-1' }), but(interaction, { inReplyTo: 'b-1', occurredAt: null })),
  fc.tuple(
    aMessage,
    but(changeStatus, { ...last, status: 'lost', score: null, reason: 'because' }),
    interaction,
    aiResult,
  ),
  fc.tuple(
    aMessage,
    aMessage,
    but(aiResult, { ...last, readUpTo: null }),
    but(aiResult, { ...last, readUpTo: 'first' }),
  ),
  fc
    .tuple(
      but(changeStatus, { ...last, status: null }),
      aScore,
      but(aiResult, last),
      aiResult,
      but(unpin, last),
      aiResult,
    )
    .map(([byHand, score, ...then]) => [{ ...byHand, score }, ...then]),
  fc.tuple(
    but(assign, { ...last, agent: { id: 'ana', status: 'active' } }),
    but(createFollowUp, { ...first, assignee: null }),
    but(assign, { ...last, agent: { id: 'ben', status: 'active' }, moveFollowUps: true }),
    unassign,
  ),
  fc
    .tuple(within(0, 5), but(createFollowUp, first), aMessage, aMessage, but(remind, first))
    .map(([dueAt, create, one, another, then]) => [{ ...create, dueAt }, one, another, { ...then, dueAt }]),
  fc.tuple(but(createFollowUp, first), but(reschedule, first), fc.oneof(but(complete, first), but(cancel, first))),
];

const ofAgent = { agentId: fc.constant('ana') };
const capacity = orNull(fc.integer({ min: 0, max: 9 }));
const agentCommand: fc.Arbitrary<AgentCommand> = fc.oneof(
  record({
    type: is('RegisterAgent'),
    ...ofAgent,
    name: fc.constantFrom('Agent One', 'Agent Two'),
    email: name,
    capacity,
  }),
  record(
    {
      type: is('ChangeAgent'),
      ...ofAgent,
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
const step = <Command>(asked: fc.Arbitrary<Command>) =>
  record({
    command: asked,
    actor,
    policy,
    backdated: fc.constantFrom(false, false, false, true),
    /** Seconds since the last step: our clocks may also go back. */
    later: fc.integer({ min: -600, max: 3_600 }),
  });
type StepOf<Command> = { command: Command } & Omit<StepConditions, 'at'> & { later: number };
const one = step(command).map((it) => [it]);
const several = habits.map((habit) =>
  fc.tuple(habit, step(is(null))).map(([commands, how]) => commands.map((command) => ({ ...how, command }))),
);
const day = fc
  .array(fc.oneof({ weight: 10, arbitrary: one }, ...several.map((arbitrary) => ({ weight: 1, arbitrary }))), {
    minLength: 5,
    maxLength: 12,
    size: 'max',
  })
  .map((steps) => steps.flat());
const agentDay = fc.array(step(agentCommand), { maxLength: 12, size: 'max' });

/* How it goes. */

interface Turn<State, Command> {
  readonly command: Command;
  readonly under: StepConditions;
  readonly before: State;
  readonly after: State;
  readonly outcome: readonly RecordedEvent[] | Refusal;
}

/** Anything thrown but a Refusal fails the property. */
function attempt<T>(decide: () => T): T | Refusal {
  try {
    return decide();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** The command, with what it means by the last lead, its first interaction and its assignment lately. */
function meant<Command>(asked: Command, state: unknown): Command {
  const {
    leadId: id,
    readUpTo,
    onlyIf: only,
  } = asked as Partial<Omit<UnassignAgent, 'type'> & Omit<RecordAiResult, 'type'>>;
  if (id !== 'last') return asked;
  const last = leadsOf(state as Contact).at(-1);
  const now = only?.assignedAt === 'lately' ? { only: { ...only, assignedAt: last?.assignedAt ?? '' } } : {};
  const first = readUpTo === 'first' ? { readUpTo: last?.origin.interactionId ?? null } : {};
  return { ...asked, leadId: last?.id ?? leadId(1), ...first, ...now };
}

function play<State, Command, Event extends { type: string }>(
  decider: Decider<State, Command, Event>,
  steps: readonly StepOf<Command>[],
): Turn<State, Command>[] {
  let state = deepFreeze(decider.initialState);
  let clock = start;
  let version = 0;
  return steps.map(({ command: asked, later, ...circumstances }, nth) => {
    const under = { ...circumstances, at: iso((clock += later * 1_000)) };
    const before = state;
    const command = meant(asked, before);
    const drafts = attempt(() => decider.decide(deepFreeze(command), before, decisionContextOf(under)));
    if (drafts instanceof Refusal) return { command, under, before, after: before, outcome: drafts };
    const events = (drafts as unknown as readonly NewEvent<DomainEvent>[]).map((draft) =>
      deepFreeze(recordDraft(draft, under, `command-${nth}`, ++version)),
    );
    for (const event of events) state = deepFreeze(decider.evolve(state, event as unknown as Event & { id: string }));
    return { command, under, before, after: state, outcome: events };
  });
}

const eventsOf = (turns: readonly { outcome: readonly RecordedEvent[] | Refusal }[]): RecordedEvent[] =>
  turns.flatMap(({ outcome }) => (outcome instanceof Refusal ? [] : [...outcome]));
const contactFactsOf = (turns: readonly Turn<Contact, ContactCommand>[]) => eventsOf(turns) as ContactFact[];
const leadsOf = (state: Contact): readonly Lead[] => (state.known ? state.leads : []);
const mentions = (event: RecordedEvent, id: string): boolean => 'leadId' in event.data && event.data.leadId === id;
/** The turns that changed something. */
const changes = <State, Command>(turns: readonly Turn<State, Command>[]) =>
  turns.filter(({ before, after }) => before !== after);
const eachDay = (check: (turns: Turn<Contact, ContactCommand>[]) => void) =>
  fc.assert(
    fc.property(day, (steps) => check(play(contactDecider, steps as StepOf<ContactCommand>[]))),
    runs,
  );

/** A contact without the maps' inner store, which holds what other versions hold. */
const plain = (state: Contact, messages: readonly string[]) =>
  state.known && {
    ...state,
    interactions: messages.map((id) => [id, state.interactions.get(id)]),
    outbound: messages.map((id) => [id, state.outbound.get(id)]),
  };

/** All of them: the compiler asks for one that is missing. */
const ofContacts: Record<ContactEvent['type'], true> = {
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

it('Random days bring every event, late interactions and moved follow-ups among them', () => {
  const days = fc.sample(day, { numRuns: 300, seed: 1 });
  const facts = days.flatMap((steps) => contactFactsOf(play(contactDecider, steps as StepOf<ContactCommand>[])));
  expect([...new Set(facts.map((it) => it.type))].toSorted()).toStrictEqual(Object.keys(ofContacts).toSorted());
  const happened = (is: (event: ContactFact) => boolean) => expect(facts.filter(is).length).toBeGreaterThan(5);
  happened((it) => it.type === 'InteractionRecorded' && it.data.late);
  happened((it) => it.type === 'InteractionRecorded' && it.data.attribution === 'exact');
  happened((it) => it.type === 'InteractionRecorded' && it.data.attribution === 'window');
  happened((it) => it.type === 'AiResultDropped' && it.data.why === 'stale');
  happened((it) => it.type === 'AiResultDropped' && it.data.why === 'lead_inactive');
  happened((it) => it.type === 'FollowUpCancelled' && it.data.why === 'lead_inactive');
  happened((it) => it.type === 'LeadAssigned' && it.data.followUps.length > 0);
  happened((it) => it.type === 'LeadStatusChanged' && it.meta.actor.id === 'first-message');
  happened((it) => it.type === 'LeadOpened' && it.data.ordinal > 2);
});

describe('Whatever is asked of a contact', () => {
  it('it has at most one active lead, the last', () =>
    eachDay((turns) => {
      for (const { after } of changes(turns)) {
        const active = leadsOf(after).filter((it) => it.active);
        expect(active).toStrictEqual(
          leadsOf(after)
            .slice(-1)
            .filter((it) => it.active),
        );
        expect(findActiveLead(after)).toBe(active[0]);
      }
    }));

  it('its leads are counted without a gap, each links to the one before, and none goes away or is opened again', () =>
    eachDay((turns) => {
      for (const { before, after } of changes(turns)) {
        const links = leadsOf(after).map((it) => [it.id, it.ordinal, it.previousLeadId]);
        expect(links).toStrictEqual(links.map((_, i) => [leadId(i + 1), i + 1, i === 0 ? null : leadId(i)]));
        const ends = (state: Contact) =>
          leadsOf(state).map((it, i) => (leadsOf(before)[i]?.active === false ? [it.status, it.closedAt] : []));
        expect(ends(after).slice(0, leadsOf(before).length)).toStrictEqual(ends(before));
      }
    }));

  it('a closed lead only gets late interactions, messages and dropped AI results, after what its closing brought', () =>
    eachDay((turns) => {
      for (const { before, outcome } of turns) {
        if (outcome instanceof Refusal) continue;
        const closed = leadsOf(before).filter((it) => !it.active);
        for (const event of outcome as readonly ContactFact[]) {
          if (event.type === 'InteractionRecorded')
            expect(event.data.late).toBe(closed.some((it) => it.id === event.data.leadId));
          if (event.type === 'AiResultDropped' && event.data.why === 'lead_inactive')
            expect(closed.map((it) => it.id)).toContain(event.data.leadId);
          if (closed.some((it) => mentions(event, it.id)))
            expect(['InteractionRecorded', 'OutboundMessageRecorded', 'AiResultDropped']).toContain(event.type);
        }
      }
    }));

  it('closing a lead cancels its open follow-ups in the same append, and never leaves one open', () =>
    eachDay((turns) => {
      for (const { before, after, outcome } of changes(turns)) {
        const closed = leadsOf(after).filter((it) => !it.active);
        expect(closed.flatMap((it) => it.followUps).filter((it) => it.state === 'open')).toStrictEqual([]);
        if (outcome instanceof Refusal) continue;
        const facts = outcome as readonly ContactFact[];
        const closing = facts.find((it) => it.type === 'LeadStatusChanged' && isFinal(it.data.to));
        const cancelled = facts.flatMap((it) =>
          it.type === 'FollowUpCancelled' && it.data.why === 'lead_inactive' ? it.data.followUpId : [],
        );
        const lead = closing && leadsOf(before).find((it) => mentions(closing, it.id));
        const open = lead?.followUps.filter((it) => it.state === 'open').map((it) => it.id) ?? [];
        expect(cancelled).toStrictEqual(open);
      }
    }));

  it('a score is null or a whole number from 0 to 100, frozen once the lead is closed', () =>
    eachDay((turns) => {
      for (const { before, after } of changes(turns))
        leadsOf(after).forEach((lead, i) => {
          const { qualification } = lead;
          const was = leadsOf(before)[i];
          if (was?.qualification === qualification) return;
          expect(was?.active).not.toBe(false);
          for (const it of [qualification.score, qualification.suggestion?.score ?? null])
            expect(it === null || (Number.isInteger(it) && it >= 0 && it <= 100)).toBe(true);
        });
    }));

  it('a pinned score stays until somebody changes or unpins it', () =>
    eachDay((turns) => {
      for (const { before, after, command } of turns)
        leadsOf(before).forEach((was, i) => {
          if (!was.qualification.pinned || command.type === 'ChangeStatus' || command.type === 'UnpinScore') return;
          expect(leadsOf(after)[i]?.qualification).toMatchObject({ score: was.qualification.score, pinned: true });
        });
    }));

  it('a message that was seen stays seen, and answers with the same lead', () =>
    eachDay((turns) => {
      const seen = new Map<string, string | null>();
      for (const { command, under, after, outcome } of turns) {
        if (!(outcome instanceof Refusal))
          for (const event of outcome as readonly ContactFact[]) {
            if (event.type !== 'InteractionRecorded' && event.type !== 'ContactOptedOut') continue;
            expect(seen.has(event.id)).toBe(false);
            seen.set(event.id, event.type === 'InteractionRecorded' ? event.data.leadId : null);
          }
        const answers = [...seen].map(([id]) => after.known && after.interactions.get(id)?.leadId);
        expect(answers).toStrictEqual([...seen.values()]);
        if (command.type === 'RecordInteraction' && !(outcome instanceof Refusal))
          expect(contactDecider.decide(command, after, decisionContextOf(under))).toStrictEqual([]);
      }
    }));

  /*
   * What opens a lead or closes it is refused the second time, because things are not as they were; all else is so already.
   * Only a reason or a note is a fact each time that it is given.
   */
  it('asking again changes nothing, but for a reason or a note, and a refusal stays the same', () =>
    eachDay((turns) => {
      for (const { command, under, after, outcome } of turns) {
        const again = attempt(() => contactDecider.decide(command, after, decisionContextOf(under)));
        const said = command.type === 'ChangeStatus' && Boolean(command.reason?.trim() || command.note?.trim());
        if (outcome instanceof Refusal) {
          expect(again).toMatchObject({ code: outcome.code, details: outcome.details });
        } else if (again instanceof Refusal) {
          if (command.type === 'CreateLead') expect(again.code).toBe('active_lead_exists');
          else {
            expect(again.code).toBe('lead_inactive');
            expect(finalStatuses as readonly unknown[]).toContain(command.type === 'ChangeStatus' && command.status);
          }
        } else if (said) {
          expect(again).toMatchObject([
            { type: 'LeadStatusChanged', data: { from: leadStatus(after, command.leadId) } },
          ]);
          expect(again[0]?.data).toMatchObject({ to: leadStatus(after, command.leadId) });
        } else expect(again).toStrictEqual([]);
      }
    }));

  const leadStatus = (state: Contact, id: string) => leadsOf(state).find((it) => it.id === id)?.status;

  it('a lead counts its own events, and its times only go on', () =>
    eachDay((turns) => {
      const facts = contactFactsOf(turns);
      for (const lead of leadsOf(turns.at(-1)?.after ?? contactDecider.initialState)) {
        const own = facts.filter((it) => mentions(it, lead.id));
        expect(lead.version).toBe(own.length);
        const times = own.flatMap((it) => (it.type === 'InteractionRecorded' ? it.meta.occurredAt : []));
        expect(lead.lastInteractionAt).toBe(times.toSorted().at(-1) ?? null);
      }
      for (const { before, after } of changes(turns)) {
        if (before.known && after.known) expect(after.lastCommandAt >= before.lastCommandAt).toBe(true);
        leadsOf(before).forEach((was, i) => expect((leadsOf(after)[i]?.updatedAt ?? '') >= was.updatedAt).toBe(true));
      }
    }));

  it('a command that was dated back, unless it tells of a broadcast, lies never before the last one', () =>
    eachDay((turns) => {
      for (const { command, before, under } of changes(turns))
        if (under.backdated && before.known && command.type !== 'AddressBroadcast')
          expect(under.at >= before.lastCommandAt).toBe(true);
    }));

  it('follow-ups are never created or moved into the past, and keep their ids to themselves', () =>
    eachDay((turns) => {
      for (const event of contactFactsOf(turns)) {
        if (event.type === 'FollowUpCreated') expect(event.data.dueAt >= event.meta.occurredAt).toBe(true);
        if (event.type === 'FollowUpRescheduled') expect(event.data.to >= event.meta.occurredAt).toBe(true);
      }
      for (const { followUps } of leadsOf(turns.at(-1)?.after ?? contactDecider.initialState))
        expect(new Set(followUps.map((it) => it.id)).size).toBe(followUps.length);
    }));

  it('a reminder fires at its time or later, of what is open, and once for each time that was set', () =>
    eachDay((turns) => {
      const set = new Set<string>();
      for (const { before, outcome } of turns) {
        if (outcome instanceof Refusal) continue;
        for (const event of outcome as readonly ContactFact[]) {
          if (event.type === 'FollowUpCreated' || event.type === 'FollowUpRescheduled') set.add(event.data.followUpId);
          if (event.type !== 'FollowUpReminded') continue;
          const { followUpId, dueAt } = event.data;
          expect(set.delete(followUpId)).toBe(true);
          expect(event.meta.occurredAt >= dueAt).toBe(true);
          const known = leadsOf(before).flatMap((it) => it.followUps);
          expect(known.find((it) => it.id === followUpId)).toMatchObject({ state: 'open', dueAt });
        }
      }
    }));

  it('only known, active agents are assigned, and an agent who is there already is not assigned again', () =>
    eachDay((turns) => {
      for (const { command, outcome } of turns) {
        if (outcome instanceof Refusal) continue;
        for (const event of outcome as readonly ContactFact[]) {
          if (event.type !== 'LeadAssigned') continue;
          expect(command).toMatchObject({ type: 'AssignAgent', agent: { id: event.data.to, status: 'active' } });
          expect(event.data.from).not.toBe(event.data.to);
        }
      }
    }));
});

describe('Whatever is asked of an agent', () => {
  const eachAgentDay = (check: (turns: ReturnType<typeof playAgent>) => void) =>
    fc.assert(
      fc.property(agentDay, (steps) => check(playAgent(steps as StepOf<AgentCommand>[]))),
      runs,
    );
  const playAgent = (steps: readonly StepOf<AgentCommand>[]) => play(agentDecider, steps);

  it('asking again changes nothing, registering again is refused, and its version counts its events', () =>
    eachAgentDay((turns) => {
      let events = 0;
      for (const { command, under, after, outcome } of turns) {
        const again = attempt(() => agentDecider.decide(command, after, decisionContextOf(under)));
        if (outcome instanceof Refusal) expect(again).toMatchObject({ code: outcome.code, details: outcome.details });
        else if (command.type === 'RegisterAgent') expect(again).toMatchObject({ code: 'agent_exists' });
        else expect(again).toStrictEqual([]);
        if (!(outcome instanceof Refusal)) events += outcome.length;
        expect(after.known ? after.version : 0).toBe(events);
      }
    }));

  it('it is as it was asked to be', () =>
    eachAgentDay((turns) => {
      for (const { command, after, outcome } of turns) {
        if (outcome instanceof Refusal) continue;
        const { type: _, agentId: id, ...asked } = command;
        expect(after).toMatchObject({ id, ...asked });
      }
    }));
});

describe('The past', () => {
  it('folds the same when it was stored and read', () =>
    eachDay((turns) => {
      const facts = contactFactsOf(turns);
      const read = facts.map(({ stream, version, position, ...stored }) =>
        deepFreeze(decodeEvent(JSON.parse(JSON.stringify(stored)), { stream, version, position })),
      ) as ContactFact[];
      expect(read).toStrictEqual(facts);
      const ids = facts.map((it) => it.id);
      const folded = read.reduce<Contact>(
        (state, event) => contactDecider.evolve(state, event),
        contactDecider.initialState,
      );
      expect(plain(folded, ids)).toStrictEqual(plain(turns.at(-1)?.after ?? contactDecider.initialState, ids));
    }));

  it('folds to the same lead when only what the lead is told by is looked at', () =>
    eachDay((turns) => {
      const facts = contactFactsOf(turns);
      for (const lead of leadsOf(turns.at(-1)?.after ?? contactDecider.initialState)) {
        const rows = facts.filter((it) => mentions(it, lead.id) || it.type === 'ContactProfileChanged');
        expect(rows.reduce<Lead | undefined>(evolveLead, undefined)).toStrictEqual(lead);
        expect(
          facts.reduce<Lead | undefined>(
            (it, event) => (it || mentions(event, lead.id) ? evolveLead(it, event) : it),
            undefined,
          ),
        ).toStrictEqual(lead);
      }
    }));

  it('says in ContactProfileChanged and BroadcastAddressed how many leads there are', () =>
    eachDay((turns) => {
      let leads = 0;
      for (const event of contactFactsOf(turns)) {
        if (event.type === 'LeadOpened') leads = event.data.ordinal;
        if (event.type === 'ContactProfileChanged' || event.type === 'BroadcastAddressed')
          expect(event.data.leads).toBe(leads);
      }
    }));

  it('is not up for debate: no event in any order, of whatever stream or type, makes a fold throw or change what it was given', () => {
    const noise = record({
      type: fc.constantFrom('Whatever', '__proto__', 'constructor', 'LeadTeleported'),
      id: fc.uuid(),
      data: record({ leadId: fc.constant(leadId(1)) }, { requiredKeys: [] }),
      personal: fc.object(),
      meta: fc.constant({ actor: { type: 'system', id: 'x' }, occurredAt: iso(start) }),
    });
    const mixed = fc.tuple(day, agentDay, fc.array(noise, { maxLength: 5 }), fc.infiniteStream(fc.nat(1_000)));
    fc.assert(
      fc.property(mixed, ([steps, agentSteps, strangers, order]) => {
        const facts = [
          ...eventsOf(play(contactDecider, steps as StepOf<ContactCommand>[])),
          ...eventsOf(play(agentDecider, agentSteps as StepOf<AgentCommand>[])),
          ...(strangers as unknown as RecordedEvent[]),
        ];
        const shuffled = facts
          .map((event) => ({ event: deepFreeze(event), place: order.next().value as number }))
          .toSorted((a, b) => a.place - b.place)
          .map(({ event }) => event as never);
        let lead: Lead | undefined;
        let ofContact = contactDecider.initialState;
        let ofAgent = agentDecider.initialState;
        for (const event of shuffled) {
          lead = deepFreeze(evolveLead(lead, event));
          ofContact = deepFreeze(contactDecider.evolve(ofContact, event));
          ofAgent = deepFreeze(evolveAgent(ofAgent, event as AgentEvent));
          expect([typeof ofContact.known, typeof ofAgent.known]).toStrictEqual(['boolean', 'boolean']);
        }
      }),
      runs,
    );
  });
});
