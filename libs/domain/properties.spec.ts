import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  frozen,
  leadId,
  recorded,
  givenOf,
  interactionId,
  contactKey,
  type Circumstances,
} from '#test/support/given-when-then';
import { agent, evolveAgent, type AgentCommand } from './agent/agent.decide.js';
import type { AgentEvent } from './agent/agent.events.js';
import type { ContactCommand } from './contact/contact.commands.js';
import { contact } from './contact/contact.decide.js';
import type { ContactEvent } from './contact/contact.events.js';
import { activeLeadOf, type Contact, type KnownContact } from './contact/contact.state.js';
import type { Decider } from './decider.js';
import { fromStored } from './door.js';
import type { Actor, DomainEvent, Draft, Recorded } from './event.js';
import { evolveLead, finalStatuses, isFinal, statuses, type Lead } from './lead/lead.state.js';
import { Refusal } from './refusal.js';

/*
 * Random commands, sensible and not, one after another. Small pools of ids make them meet: messages come again, leads are named
 * that are closed or not there, times jump back and forth. Everything is deep-frozen: to change a state or an event would throw.
 */

const runs = { numRuns: 300 };
type ContactFact = Recorded & ContactEvent;

/* What may be asked. */

const start = Date.parse('2026-03-02T00:00:00.000Z');
const iso = (ms: number) => new Date(ms).toISOString();
const orNull = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null, freq: 2 });
const name = orNull(fc.constantFrom('Contact One', 'Contact Two', ''));
const words = orNull(fc.constantFrom('because', 'so it is', ''));
const messageId = fc.constantFrom('m-1', 'm-2', 'm-3', 'm-4', 'm-5');
const channel = fc.constantFrom('whatsapp' as const, 'sms' as const);
const anyTime = fc.integer({ min: -48 * 3600, max: 48 * 3600 }).map((seconds) => iso(start + seconds * 1_000 + 250));
/** One more valid than not. */
const score = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(-1, 101, 73.5, NaN, Infinity, '80', true) },
) as fc.Arbitrary<number>;
const who = orNull(
  fc.record({
    id: fc.constantFrom('ana', 'ben', 'zoe', ''),
    situation: fc.constantFrom('active' as const, 'active' as const, 'inactive' as const, 'unknown' as const),
  }),
);
const agentFact = who.map((it) => it ?? { id: 'ana', situation: 'active' as const });
const mode = fc.constantFrom('manual' as const, 'bulk' as const, 'round_robin' as const, 'least_loaded' as const);
const profile = fc.record({ name, phone: name, email: name }, { requiredKeys: [] });

const about = { contactKey: fc.constant(contactKey), contactId: fc.constant('contact-1'), profile };
const of = {
  leadId: fc.constantFrom(...[1, 1, 2, 2, 3, 4].map(leadId), `${contactKey}-0`, 'elsewhere-1', '__proto__'),
};
const ofFollowUp = { ...of, followUpId: fc.constantFrom('f-1', 'f-2', 'f-3', 'constructor') };
const is = <T extends string>(type: T) => fc.constant(type);

