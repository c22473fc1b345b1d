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
  const ids = found.rows.map(({ row }) => row.agent.id);
  const activeLeads = await countLeadsOfAgents(reader, org, ids);
  return toListPage(
    found,
    found.rows.map(({ row }) => toResource(row, activeLeads.get(row.agent.id) ?? 0)),
  );
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
  if (row?.org !== org) return undefined;
  return { agent: toResource(row, await countActiveLeadsOfAgent(reader, org, agentId)), version: row.agent.version };
}

/** Active leads that were assigned to the agent before a position, in the order of their assignment. */
export async function* listLeadsAssignedBefore(
  reader: ViewReader,
  org: string,
  agentId: string,
  position: Position,
): AsyncGenerator<AssignedLead> {
  const pages = readPages<AssignedLead>(reader, 'leads', {
    where: [...activeLeadsOf(org, [agentId]), { column: 'assignedIn', to: position }],
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

/** Counts an agent's active leads. */
export const countActiveLeadsOfAgent = (reader: ViewReader, org: string, agentId: string): Promise<number> =>
  reader.count('leads', { where: activeLeadsOf(org, [agentId]) });

/** The active leads of each agent that has any, in one query. */
async function countLeadsOfAgents(
  reader: ViewReader,
  org: string,
  agentIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (agentIds.length === 0) return new Map();
  const groups = await reader.group('leads', { where: activeLeadsOf(org, agentIds), by: ['agentId'] });
  return new Map(groups.map(({ values: [agentId], count }) => [agentId as string, count]));
}

const agentConditions = (org: string, active: boolean | null): RowQuery['where'] => [
  { column: 'org', in: [org] },
  ...(active === null ? [] : [{ column: 'active', in: [active ? 1 : 0] }]),
];

const activeLeadsOf = (org: string, agentIds: readonly string[]): RowQuery['where'] => [
  { column: 'org', in: [org] },
  { column: 'agentId', in: agentIds },
  { column: 'active', in: [1] },
];

/** Leads are counted on read, by index: to maintain a stored count, every lead event would have to look up its agent's row. */
function toResource({ agent }: AgentRow, activeLeads: number): AgentResource {
  const { id, name, email, capacity, active, createdAt } = agent;
  return { id, name, email, capacity, active, activeLeads, createdAt };
}
