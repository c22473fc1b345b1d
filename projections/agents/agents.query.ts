import type { Position } from '#domain/event-envelope';
import type { RowQuery, ViewReader } from '#read-model/view-store';
import { toListPage, type ListPage } from '../page.js';
import { agentKey, type AgentRow, type LeadOfAgent } from './agents.projection.js';

/** An agent as callers see it. */
export interface AgentResource {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  /** How many active leads the agent has room for; null is no limit. */
  readonly capacity: number | null;
  readonly active: boolean;
  readonly activeLeads: number;
  readonly createdAt: string;
}

/** Oldest first. `active` null: all. */
export async function listAgents(
  reader: ViewReader,
  org: string,
  active: boolean | null,
  page: Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<AgentResource>> {
  const found = await reader.find<AgentRow>('agents', {
    where: conditions(org, active),
    sort: { column: 'createdAt', descending: false },
    ...page,
  });
  return toListPage(found, await Promise.all(found.rows.map(({ row }) => shown(reader, row))));
}

export const countAgents = (reader: ViewReader, org: string, active: boolean | null): Promise<number> =>
  reader.count('agents', { where: conditions(org, active) });

/** One agent and its version; undefined when the organization has no such agent. */
export async function loadAgent(
  reader: ViewReader,
  org: string,
  agentId: string,
): Promise<{ agent: AgentResource; version: number } | undefined> {
  const key = agentKey(org, agentId);
  const row = (await reader.get<AgentRow>('agents', [key])).get(key);
  return row?.org === org ? { agent: await shown(reader, row), version: row.agent.version } : undefined;
}

/** Active leads assigned to the agent before a position, in the order of their assignment. */
export async function* listLeadsAssignedBefore(
  reader: ViewReader,
  org: string,
  agentId: string,
  position: Position,
): AsyncGenerator<LeadOfAgent> {
  let after: RowQuery['after'];
  for (;;) {
    const { rows, hasMore: more } = await reader.find<LeadOfAgent>('leads', {
      where: [...whose(org, agentId), { column: 'assignedIn', to: position }],
      sort: { column: 'assignedIn', descending: false },
      limit: 200,
      ...(after ? { after } : {}),
    });
    for (const { row, key, sortValue } of rows) {
      after = { value: sortValue, key };
      yield row;
    }
    if (!more) return;
  }
}

/** Every active agent with its room, in the order of their registration. */
export async function listActiveAgents(
  reader: ViewReader,
  org: string,
): Promise<readonly { readonly id: string; readonly capacity: number | null }[]> {
  const agents: { readonly id: string; readonly capacity: number | null }[] = [];
  let after: RowQuery['after'];
  for (;;) {
    const { rows, hasMore: more } = await reader.find<AgentRow>('agents', {
      where: conditions(org, true),
      sort: { column: 'createdAt', descending: false },
      limit: 1_000,
      ...(after ? { after } : {}),
    });
    for (const { row, key, sortValue } of rows) {
      after = { value: sortValue, key };
      agents.push({ id: row.agent.id, capacity: row.agent.capacity });
    }
    if (!more) return agents;
  }
}

/** How many active leads are an agent's. */
export const countLeadsOfAgent = (reader: ViewReader, org: string, agentId: string): Promise<number> =>
  reader.count('leads', { where: whose(org, agentId) });

const conditions = (org: string, active: boolean | null): RowQuery['where'] => [
  { column: 'org', in: [org] },
  ...(active === null ? [] : [{ column: 'active', in: [active ? 1 : 0] }]),
];

const whose = (org: string, agentId: string): RowQuery['where'] => [
  { column: 'org', in: [org] },
  { column: 'agentId', in: [agentId] },
  { column: 'active', in: [1] },
];

/** Leads are counted when asked, by index: a stored count would have to be looked up to be kept. */
async function shown(reader: ViewReader, { org, agent }: AgentRow): Promise<AgentResource> {
  const { id, name, email, capacity, active, createdAt } = agent;
  const activeLeads = await countLeadsOfAgent(reader, org, id);
  return { id, name, email, capacity, active, activeLeads, createdAt };
}
