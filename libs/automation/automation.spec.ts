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

let stage: AutomationHarness;
beforeEach(() => void (stage = new AutomationHarness()));
afterEach(() => stage.close());

/** Told by the log itself, as a view would tell it. */
const assignedBefore: LeadsAssignedBefore = async function* (_, agentId, position) {
  const leads = new Map<string, string | null>();
  for (const event of await stage.readAllEvents()) {
    if (event.position >= position) break;
    if (event.type === 'LeadAssigned')
      leads.set(event.data.leadId, event.data.to === agentId ? event.meta.occurredAt : null);
    if (event.type === 'LeadUnassigned') leads.set(event.data.leadId, null);
  }
  for (const [leadId, assignedAt] of leads) yield { leadId, assignedAt };
};
const freeLeads = (): UnassignLeadsOfDeactivatedAgent =>
  new UnassignLeadsOfDeactivatedAgent(stage.log.events, assignedBefore, stage.dispatchContactCommand, stage.clock);

/** Runs a reaction until it has passed all that the log held when this was called. */
async function runToHead(
  reaction: Reactor,
  tellNews: (news: AutomationNotice) => void = () => undefined,
): Promise<void> {
  const { log, store } = stage;
  const head = await log.events.head();
  const stop = new AbortController();
  const running = new EventProcessor(reaction, store, log.events, tellNews).run(stop.signal);
  const reader = await store.openForReading(createAutomationView(reaction));
  const passed = async (): Promise<Position> => (await reader.state()).checkpoint ?? log.events.start;
  while ((await passed()) < head) await new Promise(setImmediate);
  stop.abort();
  await running;
}

describe('Deactivating an agent', () => {
  it('frees its active leads, an event each, told as caused by the deactivation', async () => {
    await stage.registerAgent('ana');
    const [one, two, closed] = [
      await stage.createLead('c-1'),
      await stage.createLead('c-2'),
      await stage.createLead('c-3'),
    ];
    for (const leadId of [one, two, closed]) await stage.assign(leadId, 'ana');
    await stage.changeStatus(closed, 'lost');
    await stage.setAgentActive('ana', false);
    await runToHead(freeLeads());
    const [cause] = await stage.readEventsOfType('AgentDeactivated');
    const freed = await stage.readEventsOfType('LeadUnassigned');
    expect(freed.map((it) => it.data)).toStrictEqual(
      [one, two].map((leadId) => ({ leadId, from: 'ana', mode: 'agent_deactivated' })),
    );
    for (const { meta } of freed)
      expect(meta).toMatchObject({ actor: { type: 'system', id: 'free-leads' }, causation: cause?.id });
  });

  it('frees a lead that was being assigned in that very moment', async () => {
    await stage.registerAgent('ana');
    const leadId = await stage.createLead('c-1');
    // The assignment was decided on what the agent was before; in the log it stands behind the deactivation.
    const [registered] = await stage.readEventsOfType('AgentRegistered');
    const { events } = stage.log;
    const read = events.read.bind(events);
    await stage.setAgentActive('ana', false);
    events.read = async (stream, ...page) =>
      stream === registered?.stream ? (await read(stream, ...page)).slice(0, 1) : read(stream, ...page);
    stage.restart();
    await stage.assign(leadId, 'ana');
    events.read = read;
    expect(await stage.readEventsOfType('LeadAssigned')).toHaveLength(1);
    await runToHead(freeLeads());
    expect((await stage.readEventsOfType('LeadUnassigned')).map((it) => it.data.leadId)).toStrictEqual([leadId]);
  });

  it('leaves alone what was assigned anew after the agent came back', async () => {
    await stage.registerAgent('ana');
    await stage.registerAgent('ben');
    const leadId = await stage.createLead('c-1');
    await stage.assign(leadId, 'ana');
    await stage.setAgentActive('ana', false);
    await stage.setAgentActive('ana', true);
    await stage.assign(leadId, 'ben');
    await stage.assign(leadId, 'ana');
    await runToHead(freeLeads());
    expect(await stage.readEventsOfType('LeadUnassigned')).toStrictEqual([]);
  });

  it('is done once, also when the checkpoint is lost and everything is met again', async () => {
    await stage.registerAgent('ana');
    await stage.assign(await stage.createLead('c-1'), 'ana');
    await stage.setAgentActive('ana', false);
    await runToHead(freeLeads());
    const before = await stage.log.events.head();
    await stage.store.wipe(createAutomationView(freeLeads()));
    await runToHead(freeLeads());
    expect(await stage.log.events.head()).toBe(before);
    expect(await stage.readEventsOfType('LeadUnassigned')).toHaveLength(1);
  });
});