const interaction = fc.record({
  type: is('RecordInteraction'),
  ...about,
  channel,
  kind: fc.constantFrom('chat', 'integration', 'broadcast_reply', 'inferred'),
  messageId,
  occurredAt: orNull(fc.record({ at: anyTime, digits: fc.integer({ min: 0, max: 3 }) })),
  text: orNull(fc.constantFrom('Hello', 'stop', 'STOP!', '', '\u0000')),
  media: orNull(fc.jsonValue()),
  inReplyTo: orNull(fc.constantFrom('b-1', 'b-2', 'm-1', '')),
  integration: orNull(fc.jsonValue()),
});
const changeStatus = fc.record({
  type: is('ChangeStatus'),
  ...of,
  status: orNull(fc.constantFrom(...statuses)),
  score: orNull(score),
  reason: words,
  note: words,
});
const createFollowUp = fc.record({
  type: is('CreateFollowUp'),
  ...ofFollowUp,
  dueAt: anyTime,
  note: words,
  assignee: who,
  alsoSetStatus: fc.boolean(),
});
const aiResult = fc.record({
  type: is('RecordAiResult'),
  ...of,
  score,
  model: fc.constantFrom('model-1', 'model-2'),
  modelVersion: words,
  rationale: words,
  factors: fc.array(fc.record({ label: fc.constant('price'), weight: fc.integer({ min: -5, max: 5 }) }), {
    maxLength: 2,
  }),
  readUpTo: orNull(fc.tuple(messageId, channel).map(([id, on]) => interactionId(id, on))),
});
const rarely: fc.Arbitrary<ContactCommand>[] = [
  fc.record({
    type: is('CreateLead'),
    ...about,
    channel: orNull(channel),
    origin: fc.constantFrom('manual', 'integration'),
    note: words,
  }),
  fc.record({
    type: is('AddressBroadcast'),
    ...about,
    broadcastId: fc.constantFrom('br-1', 'br-2'),
    campaign: fc.constant({ id: 'campaign-1', name: 'Campaign One' }),
    channel,
    messageId: fc.constantFrom('b-1', 'b-2'),
    sentAt: orNull(anyTime),
  }),
  fc.record({ type: is('AssignAgent'), ...of, agent: agentFact, mode, moveFollowUps: fc.boolean(), note: words }),
  fc.record({
    type: is('UnassignAgent'),
    ...of,
    mode: fc.oneof(mode, is('agent_deactivated')),
    onlyFrom: orNull(fc.constantFrom('ana', 'ben')),
  }),
  fc.record({ type: is('UnpinScore'), ...of }),
  fc.record({ type: is('CompleteFollowUp'), ...ofFollowUp, note: words }),
  fc.record({ type: is('CancelFollowUp'), ...ofFollowUp, reason: words }),
  fc.record({ type: is('RescheduleFollowUp'), ...ofFollowUp, dueAt: anyTime, reason: words }),
  fc.record({
    type: is('RecordOutboundMessage'),
    ...of,
    channel: orNull(channel),
    messageId: fc.constantFrom('out-1', 'out-2'),
    text: words,
    sentAt: orNull(anyTime),
  }),
];
const often: fc.Arbitrary<ContactCommand>[] = [interaction, changeStatus, createFollowUp, aiResult];
const command: fc.Arbitrary<ContactCommand> = fc.oneof(
  ...often.map((arbitrary) => ({ weight: 3, arbitrary })),
  ...rarely.map((arbitrary) => ({ weight: 1, arbitrary })),
);

