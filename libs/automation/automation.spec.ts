import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCommandId } from '#commands/ids';
import type { Position } from '#domain/event-envelope';
import { Unavailable } from '#event-store/event-store';
import { AutomationHarness } from '#test/support/automation-harness';
import { CompleteBroadcastSends } from './complete-broadcast-sends.reactor.js';
import {
  UnassignLeadsOfDeactivatedAgent,
  type LeadsAssignedBefore,
} from './unassign-leads-of-deactivated-agent.reactor.js';
import type { DeadLetter, Reactor } from './reactor.js';
import { createAutomationView } from './dead-letters.js';
import { EventProcessor, type AutomationNotice } from './event-processor.js';

let harness: AutomationHarness;
beforeEach(() => {
  harness = new AutomationHarness();
});
afterEach(() => harness.close());

/** Computed from the log as the agents view would report it. */
const leadsAssignedBefore: LeadsAssignedBefore = async function* (_, agentId, position) {
  const leads = new Map<string, string | null>();
  for (const event of await harness.readAllEvents()) {
    if (event.position >= position) break;
    if (event.type === 'LeadAssigned')
      leads.set(event.data.leadId, event.data.to === agentId ? event.meta.occurredAt : null);
    if (event.type === 'LeadUnassigned') leads.set(event.data.leadId, null);
  }
  for (const [leadId, assignedAt] of leads) yield { leadId, assignedAt };
};
const unassignLeads = (): UnassignLeadsOfDeactivatedAgent =>
  new UnassignLeadsOfDeactivatedAgent(
    harness.log.events,
    leadsAssignedBefore,
    harness.dispatchContactCommand,
    harness.clock,
  );

/** Runs a reactor until it has processed all events that are now in the log. */
async function runToHead(
  reactor: Reactor,
  notify: (notice: AutomationNotice) => void = () => undefined,
): Promise<void> {
  const { log, store } = harness;
  const head = await log.events.head();
  const stop = new AbortController();
  const running = new EventProcessor(reactor, store, log.events, notify).run(stop.signal);
  const reader = await store.openForReading(createAutomationView(reactor));
  const checkpoint = async (): Promise<Position> => (await reader.state()).checkpoint ?? log.events.start;
  while ((await checkpoint()) < head) await new Promise(setImmediate);
  stop.abort();
  await running;
}

describe('UnassignLeadsOfDeactivatedAgent', () => {
  it('unassigns each active lead of a deactivated agent, caused by the deactivation', async () => {
    await harness.registerAgent('ana');
    const [first, second, closed] = [
      await harness.createLead('c-1'),
      await harness.createLead('c-2'),
      await harness.createLead('c-3'),
    ];
    for (const leadId of [first, second, closed]) await harness.assign(leadId, 'ana');
    await harness.changeStatus(closed, 'lost');
    await harness.setAgentActive('ana', false);
    await runToHead(unassignLeads());
    const [cause] = await harness.readEventsOfType('AgentDeactivated');
    const unassigned = await harness.readEventsOfType('LeadUnassigned');
    expect(unassigned.map(({ data }) => data)).toStrictEqual(
      [first, second].map((leadId) => ({ leadId, from: 'ana', mode: 'agent_deactivated' })),
    );
    for (const { meta } of unassigned)
      expect(meta).toMatchObject({ actor: { type: 'system', id: 'free-leads' }, causation: cause?.id });
  });

  it('unassigns a lead whose assignment was decided before the deactivation and recorded after it', async () => {
    await harness.registerAgent('ana');
    const leadId = await harness.createLead('c-1');
    // The handler reads only the agent's first event, so it decides as if the agent were still active.
    const [registered] = await harness.readEventsOfType('AgentRegistered');
    const { events } = harness.log;
    const read = events.read.bind(events);
    await harness.setAgentActive('ana', false);
    events.read = async (stream, ...page) =>
      stream === registered?.stream ? (await read(stream, ...page)).slice(0, 1) : read(stream, ...page);
    harness.restart();
    await harness.assign(leadId, 'ana');
    events.read = read;
    expect(await harness.readEventsOfType('LeadAssigned')).toHaveLength(1);
    await runToHead(unassignLeads());
    expect((await harness.readEventsOfType('LeadUnassigned')).map(({ data }) => data.leadId)).toStrictEqual([leadId]);
  });

  it('keeps a lead that was assigned again after the agent was reactivated', async () => {
    await harness.registerAgent('ana');
    await harness.registerAgent('ben');
    const leadId = await harness.createLead('c-1');
    await harness.assign(leadId, 'ana');
    await harness.setAgentActive('ana', false);
    await harness.setAgentActive('ana', true);
    await harness.assign(leadId, 'ben');
    await harness.assign(leadId, 'ana');
    await runToHead(unassignLeads());
    expect(await harness.readEventsOfType('LeadUnassigned')).toStrictEqual([]);
  });

  it('unassigns each lead once, even if the checkpoint is lost and all events are processed again', async () => {
    await harness.registerAgent('ana');
    await harness.assign(await harness.createLead('c-1'), 'ana');
    await harness.setAgentActive('ana', false);
    await runToHead(unassignLeads());
    const before = await harness.log.events.head();
    await harness.store.wipe(createAutomationView(unassignLeads()));
    await runToHead(unassignLeads());
    expect(await harness.log.events.head()).toBe(before);
    expect(await harness.readEventsOfType('LeadUnassigned')).toHaveLength(1);
  });
});