describe('A send whose second append is missing', () => {
  it('is made up for, once', async () => {
    const contactId = 'c-1';
    const leadId = await stage.createLead(contactId);
    const contactKey = leadId.slice(0, -2);
    const recipient = { broadcastId: 'b-1', contactKey, attempt: 1 };
    const { org, actor, commandId, now } = stage.createContext();
    const occurredAt = '2026-01-01T09:00:00.000Z';
    const meta = { actor, correlation: 'c', causation: 'c', commandId, occurredAt, recordedAt: now };
    const campaign = { id: 'k-1', name: 'Campaign One' };
    const template = { name: 'hello', language: 'en', category: null };
    const data = { messageKey: 'k', channel: 'whatsapp', messageId: 'w-1', recipient, campaign, template };
    const personal = { contactId, parameters: null, receipts: [] };
    const sent = { id: createCommandId(org, 'sent'), type: 'MessageSent', v: 1, org, data, personal, meta };
    await stage.log.events.append('message-default-k', 0, [sent]);
    const reaction = new CompleteBroadcastSends(stage.deciderService, stage.dispatchContactCommand);
    await runToHead(reaction);
    await stage.store.wipe(createAutomationView(reaction));
    await runToHead(reaction);
    expect((await stage.readEventsOfType('BroadcastAddressed')).map((it) => it.data)).toMatchObject([
      { contactKey, broadcastId: 'b-1', messageId: 'w-1', receivedAt: occurredAt, leads: 1 },
    ]);
  });
});

describe('A reaction', () => {
  const failing = (react: Reactor['react']): Reactor => ({
    name: 'free-leads',
    eventTypes: ['AgentRegistered'],
    react,
  });

  it('that keeps failing is parked with its reason, and the next is met', async () => {
    await stage.registerAgent('ana');
    await stage.registerAgent('ben');
    const met: string[] = [];
    const news: string[] = [];
    const reaction = failing(async (event) => {
      met.push(event.id);
      if (event.type === 'AgentRegistered' && event.data.agentId === 'ana') throw new Error('no way');
    });
    await runToHead(reaction, ({ what }) => news.push(what));
    const [ana, ben] = await stage.readEventsOfType('AgentRegistered');
    const reader = await stage.store.openForReading(createAutomationView(reaction));
    const { rows } = await reader.find<DeadLetter>('parked', {
      where: [],
      sort: { column: 'since', descending: false },
      limit: 9,
    });
    expect(rows.map(({ row }) => row)).toMatchObject([{ eventId: ana?.id, type: 'AgentRegistered', reason: 'no way' }]);
    expect(met.filter((id) => id === ana?.id).length).toBeGreaterThan(1);
    expect(met.filter((id) => id === ben?.id)).toHaveLength(1);
    expect(news.at(-1)).toBe('parked');
  });

  it('waits for a store that is out of reach instead of parking', async () => {
    await stage.registerAgent('ana');
    let times = 0;
    const reaction = failing(async () => {
      times += 1;
      if (times < 4) throw new Unavailable('down');
    });
    const news: string[] = [];
    await runToHead(reaction, ({ what }) => news.push(what));
    expect(news).toStrictEqual(['retrying', 'retrying', 'retrying']);
  });
});
