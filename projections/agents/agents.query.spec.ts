import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, positionAt, openTestView } from '#test/support/view-harness';
import { agentsView } from './agents.projection.js';
import {
  listActiveAgents,
  countActiveLeadsOfAgent,
  countAgents,
  listLeadsAssignedBefore,
  listAgents,
  loadAgent,
} from './agents.query.js';

const inOtherOrg = (events: readonly RecordedEvent[]) => events.map((event) => ({ ...event, org: 'org-2' }));
const agent = (agentId: string, clock: string, changes: Partial<Parameters<typeof commands.changeAgent>[0]> = {}) =>
  commands.givenAgent(
    commands.at(
      clock,
      commands.registerAgent({ agentId, name: `Agent ${agentId}`, email: `${agentId}@example.test`, capacity: 5 }),
    ),
    commands.at('12:00', commands.changeAgent({ agentId, ...changes })),
  ).events;
const lead = (contactKey: string, agentId: string, ...steps: readonly commands.ContactStep[]) =>
  commands.given(
    commands.interaction({ contactKey }),
    commands.assign(agentId, { leadId: `${contactKey}-1` }),
    ...steps,
  ).events;
/** More leads than fit on one page. */
const leadsOfCem = Array.from({ length: 201 }, (_, index) => lead(`many${index}`, 'cem'));
const log = mergeIntoLog(
  agent('cem', '09:00'),
  agent('ana', '08:00', { capacity: null }),
  agent('ben', '10:00', { active: false }),
  inOtherOrg(agent('ana', '07:00')),
  lead('c1', 'ana'),
  lead('c2', 'ana'),
  lead('c3', 'ana', commands.changeStatus('lost', { leadId: 'c3-1' })),
  lead('c4', 'ben'),
  inOtherOrg(lead('c5', 'ana')),
  ...leadsOfCem,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(agentsView, log);
});
afterAll(() => view.close());

const ana = {
  id: 'ana',
  name: 'Agent ana',
  email: 'ana@example.test',
  capacity: null,
  active: true,
  activeLeads: 2,
  createdAt: commands.time('08:00'),
};

describe('Agents query', () => {
  it('lists the agents of an organization, oldest first, with the number of active leads of each', async () => {
    const { items, checkpoint } = await listAgents(view.reader, commands.org, null, { limit: 10 });
    expect(items.map(({ id, activeLeads }) => [id, activeLeads])).toEqual([['ana', 2], ['cem', 201], ['ben', 1]]); // prettier-ignore
    expect(items[0]).toEqual(ana);
    expect(checkpoint).toBe(log.at(-1)?.position);
    expect(await countAgents(view.reader, commands.org, null)).toBe(3);
    expect(await countActiveLeadsOfAgent(view.reader, commands.org, 'ana')).toBe(2);
  });

  it('filters agents by active state, and pages through them', async () => {
    const firstPage = await listAgents(view.reader, commands.org, true, { limit: 1 });
    expect(firstPage.items.map(({ id }) => id)).toEqual(['ana']);
    const nextPage = await listAgents(view.reader, commands.org, true, { limit: 1, after: firstPage.last! });
    expect(nextPage).toMatchObject({ items: [{ id: 'cem' }], last: null });
    expect(await countAgents(view.reader, commands.org, true)).toBe(2);
    const inactive = await listAgents(view.reader, commands.org, false, { limit: 10 });
    expect(inactive).toMatchObject({ items: [{ id: 'ben', active: false }] });
    expect(await countAgents(view.reader, commands.org, false)).toBe(1);
  });

  it('loads an agent with its version, only for its own organization', async () => {
    expect(await loadAgent(view.reader, commands.org, 'ana')).toEqual({ agent: ana, version: 2 });
    expect(await loadAgent(view.reader, 'org-2', 'ana')).toMatchObject({ agent: { activeLeads: 1 } });
    expect(await loadAgent(view.reader, 'org-2', 'cem')).toBeUndefined();
  });

  it('lists the active leads assigned to an agent before a position, in order of assignment, across pages', async () => {
    const leadsBefore = async (agentId: string, position: string) => {
      const ids: string[] = [];
      for await (const { leadId } of listLeadsAssignedBefore(view.reader, commands.org, agentId, position))
        ids.push(leadId);
      return ids;
    };
    expect(await leadsBefore('ana', positionAt(9_999))).toEqual(['c1-1', 'c2-1']);
    const second = log.findLast((event) => event.type === 'LeadAssigned' && event.data.leadId === 'c2-1')!;
    expect(await leadsBefore('ana', second.position)).toEqual(['c1-1']);
    expect(await leadsBefore('cem', positionAt(9_999))).toEqual(leadsOfCem.map((_, index) => `many${index}-1`));
  });

  it('lists active agents in order of registration', async () =>
    expect(await listActiveAgents(view.reader, commands.org)).toEqual([
      { id: 'ana', capacity: null },
      { id: 'cem', capacity: 5 },
    ]));

  it('lists all active agents even if they do not fit on one page', async () => {
    const ids = Array.from({ length: 1_001 }, (_, index) => `agent-${String(index).padStart(4, '0')}`);
    const registrations = ids.map((agentId) => commands.givenAgent(commands.registerAgent({ agentId })).events);
    const largeView = await openTestView(agentsView, mergeIntoLog(...registrations));
    try {
      expect((await listActiveAgents(largeView.reader, commands.org)).map(({ id }) => id)).toEqual(ids);
    } finally {
      await largeView.close();
    }
  });
});
