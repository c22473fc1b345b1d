import { Command } from 'commander';
import { agentStream, deriveContactKey, contactStream } from '#commands/ids';
import { agentDecider, type Agent } from '#domain/agent/agent.decide';
import type { AgentEvent } from '#domain/agent/agent.events';
import { UnreadableEvent } from '#domain/event-codec';
import type { Actor, EventType, RecordedEvent } from '#domain/event';
import type { AgentNameResolver } from '#domain/lead/lead.shown';
import { ordinalOf, parseLeadId } from '#domain/lead/lead.id';
import type { EventStore } from '#event-store/event-store';
import { referencedAgentIds } from '#projections/lead-history/lead-history.query';
import { summarizeEvent } from '#projections/lead-history/lead-history.summary';
import type { Settings } from '#wiring/settings';
import { loadIdKey } from '#wiring/stores';
import { withStores } from './stores.js';
import { CliError } from './cli-error.js';
import { escapeForTerminal } from './terminal.js';

const pageSize = 1_000;

export const stream = new Command('stream')
  .description('tells what a stream holds, oldest first')
  .argument('<id>', "a stream's name, a lead's id, agent:<id> or contact:<contactId>")
  .option('--org <id>', 'the organization that the lead, agent or contact belongs to', 'default')
  .option('--json', 'the events as they are stored, one a line, for programs')
  .action((id: string, { org, json }: { org: string; json?: true }) =>
    withStores(async ({ settings, log }) => {
      const name = streamNamed(id, org, settings);
      const names = new AgentNames(log);
      let any = false;
      for await (const found of everyEvent(log, name)) {
        any = true;
        if (found instanceof UnreadableEvent) {
          process.exitCode = 1;
          const line = `${place(found.location.version)}can't be read: ${found.reason}`;
          (json ? console.error : console.log)(escapeForTerminal(line));
        } else
          console.log(escapeForTerminal(json ? JSON.stringify(found) : inWords(found, await names.shownIn(found))));
      }
      if (!any) throw new CliError(`There is no stream ${name}.`);
    }),
  );

function streamNamed(id: string, org: string, settings: Settings): string {
  const [, kind, of = ''] = /^(agent|contact):(.+)$/s.exec(id) ?? [];
  if (kind === 'agent') return agentStream(org, of);
  if (kind === 'contact') return contactStream(org, deriveContactKey(loadIdKey(settings, { create: false }), org, of));
  const contactKey = parseLeadId(id)?.contactKey;
  return contactKey === undefined ? id : contactStream(org, contactKey);
}

/** What can't be read comes in its place, and does not end it. */
async function* everyEvent(log: EventStore, name: string): AsyncGenerator<RecordedEvent | UnreadableEvent> {
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
      limit = error.location.version - 1 - version;
      if (limit > 0) continue;
      yield error;
      version = error.location.version;
      limit = pageSize;
    }
  }
}

/** What agents are called today, from their own streams. */
class AgentNames {
  private readonly names = new Map<string, string | null>();

  constructor(private readonly log: EventStore) {}

  async shownIn({ org, meta, data }: RecordedEvent): Promise<AgentNameResolver> {
    for (const id of referencedAgentIds({ actor: meta.actor, data }))
      if (!this.names.has(id)) this.names.set(id, await this.read(agentStream(org, id)));
    return (id) => this.names.get(id) ?? null;
  }

  private async read(name: string): Promise<string | null> {
    let state: Agent = agentDecider.initialState;
    for await (const event of everyEvent(this.log, name))
      if (!(event instanceof UnreadableEvent)) state = agentDecider.evolve(state, event as RecordedEvent & AgentEvent);
    return state.known ? state.name : null;
  }
}

const place = (version: number): string => `${String(version).padStart(5)}  `;

function inWords(event: RecordedEvent, nameOf: AgentNameResolver): string {
  const { actor, occurredAt } = event.meta;
  return `${place(event.version)}${occurredAt.replace('T', ' ')}  ${capitalized(sentence(event, nameOf))} — ${by(actor, nameOf)}`;
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const by = ({ type, id }: Actor, nameOf: AgentNameResolver): string =>
  type === 'agent' ? `agent ${nameOf(id) ?? id}` : `${type} ${id}`;

/** What no lead's history tells. */
const told: { readonly [T in EventType]?: (event: RecordedEvent<T>) => string } = {
  AgentRegistered: ({ data, personal }) => `${personal.name} registered, with room for ${room(data.capacity)}`,
  AgentRenamed: ({ personal }) => `Renamed from ${personal.from} to ${personal.to}`,
  AgentCapacityChanged: ({ data }) => `Room for ${room(data.to)} instead of ${room(data.from)}`,
};

function sentence(event: RecordedEvent, nameOf: AgentNameResolver): string {
  const tell = told[event.type] as ((event: RecordedEvent) => string) | undefined;
  if (tell) return tell(event);
  const data = { ...event.data, ...('personal' in event ? event.personal : {}) };
  const summary = summarizeEvent(event.type, data, nameOf);
  if (summary === event.type) return spoken(event.type);
  return 'leadId' in event.data && event.type !== 'LeadOpened'
    ? `${summary}, on lead ${ordinalOf(event.data.leadId)}`
    : summary;
}

/** "AgentDeactivated" as "Agent deactivated". */
const spoken = (type: string): string => type.replace(/(?<!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const room = (capacity: number | null): string => (capacity === null ? 'any number of leads' : `${capacity} leads`);