const ofAgent = { agentId: fc.constant('ana') };
const capacity = orNull(fc.integer({ min: 0, max: 9 }));
const agentCommand: fc.Arbitrary<AgentCommand> = fc.oneof(
  fc.record({
    type: is('RegisterAgent'),
    ...ofAgent,
    name: fc.constantFrom('Agent One', 'Agent Two'),
    email: name,
    capacity,
  }),
  fc.record(
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

const actor: fc.Arbitrary<Actor> = fc.record({
  type: fc.constantFrom('agent', 'service', 'ai', 'system'),
  id: fc.constantFrom('ana', 'ben'),
});
const policy = fc.record(
  { lostNeedsReason: fc.boolean(), firstMessageMakesContacted: fc.boolean() },
  { requiredKeys: [] },
);
const step = <Command>(asked: fc.Arbitrary<Command>) =>
  fc.record({
    command: asked,
    actor,
    policy,
    backdated: fc.boolean(),
    /** Seconds since the last step: our clocks may also go back. */
    later: fc.integer({ min: -3_600, max: 36_000 }),
  });
type StepOf<Command> = { command: Command } & Omit<Circumstances, 'at'> & { later: number };
const day = fc.array(step(command), { minLength: 1, maxLength: 40 });
const agentDay = fc.array(step(agentCommand), { minLength: 1, maxLength: 12 });

/* How it goes. */

interface Turn<State, Command> {
  readonly command: Command;
  readonly under: Circumstances;
  readonly before: State;
  readonly after: State;
  readonly outcome: readonly Recorded[] | Refusal;
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

function play<State, Command, Event extends { type: string }>(
  decider: Decider<State, Command, Event>,
  steps: readonly StepOf<Command>[],
): Turn<State, Command>[] {
  let state = frozen(decider.initial);
  let clock = start;
  let version = 0;
  return steps.map(({ command, later, ...circumstances }, nth) => {
    const under = { ...circumstances, at: iso((clock += later * 1_000)) };
    const before = state;
    const drafts = attempt(() => decider.decide(frozen(command), before, givenOf(under)));
    if (drafts instanceof Refusal) return { command, under, before, after: before, outcome: drafts };
    const events = (drafts as unknown as readonly Draft<DomainEvent>[]).map((draft) =>
      frozen(recorded(draft, under, `command-${nth}`, ++version)),
    );
    for (const event of events) state = frozen(decider.evolve(state, event as unknown as Event & { id: string }));
    return { command, under, before, after: state, outcome: events };
  });
}

const eventsOf = (turns: readonly { outcome: readonly Recorded[] | Refusal }[]): Recorded[] =>
  turns.flatMap(({ outcome }) => (outcome instanceof Refusal ? [] : [...outcome]));
const contactFactsOf = (turns: readonly Turn<Contact, ContactCommand>[]) => eventsOf(turns) as ContactFact[];
const leadsOf = (state: Contact): readonly Lead[] => (state.known ? state.leads : []);
const mentions = (event: Recorded, id: string): boolean => 'leadId' in event.data && event.data.leadId === id;
const eachDay = (check: (turns: Turn<Contact, ContactCommand>[]) => void) =>
  fc.assert(
    fc.property(day, (steps) => check(play(contact, steps as StepOf<ContactCommand>[]))),
    runs,
  );

/** A contact without the maps' inner store, which holds what other versions hold. */
const plain = (state: Contact, messages: readonly string[]) =>
  state.known && {
    ...state,
    interactions: messages.map((id) => [id, state.interactions.get(id)]),
    outbound: messages.map((id) => [id, state.outbound.get(id)]),
  };

describe('Whatever is asked of a contact', () => {
  it('it has at most one active lead, the last', () =>
    eachDay((turns) => {
      for (const { after } of turns) {
        const active = leadsOf(after).filter((it) => it.active);
        expect(active.length).toBeLessThanOrEqual(1);
        if (active.length === 1) expect(leadsOf(after).at(-1)).toBe(active[0]);
        expect(activeLeadOf(after)).toBe(active[0]);
      }
    }));

  it('its leads are counted without a gap, each links to the one before, and none goes away or is opened again', () =>
    eachDay((turns) => {
      for (const { before, after } of turns) {
        leadsOf(after).forEach((lead, i) => {
          expect(lead).toMatchObject({ id: leadId(i + 1), ordinal: i + 1, previousLeadId: i === 0 ? null : leadId(i) });
        });
        leadsOf(before).forEach((lead, i) => {
          const now = leadsOf(after)[i];
          expect(now?.id).toBe(lead.id);
          if (!lead.active) expect(now).toMatchObject({ active: false, status: lead.status, closedAt: lead.closedAt });
        });
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
      for (const { before, after, outcome } of turns) {
        for (const lead of leadsOf(after))
          if (!lead.active) expect(lead.followUps.filter((it) => it.state === 'open')).toStrictEqual([]);
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
      for (const { before, after } of turns)
        leadsOf(after).forEach((lead, i) => {
          const { score, suggestion } = lead.qualification;
          for (const it of [score, suggestion?.score ?? null])
            expect(it === null || (Number.isInteger(it) && it >= 0 && it <= 100)).toBe(true);
          const was = leadsOf(before)[i];
          if (was && !was.active) expect(lead.qualification).toStrictEqual(was.qualification);
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
        for (const [id, lead] of seen) expect((after as KnownContact).interactions.get(id)?.leadId).toBe(lead);
        if (command.type === 'RecordInteraction' && !(outcome instanceof Refusal))
          expect(contact.decide(command, after, givenOf(under))).toStrictEqual([]);
      }
    }));

  /*
   * What opens a lead or closes it is refused the second time, because things are not as they were; all else is so already.
   * Only a reason or a note is a fact each time that it is given.
   */
  it('asking again changes nothing, but for a reason or a note, and a refusal stays the same', () =>
    eachDay((turns) => {
      for (const { command, under, after, outcome } of turns) {
        const again = attempt(() => contact.decide(command, after, givenOf(under)));
        const said = command.type === 'ChangeStatus' && (command.reason !== null || command.note !== null);
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
      for (const lead of leadsOf(turns.at(-1)?.after ?? contact.initial)) {
        const own = facts.filter((it) => mentions(it, lead.id));
        expect(lead.version).toBe(own.length);
        const times = own.flatMap((it) => (it.type === 'InteractionRecorded' ? it.meta.occurredAt : []));
        expect(lead.lastInteractionAt).toBe(times.toSorted().at(-1) ?? null);
      }
      for (const { before, after } of turns) {
        if (before.known && after.known) expect(after.lastCommandAt >= before.lastCommandAt).toBe(true);
        leadsOf(before).forEach((was, i) => expect((leadsOf(after)[i]?.updatedAt ?? '') >= was.updatedAt).toBe(true));
      }
    }));

  it('a command that was dated back lies never before the last one', () =>
    eachDay((turns) => {
      for (const { before, under, outcome } of turns)
        if (!(outcome instanceof Refusal) && outcome.length > 0 && under.backdated && before.known)
          expect(under.at >= before.lastCommandAt).toBe(true);
    }));

  it('follow-ups are never created or moved into the past, and keep their ids to themselves', () =>
    eachDay((turns) => {
      for (const event of contactFactsOf(turns)) {
        if (event.type === 'FollowUpCreated') expect(event.data.dueAt >= event.meta.occurredAt).toBe(true);
        if (event.type === 'FollowUpRescheduled') expect(event.data.to >= event.meta.occurredAt).toBe(true);
      }
      for (const { followUps } of leadsOf(turns.at(-1)?.after ?? contact.initial))
        expect(new Set(followUps.map((it) => it.id)).size).toBe(followUps.length);
    }));

  it('only known, active agents are assigned, and an agent who is there already is not assigned again', () =>
    eachDay((turns) => {
      for (const { command, outcome } of turns) {
        if (outcome instanceof Refusal) continue;
        for (const event of outcome as readonly ContactFact[]) {
          if (event.type !== 'LeadAssigned') continue;
          expect(command).toMatchObject({ type: 'AssignAgent', agent: { id: event.data.to, situation: 'active' } });
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
  const playAgent = (steps: readonly StepOf<AgentCommand>[]) => play(agent, steps);

  it('asking again changes nothing, registering again is refused, and its version counts its events', () =>
    eachAgentDay((turns) => {
      let events = 0;
      for (const { command, under, after, outcome } of turns) {
        const again = attempt(() => agent.decide(command, after, givenOf(under)));
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
        frozen(fromStored(JSON.parse(JSON.stringify(stored)), { stream, version, position })),
      ) as ContactFact[];
      expect(read).toStrictEqual(facts);
      const ids = facts.map((it) => it.id);
      const folded = read.reduce(contact.evolve, contact.initial);
      expect(plain(folded, ids)).toStrictEqual(plain(turns.at(-1)?.after ?? contact.initial, ids));
    }));

  it('folds to the same lead when only what the lead is told by is looked at', () =>
    eachDay((turns) => {
      const facts = contactFactsOf(turns);
      for (const lead of leadsOf(turns.at(-1)?.after ?? contact.initial)) {
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
    const noise = fc.record({
      type: fc.constantFrom('Whatever', '__proto__', 'constructor', 'LeadTeleported'),
      id: fc.uuid(),
      data: fc.record({ leadId: fc.constant(leadId(1)) }, { requiredKeys: [] }),
      personal: fc.object(),
      meta: fc.constant({ actor: { type: 'system', id: 'x' }, occurredAt: iso(start) }),
    });
    const mixed = fc.tuple(day, agentDay, fc.array(noise, { maxLength: 5 }), fc.infiniteStream(fc.nat(1_000)));
    fc.assert(
      fc.property(mixed, ([steps, agentSteps, strangers, order]) => {
        const facts = [
          ...eventsOf(play(contact, steps as StepOf<ContactCommand>[])),
          ...eventsOf(play(agent, agentSteps as StepOf<AgentCommand>[])),
          ...(strangers as unknown as Recorded[]),
        ];
        const shuffled = facts
          .map((event) => ({ event: frozen(event), place: order.next().value as number }))
          .toSorted((a, b) => a.place - b.place)
          .map(({ event }) => event as never);
        let lead: Lead | undefined;
        let ofContact = contact.initial;
        let ofAgent = agent.initial;
        for (const event of shuffled) {
          lead = frozen(evolveLead(lead, event));
          ofContact = frozen(contact.evolve(ofContact, event));
          ofAgent = frozen(evolveAgent(ofAgent, event as AgentEvent));
          expect([typeof ofContact.known, typeof ofAgent.known]).toStrictEqual(['boolean', 'boolean']);
        }
      }),
      runs,
    );
  });
});
