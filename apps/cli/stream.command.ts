import { Command } from 'commander';
import { agentStream, contactStream, deriveContactKey } from '#commands/ids';
import { agentDecider, type Agent } from '#domain/agent/agent.decide';
import type { AgentEvent } from '#domain/agent/agent.events';
import type { Actor } from '#domain/event-envelope';
import type { EventType, RecordedEvent } from '#domain/event';
import { UnreadableEvent } from '#domain/event-codec';
import { ordinalOf, parseLeadId } from '#domain/lead/lead.id';
import type { AgentNameResolver } from '#resources/agent-reference';
import type { EventStore } from '#event-store/event-store';
import { referencedAgentIds } from '#projections/lead-history/lead-history.query';
import { summarizeEvent } from '#projections/lead-history/lead-history.summary';
import { OperatorError } from '#wiring/operator-error';
import { openIdKey } from '#wiring/id-key';
import { withStores, type Stores } from './stores.js';
import { escapeForTerminal } from './terminal.js';

const pageSize = 1_000;

export const stream = new Command('stream')
  .description('prints the events of a stream, oldest first')
  .argument('<id>', "a stream's name, a lead's id, agent:<id> or contact:<contactId>")
  .option('--org <id>', 'organization of the agent or contact', 'default')
  .option('--json', 'print the events as they are stored, one per line')
  .action((id: string, { org, json }: { org: string; json?: true }) =>
    withStores(async (stores) => {
      const { log } = stores;
      const name = await toStreamName(id, org, stores);
      const agents = new AgentNames(log);
      let isEmpty = true;
      for await (const event of readStream(log, name)) {
        isEmpty = false;
        if (event instanceof UnreadableEvent) {
          process.exitCode = 1;
          const line = `${formatVersion(event.location.version)}cannot be read: ${event.reason}`;
          if (json) console.error(escapeForTerminal(line));
          else console.log(escapeForTerminal(line));
        } else {
          const line = json ? JSON.stringify(event) : formatEvent(event, await agents.resolverFor(event));
          console.log(escapeForTerminal(line));
        }
      }
      if (isEmpty) throw new OperatorError(`There is no stream ${name}. Check the id and --org.`);
    }),
  );

async function toStreamName(id: string, org: string, { settings, log, keyFingerprint }: Stores): Promise<string> {
  const [, kind, name = ''] = /^(agent|contact):(.+)$/s.exec(id) ?? [];
  if (kind === 'agent') return agentStream(org, name);
  if (kind === 'contact') {
    const secret = await openIdKey(settings, { events: log, keyFingerprint }, { write: false });
    return contactStream(org, deriveContactKey(secret, org, name));
  }
  const contactKey = parseLeadId(id)?.contactKey;
  return contactKey === undefined ? id : contactStream(org, contactKey);
}

/** Yields the events of a stream. An event that cannot be read is yielded as an error, and reading continues after it. */
async function* readStream(log: EventStore, name: string): AsyncGenerator<RecordedEvent | UnreadableEvent> {
  let limit = pageSize;
  for (let version = 0; ;) {
    try {
      const events = await log.read(name, version, limit);
      yield* events;
      version += events.length;
      if (events.length < limit) return;
      limit = pageSize;
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      // Read the events before the unreadable one first.
      limit = error.location.version - 1 - version;
      if (limit > 0) continue;
      yield error;
      version = error.location.version;
      limit = pageSize;
    }
  }
}

/** The current names of agents, read from their streams. */
class AgentNames {
  private readonly names = new Map<string, string | null>();

  constructor(private readonly log: EventStore) {}

  async resolverFor({ org, meta, data }: RecordedEvent): Promise<AgentNameResolver> {
    for (const id of referencedAgentIds({ actor: meta.actor, data }))
      if (!this.names.has(id)) this.names.set(id, await this.read(agentStream(org, id)));
    return (id) => this.names.get(id) ?? null;
  }

  private async read(name: string): Promise<string | null> {
    let state: Agent = agentDecider.initialState;
    for await (const event of readStream(this.log, name))
      if (!(event instanceof UnreadableEvent)) state = agentDecider.evolve(state, event as RecordedEvent & AgentEvent);
    return state.known ? state.name : null;
  }
}

const formatVersion = (version: number): string => `${String(version).padStart(5)}  `;

function formatEvent(event: RecordedEvent, nameOf: AgentNameResolver): string {
  const { actor, occurredAt } = event.meta;
  const time = occurredAt.replace('T', ' ');
  return `${formatVersion(event.version)}${time}  ${capitalize(describe(event, nameOf))} — ${formatActor(actor, nameOf)}`;
}

const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const formatActor = ({ type, id }: Actor, nameOf: AgentNameResolver): string =>
  type === 'agent' ? `agent ${nameOf(id) ?? id}` : `${type} ${id}`;

/** Summaries of events that do not appear in a lead's history. */
const agentSummaries: { readonly [Type in EventType]?: (event: RecordedEvent<Type>) => string } = {
  AgentRegistered: ({ data, personal }) => `${personal.name} registered (capacity: ${formatCapacity(data.capacity)})`,
  AgentRenamed: ({ personal }) => `Renamed from ${personal.from} to ${personal.to}`,
  AgentCapacityChanged: ({ data }) =>
    `Capacity changed from ${formatCapacity(data.from)} to ${formatCapacity(data.to)}`,
};

function describe(event: RecordedEvent, nameOf: AgentNameResolver): string {
  const summarizeAgentEvent = agentSummaries[event.type] as ((event: RecordedEvent) => string) | undefined;
  if (summarizeAgentEvent) return summarizeAgentEvent(event);
  const data = { ...event.data, ...('personal' in event ? event.personal : {}) };
  const summary = summarizeEvent(event.type, data, nameOf);
  if (summary === event.type) return splitWords(event.type);
  return 'leadId' in event.data && event.type !== 'LeadOpened'
    ? `${summary}, on lead ${ordinalOf(event.data.leadId)}`
    : summary;
}

/** "AgentDeactivated" → "Agent deactivated" */
const splitWords = (type: string): string => type.replace(/(?<!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const formatCapacity = (capacity: number | null): string => (capacity === null ? 'unlimited' : `${capacity} leads`);
