import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AutoAssignmentMode } from '#domain/agent/agent.rotation';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { Unavailable } from '#event-store/event-store';
import { AutomationHarness } from '#test/support/automation-harness';
import { AssignLeads, type AssignmentQueue } from './assign-leads.reactor.js';

let stage: AutomationHarness;
let looks: number;
beforeEach(() => {
  stage = new AutomationHarness();
  looks = 0;
});
afterEach(() => stage.close());

/** Told by the log itself, as views would tell it: active leads without an agent, and agents with what they have. */
const room: AssignmentQueue = {
  waitForPosition: async () => undefined,
  longestWaiting: async () => {
    looks += 1;
    const waiting = new Map<string, string>();
    for (const { type, data, meta } of await stage.readAllEvents()) {
      if (type === 'LeadOpened' || type === 'LeadUnassigned') waiting.set(data.leadId, meta.occurredAt);
      if (type === 'LeadAssigned' || (type === 'LeadStatusChanged' && isFinal(data.to))) waiting.delete(data.leadId);
    }
    return [...waiting].map(([leadId, waitingSince]) => ({ leadId, waitingSince }));
  },
  activeAgents: async () => {
    const turns = await stage.readEventsOfType('LeadAssigned');
    return (await stage.readEventsOfType('AgentRegistered')).map(({ data: { agentId: id, capacity } }) => {
      const own = turns.filter((it) => it.data.to === id);
      return { id, capacity, activeLeads: own.length, lastAssignedPosition: own.at(-1)?.position ?? null };
    });
  },
};
const reaction = (mode: AutoAssignmentMode = 'round_robin', door = stage.dispatchContactCommand): AssignLeads =>
  new AssignLeads(mode, stage.log.events, room, door, stage.clock);

const meet = async (it: AssignLeads, event: RecordedEvent | undefined): Promise<void> =>
  it.react(event!, new AbortController().signal);
/** Every event of the log, one after another. */
const meetAll = async (it: AssignLeads): Promise<void> => {
  for (const event of await stage.readAllEvents())
    if (it.eventTypes.some((type) => type === event.type)) await meet(it, event);
};
const given = async (): Promise<readonly (readonly [string, string])[]> =>
  (await stage.readEventsOfType('LeadAssigned')).map(({ data }) => [data.leadId, data.to] as const);

describe('Leads that wait', () => {
  it('get the agents in turn, the oldest first, each told as automatic and by its cause', async () => {
    await stage.registerAgent('ana');
    await stage.registerAgent('ben');
    const leads = [await stage.createLead('c-1'), await stage.createLead('c-2'), await stage.createLead('c-3')];
    const [cause] = await stage.readEventsOfType('LeadOpened');
    await meet(reaction(), cause);
    expect(await given()).toEqual([
      [leads[0], 'ana'],
      [leads[1], 'ben'],
      [leads[2], 'ana'],
    ]);
    for (const { data, meta } of await stage.readEventsOfType('LeadAssigned')) {
      expect(data.mode).toBe('round_robin');
      expect(meta).toMatchObject({ actor: { type: 'system', id: 'assign-leads' }, causation: cause?.id });
    }
  });

  it('wait on while nobody has room, and are served when somebody comes', async () => {
    await stage.registerAgent('ana', 1);
    const [first, second] = [await stage.createLead('c-1'), await stage.createLead('c-2')];
    const it = reaction();
    await meetAll(it);
    expect(await given()).toEqual([[first, 'ana']]);
    await stage.registerAgent('ben', 1);
    await meetAll(it);
    expect(await given()).toEqual([
      [first, 'ana'],
      [second, 'ben'],
    ]);
  });

  it('go to whoever has the fewest, if so asked for', async () => {
    await stage.registerAgent('ana');
    await stage.assign(await stage.createLead('c-1'), 'ana');
    await stage.registerAgent('ben');
    const lead = await stage.createLead('c-2');
    await meetAll(reaction('least_loaded'));
    expect(await given()).toContainEqual([lead, 'ben']);
  });
});

describe('A look at the queue', () => {
  it('serves a backlog of events at once: what it has seen needs no look of its own', async () => {
    await stage.registerAgent('ana');
    for (const contactId of ['c-1', 'c-2', 'c-3']) await stage.createLead(contactId);
    await meetAll(reaction());
    // One that gives turns, and one that finds nobody waiting.
    expect(looks).toBe(2);
  });

  it('is not taken for what makes no room', async () => {
    await stage.registerAgent('ana');
    const leadId = await stage.createLead('c-1');
    await stage.assign(leadId, 'ana');
    await stage.changeStatus(leadId, 'contacted');
    const [assigned] = await stage.readEventsOfType('LeadAssigned');
    const [moved] = await stage.readEventsOfType('LeadStatusChanged');
    for (const event of [assigned, moved]) await meet(reaction(), event);
    expect(looks).toBe(0);
    await stage.changeStatus(leadId, 'lost');
    await meet(reaction(), (await stage.readEventsOfType('LeadStatusChanged')).at(-1));
    expect(looks).toBe(1);
  });

  it('is dropped where another worker was quicker, and taken anew', async () => {
    await stage.registerAgent('ana');
    await stage.registerAgent('ben');
    const leads = [await stage.createLead('c-1'), await stage.createLead('c-2'), await stage.createLead('c-3')];
    let isFirst = true;
    const overtaken = reaction('round_robin', async (ask, envelope) => {
      if (isFirst) {
        isFirst = false;
        await meetAll(reaction());
      }
      return stage.dispatchContactCommand(ask, envelope);
    });
    await meet(overtaken, (await stage.readEventsOfType('LeadOpened'))[0]);
    expect(await given()).toEqual([
      [leads[0], 'ana'],
      [leads[1], 'ben'],
      [leads[2], 'ana'],
    ]);
  });

  it('gives no turn again for an event that is met again', async () => {
    await stage.registerAgent('ana');
    await stage.createLead('c-1');
    await meetAll(reaction());
    const head = await stage.log.events.head();
    await meetAll(reaction());
    expect(await stage.log.events.head()).toBe(head);
  });

  it('fails where the log is out of reach, to be tried again', async () => {
    await stage.registerAgent('ana');
    await stage.createLead('c-1');
    const away = reaction('round_robin', async () => Promise.reject(new Unavailable('down')));
    await expect(meetAll(away)).rejects.toThrow(Unavailable);
  });
});
