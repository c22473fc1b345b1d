import type { Position } from '#domain/event-envelope';
import { readPages, type RowQuery, type ViewReader } from '#read-model/view-store';
import { toListPage, type ListPage } from '../page.js';
import { agentKey, type AgentRow, type AssignedLead } from './agents.projection.js';

/** An agent as the API returns it. */
export interface AgentResource {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  /** The maximum number of active leads; null means no limit. */
  readonly capacity: number | null;
  readonly active: boolean;
  readonly activeLeads: number;
  readonly createdAt: string;
}

/** Lists agents, oldest first. If `active` is null, lists all of them. */
export async function listAgents(
  reader: ViewReader,
  org: string,
  active: boolean | null,
  page: Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<AgentResource>> {
  const found = await reader.find<AgentRow>('agents', {
    where: agentConditions(org, active),
    sort: { column: 'createdAt', descending: false },
    ...page,
  });
  return toListPage(found, await Promise.all(found.rows.map(({ row }) => toResource(reader, row))));
}

export const countAgents = (reader: ViewReader, org: string, active: boolean | null): Promise<number> =>
  reader.count('agents', { where: agentConditions(org, active) });

/** An agent and its version; undefined if the organization has no such agent. */
export async function loadAgent(
  reader: ViewReader,
  org: string,
  agentId: string,
): Promise<{ agent: AgentResource; version: number } | undefined> {
  const key = agentKey(org, agentId);
  const row = (await reader.get<AgentRow>('agents', [key])).get(key);
  return row?.org === org ? { agent: await toResource(reader, row), version: row.agent.version } : undefined;
}

/** Active leads that were assigned to the agent before a position, in the order of their assignment. */
export async function* listLeadsAssignedBefore(
  reader: ViewReader,
  org: string,
  agentId: string,
  position: Position,
): AsyncGenerator<AssignedLead> {
  const pages = readPages<AssignedLead>(reader, 'leads', {
    where: [...activeLeadsOf(org, agentId), { column: 'assignedIn', to: position }],
    sort: { column: 'assignedIn', descending: false },
    limit: 200,
  });
  for await (const { rows } of pages) for (const { row } of rows) yield row;
}

/** All active agents with their capacity, in the order of their registration. */
export async function listActiveAgents(
  reader: ViewReader,
  org: string,
): Promise<readonly { readonly id: string; readonly capacity: number | null }[]> {
  const agents: { readonly id: string; readonly capacity: number | null }[] = [];
  const pages = readPages<AgentRow>(reader, 'agents', {
    where: agentConditions(org, true),
    sort: { column: 'createdAt', descending: false },
    limit: 1_000,
  });
  for await (const { rows } of pages)
    for (const { row } of rows) agents.push({ id: row.agent.id, capacity: row.agent.capacity });
  return agents;
}

export const countActiveLeadsOfAgent = (reader: ViewReader, org: string, agentId: string): Promise<number> =>
  reader.count('leads', { where: activeLeadsOf(org, agentId) });

const agentConditions = (org: string, active: boolean | null): RowQuery['where'] => [
  { column: 'org', in: [org] },
  ...(active === null ? [] : [{ column: 'active', in: [active ? 1 : 0] }]),
];

const activeLeadsOf = (org: string, agentId: string): RowQuery['where'] => [
  { column: 'org', in: [org] },
  { column: 'agentId', in: [agentId] },
  { column: 'active', in: [1] },
];

/** Leads are counted on read, from an index. To maintain a stored count, every lead event would have to look up its agent's row. */
async function toResource(reader: ViewReader, { org, agent }: AgentRow): Promise<AgentResource> {
  const { id, name, email, capacity, active, createdAt } = agent;
  const activeLeads = await countActiveLeadsOfAgent(reader, org, id);
  return { id, name, email, capacity, active, activeLeads, createdAt };
}
