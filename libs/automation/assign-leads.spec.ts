import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AutoAssignmentMode } from '#domain/agent/agent.rotation';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { Unavailable } from '#event-store/event-store';
import { AutomationHarness } from '#test/support/automation-harness';
import { AssignLeads, type AssignmentQueue } from './assign-leads.reactor.js';

let harness: AutomationHarness;
let queueReads: number;
beforeEach(() => {
  harness = new AutomationHarness();
  queueReads = 0;
});
afterEach(() => harness.close());

/** Computed from the log as views would report it: active leads without an agent, and agents with their number of leads. */
const queue: AssignmentQueue = {
  waitForPosition: async () => undefined,
  longestWaiting: async () => {
    queueReads += 1;
    const waiting = new Map<string, string>();
    for (const { type, data, meta } of await harness.readAllEvents()) {
      if (type === 'LeadOpened' || type === 'LeadUnassigned') waiting.set(data.leadId, meta.occurredAt);
      if (type === 'LeadAssigned' || (type === 'LeadStatusChanged' && isFinal(data.to))) waiting.delete(data.leadId);
    }
    return [...waiting].map(([leadId, waitingSince]) => ({ leadId, waitingSince }));
  },
  activeAgents: async () => {
    const assignments = await harness.readEventsOfType('LeadAssigned');
    return (await harness.readEventsOfType('AgentRegistered')).map(({ data: { agentId: id, capacity } }) => {
      const toAgent = assignments.filter(({ data }) => data.to === id);
      const lastAssignedPosition = toAgent.at(-1)?.position ?? null;
      return { id, capacity, activeLeads: toAgent.length, lastAssignedPosition };
    });
  },
};
const newReactor = (mode: AutoAssignmentMode = 'round_robin', dispatch = harness.dispatchContactCommand): AssignLeads =>
  new AssignLeads(mode, harness.log.events, queue, dispatch, harness.clock);

const react = async (reactor: AssignLeads, event: RecordedEvent | undefined): Promise<void> =>
  reactor.react(event!, new AbortController().signal);
const reactToAll = async (reactor: AssignLeads): Promise<void> => {
  for (const event of await harness.readAllEvents())
    if (reactor.eventTypes.some((type) => type === event.type)) await react(reactor, event);
};
const listAssignments = async (): Promise<readonly (readonly [string, string])[]> =>
  (await harness.readEventsOfType('LeadAssigned')).map(({ data }) => [data.leadId, data.to] as const);

describe('AssignLeads', () => {
  it('assigns waiting leads to the agents in rotation, longest waiting first, with mode and cause', async () => {
    await harness.registerAgent('ana');
    await harness.registerAgent('ben');
    const leads = [await harness.createLead('c-1'), await harness.createLead('c-2'), await harness.createLead('c-3')];
    const [cause] = await harness.readEventsOfType('LeadOpened');
    await react(newReactor(), cause);
    expect(await listAssignments()).toEqual([
      [leads[0], 'ana'],
      [leads[1], 'ben'],
      [leads[2], 'ana'],
    ]);
    for (const { data, meta } of await harness.readEventsOfType('LeadAssigned')) {
      expect(data.mode).toBe('round_robin');
      expect(meta).toMatchObject({ actor: { type: 'system', id: 'assign-leads' }, causation: cause?.id });
    }
  });

  it('leaves leads waiting while no agent has capacity, and assigns them when an agent is registered', async () => {
    await harness.registerAgent('ana', 1);
    const [first, second] = [await harness.createLead('c-1'), await harness.createLead('c-2')];
    const reactor = newReactor();
    await reactToAll(reactor);
    expect(await listAssignments()).toEqual([[first, 'ana']]);
    await harness.registerAgent('ben', 1);
    await reactToAll(reactor);
    expect(await listAssignments()).toEqual([
      [first, 'ana'],
      [second, 'ben'],
    ]);
  });

  it('assigns to the agent with the fewest leads in mode least_loaded', async () => {
    await harness.registerAgent('ana');
    await harness.assign(await harness.createLead('c-1'), 'ana');
    await harness.registerAgent('ben');
    const lead = await harness.createLead('c-2');
    await reactToAll(newReactor('least_loaded'));
    expect(await listAssignments()).toContainEqual([lead, 'ben']);
  });

  it('reads the assignment queue once for a backlog of events that the first pass has covered', async () => {
    await harness.registerAgent('ana');
    for (const contactId of ['c-1', 'c-2', 'c-3']) await harness.createLead(contactId);
    await reactToAll(newReactor());
    // The first read assigns all leads, and the second finds none waiting.
    expect(queueReads).toBe(2);
  });

  it('does not read the assignment queue after events that free no capacity', async () => {
    await harness.registerAgent('ana');
    const leadId = await harness.createLead('c-1');
    await harness.assign(leadId, 'ana');
    await harness.changeStatus(leadId, 'contacted');
    const [assigned] = await harness.readEventsOfType('LeadAssigned');
    const [changed] = await harness.readEventsOfType('LeadStatusChanged');
    for (const event of [assigned, changed]) await react(newReactor(), event);
    expect(queueReads).toBe(0);
    await harness.changeStatus(leadId, 'lost');
    await react(newReactor(), (await harness.readEventsOfType('LeadStatusChanged')).at(-1));
    expect(queueReads).toBe(1);
  });

  it('drops its decisions if another worker was faster, and reads the assignment queue again', async () => {
    await harness.registerAgent('ana');
    await harness.registerAgent('ben');
    const leads = [await harness.createLead('c-1'), await harness.createLead('c-2'), await harness.createLead('c-3')];
    let isFirst = true;
    const overtaken = newReactor('round_robin', async (command, context) => {
      if (isFirst) {
        isFirst = false;
        await reactToAll(newReactor());
      }
      return harness.dispatchContactCommand(command, context);
    });
    await react(overtaken, (await harness.readEventsOfType('LeadOpened'))[0]);
    expect(await listAssignments()).toEqual([
      [leads[0], 'ana'],
      [leads[1], 'ben'],
      [leads[2], 'ana'],
    ]);
  });

  it('assigns no lead when it receives the same events again', async () => {
    await harness.registerAgent('ana');
    await harness.createLead('c-1');
    await reactToAll(newReactor());
    const head = await harness.log.events.head();
    await reactToAll(newReactor());
    expect(await harness.log.events.head()).toBe(head);
  });

  it('assigning leads fails while the log is unavailable, so that the event is retried', async () => {
    await harness.registerAgent('ana');
    await harness.createLead('c-1');
    const unavailable = newReactor('round_robin', async () => Promise.reject(new Unavailable('down')));
    await expect(reactToAll(unavailable)).rejects.toThrow(Unavailable);
  });
});
