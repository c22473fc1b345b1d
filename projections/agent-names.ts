import type { Table } from '#read-model/view';
import type { RowReader } from '#read-model/view-store';
import type { AgentNameResolver } from '#resources/agent-reference';

/** What agents are called, kept beside rows that hold agents' ids: names are filled in when reading. */
interface AgentName {
  readonly name: string;
}

const keyOf = (org: string, agentId: string): string => `${org}/${agentId}`;

export const agentNames: Table<AgentName> = {
  keys: {
    AgentRegistered: ({ org, data }) => [keyOf(org, data.agentId)],
    AgentRenamed: ({ org, data }) => [keyOf(org, data.agentId)],
  },
  evolve(row, event) {
    if (event.type === 'AgentRegistered') return { name: event.personal.name };
    if (event.type === 'AgentRenamed') return { name: event.personal.to };
    return row;
  },
  columns: {},
  indexes: [],
};

/** The names of these agents, from the table `agents` of a view. */
export async function loadAgentNames(
  reader: RowReader,
  org: string,
  ids: Iterable<string | null>,
): Promise<AgentNameResolver> {
  const keys = [...new Set(ids)].filter((id) => id !== null).map((id) => keyOf(org, id));
  const names = keys.length > 0 ? await reader.get<AgentName>('agents', keys) : new Map<string, AgentName>();
  return (agentId) => names.get(keyOf(org, agentId))?.name ?? null;
}
