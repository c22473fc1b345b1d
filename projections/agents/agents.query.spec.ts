import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import * as ask from '#test/support/given-when-then';
import { mergeIntoLog, positionAt, openTestView } from '#test/support/view-harness';
import { agentsView } from './agents.projection.js';
import {
  listActiveAgents,
  countLeadsOfAgent,
  countAgents,
  listLeadsAssignedBefore,
  listAgents,
  loadAgent,
} from './agents.query.js';

const elsewhere = (events: readonly RecordedEvent[]) => events.map((event) => ({ ...event, org: 'org-2' }));
const agent = (agentId: string, clock: string, of: Partial<Parameters<typeof ask.changeAgent>[0]> = {}) =>
  ask.givenAgent(
    ask.at(
      clock,
      ask.registerAgent({ agentId, name: `Agent ${agentId}`, email: `${agentId}@example.test`, capacity: 5 }),
    ),
    ask.at('12:00', ask.changeAgent({ agentId, ...of })),
  ).events;
const lead = (contactKey: string, agentId: string, ...more: readonly ask.ContactStep[]) =>
  ask.given(ask.interaction({ contactKey }), ask.assign(agentId, { leadId: `${contactKey}-1` }), ...more).events;
const many = Array.from({ length: 201 }, (_, nth) => lead(`many${nth}`, 'cem'));
const log = mergeIntoLog(
  agent('cem', '09:00'),
  agent('ana', '08:00', { capacity: null }),
  agent('ben', '10:00', { active: false }),
  elsewhere(agent('ana', '07:00')),
  lead('c1', 'ana'),
  lead('c2', 'ana'),
  lead('c3', 'ana', ask.changeStatus('lost', { leadId: 'c3-1' })),
  lead('c4', 'ben'),
  elsewhere(lead('c5', 'ana')),
  ...many,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(agentsView, log);
});
afterAll(() => view.close());

const ana = {
  ...{ id: 'ana', name: 'Agent ana', email: 'ana@example.test', capacity: null },
  ...{ active: true, activeLeads: 2, createdAt: ask.time('08:00') },
};

describe('Agents, asked', () => {
  it('are those of one organization, oldest first, with how many active leads they have', async () => {
    const { items, checkpoint } = await listAgents(view.reader, ask.org, null, { limit: 10 });
    expect(items.map((it) => [it.id, it.activeLeads])).toEqual([['ana', 2], ['cem', 201], ['ben', 1]]); // prettier-ignore
    expect(items[0]).toEqual(ana);
    expect(checkpoint).toBe(log.at(-1)?.position);
    expect(await countAgents(view.reader, ask.org, null)).toBe(3);
    expect(await countLeadsOfAgent(view.reader, ask.org, 'ana')).toBe(2);
  });

  it('are told apart by whether they work, and come by pages', async () => {
    const working = await listAgents(view.reader, ask.org, true, { limit: 1 });
    expect(working.items.map((it) => it.id)).toEqual(['ana']);
    const next = await listAgents(view.reader, ask.org, true, { limit: 1, after: working.last! });
    expect(next).toMatchObject({ items: [{ id: 'cem' }], last: null });
    expect(await countAgents(view.reader, ask.org, true)).toBe(2);
    const left = await listAgents(view.reader, ask.org, false, { limit: 10 });
    expect(left).toMatchObject({ items: [{ id: 'ben', active: false }] });
    expect(await countAgents(view.reader, ask.org, false)).toBe(1);
  });

  it('are told one by one, each with its version, to their own organization', async () => {
    expect(await loadAgent(view.reader, ask.org, 'ana')).toEqual({ agent: ana, version: 2 });
    expect(await loadAgent(view.reader, 'org-2', 'ana')).toMatchObject({ agent: { activeLeads: 1 } });
    expect(await loadAgent(view.reader, 'org-2', 'cem')).toBeUndefined();
  });
});

describe('The leads of an agent', () => {
  const before = async (agentId: string, position: string) => {
    const ids: string[] = [];
    for await (const { leadId } of listLeadsAssignedBefore(view.reader, ask.org, agentId, position)) ids.push(leadId);
    return ids;
  };

  it('are its active ones by their assignment, up to a position, however many', async () => {
    expect(await before('ana', positionAt(9_999))).toEqual(['c1-1', 'c2-1']);
    const second = log.findLast((it) => it.type === 'LeadAssigned' && it.data.leadId === 'c2-1')!;
    expect(await before('ana', second.position)).toEqual(['c1-1']);
    expect(await before('cem', positionAt(9_999))).toEqual(many.map((_, nth) => `many${nth}-1`));
  });
});

describe('Those who can be given a lead', () => {
  it('are the agents that work, in the order of their registration', async () =>
    expect(await listActiveAgents(view.reader, ask.org)).toEqual([
      { id: 'ana', capacity: null },
      { id: 'cem', capacity: 5 },
    ]));

  it('are all of many', async () => {
    const ids = Array.from({ length: 1_001 }, (_, nth) => `agent-${String(nth).padStart(4, '0')}`);
    const large = await openTestView(agentsView, mergeIntoLog(...ids.map((agentId) => ask.givenAgent(ask.registerAgent({ agentId })).events))); // prettier-ignore
    try {
      expect((await listActiveAgents(large.reader, ask.org)).map(({ id }) => id)).toEqual(ids);
    } finally {
      await large.close();
    }
  });
});
