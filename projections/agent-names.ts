import type { RecordedEvent } from '#domain/event';
import { defineTable } from '#read-model/view';
import type { RowReader } from '#read-model/view-store';
import type { AgentNameResolver } from '#resources/agent-reference';

interface AgentName {
  readonly name: string;
}

const toKey = (org: string, agentId: string): string => `${org}/${agentId}`;

const agentKey = ({ org, data }: RecordedEvent<'AgentRegistered' | 'AgentRenamed'>): string => toKey(org, data.agentId);

/** The table `agents` of views whose rows contain agent ids. Names are added on read. */
export const agentNames = defineTable<AgentName>()({
  on: {
    AgentRegistered: { key: agentKey, apply: (_, event) => ({ name: event.personal.name }) },
    AgentRenamed: { key: agentKey, apply: (_, event) => ({ name: event.personal.to }) },
  },
  columns: {},
  indexes: [],
});

/** Loads the names of these agents from the table `agents` of a view. */
export async function loadAgentNames(
  reader: RowReader,
  org: string,
  ids: Iterable<string | null>,
): Promise<AgentNameResolver> {
  const keys = [...new Set(ids)].filter((id) => id !== null).map((id) => toKey(org, id));
  const names = keys.length > 0 ? await reader.get<AgentName>('agents', keys) : new Map<string, AgentName>();
  return (agentId) => names.get(toKey(org, agentId))?.name ?? null;
}