describe('CompleteBroadcastSends', () => {
  it('makes the missing second append of an interrupted send exactly once', async () => {
    const contactId = 'c-1';
    const leadId = await harness.createLead(contactId);
    const contactKey = leadId.slice(0, -2);
    const recipient = { broadcastId: 'b-1', contactKey, attempt: 1 };
    const { org, actor, commandId, now } = harness.createContext();
    const occurredAt = '2026-01-01T09:00:00.000Z';
    const meta = { actor, correlation: 'c', causation: 'c', commandId, occurredAt, recordedAt: now };
    const campaign = { id: 'k-1', name: 'Campaign One' };
    const template = { name: 'hello', language: 'en', category: null };
    const data = { messageKey: 'k', channel: 'whatsapp', messageId: 'w-1', recipient, campaign, template };
    const personal = { contactId, parameters: null, receipts: [] };
    const sent = { id: createCommandId(org, 'sent'), type: 'MessageSent', v: 1, org, data, personal, meta };
    await harness.log.events.append('message-default-k', 0, [sent]);
    const reactor = new CompleteBroadcastSends(harness.deciderService, harness.dispatchContactCommand);
    await runToHead(reactor);
    await harness.store.wipe(createAutomationView(reactor));
    await runToHead(reactor);
    expect((await harness.readEventsOfType('BroadcastAddressed')).map((event) => event.data)).toMatchObject([
      { contactKey, broadcastId: 'b-1', messageId: 'w-1', receivedAt: occurredAt, leads: 1 },
    ]);
  });
});

describe('EventProcessor', () => {
  const reactorThat = (react: Reactor['react']): Reactor => ({
    name: 'free-leads',
    eventTypes: ['AgentRegistered'],
    react,
  });

  it('parks an event that keeps failing, with the reason, and processes the next one', async () => {
    await harness.registerAgent('ana');
    await harness.registerAgent('ben');
    const processed: string[] = [];
    const notices: string[] = [];
    const reactor = reactorThat(async (event) => {
      processed.push(event.id);
      if (event.type === 'AgentRegistered' && event.data.agentId === 'ana') throw new Error('it failed');
    });
    await runToHead(reactor, ({ type }) => notices.push(type));
    const [ana, ben] = await harness.readEventsOfType('AgentRegistered');
    const reader = await harness.store.openForReading(createAutomationView(reactor));
    const { rows } = await reader.find<DeadLetter>('parked', {
      where: [],
      sort: { column: 'since', descending: false },
      limit: 9,
    });
    expect(rows.map(({ row }) => row)).toMatchObject([
      { eventId: ana?.id, type: 'AgentRegistered', reason: 'it failed' },
    ]);
    expect(processed.filter((id) => id === ana?.id).length).toBeGreaterThan(1);
    expect(processed.filter((id) => id === ben?.id)).toHaveLength(1);
    expect(notices.at(-1)).toBe('parked');
  });

  it('retries an event while a store is unavailable instead of parking it', async () => {
    await harness.registerAgent('ana');
    let attempts = 0;
    const reactor = reactorThat(async () => {
      attempts += 1;
      if (attempts < 4) throw new Unavailable('down');
    });
    const notices: string[] = [];
    await runToHead(reactor, ({ type }) => notices.push(type));
    expect(notices).toStrictEqual(['retrying', 'retrying', 'retrying']);
  });
});
