import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentHandler, AgentCommandMessage, type AgentCommandInput } from '#commands/agent.handler';
import { Clock } from '#commands/clock';
import { ContactCommandMessage, ContactHandler, type ContactCommandInput } from '#commands/contact.handler';
import type { CommandContext } from '#commands/command-context';
import { DeciderService } from '#commands/decider-service';
import { IdKey } from '#commands/id-key';
import { createCommandId } from '#commands/ids';
import { IdempotencyService } from '#commands/idempotency-service';
import type { EventType, RecordedEvent } from '#domain/event';
import type { ActiveStatus, FinalStatus } from '#domain/lead/lead.vocabulary';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';

/** What automations meet: a log, doors to commands, and where they keep what they parked. Without HTTP, and without views. */
export class AutomationHarness {
  private readonly folder = mkdtempSync(join(tmpdir(), 'leadstream-backstage-'));
  readonly clock = new Clock();
  readonly log: SqliteLog;
  readonly store: SqliteViewStore;
  deciderService!: DeciderService;
  private contacts!: ContactHandler;
  private agents!: AgentHandler;

  constructor() {
    this.log = SqliteLog.open({ file: join(this.folder, 'log.db') });
    this.store = new SqliteViewStore(join(this.folder, 'views'), { readerThread: false });
    this.restart();
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.log.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The same log, by a process that has not read anything yet. */
  restart(): void {
    const now = (): string => this.clock.now();
    this.deciderService = new DeciderService(this.log.events, now);
    const kept = new IdempotencyService(this.log.responses, now);
    this.contacts = new ContactHandler(this.deciderService, kept, new IdKey('a secret of sixteen'));
    this.agents = new AgentHandler(this.deciderService, kept);
  }

  /** By a service, now. */
  createContext(): CommandContext {
    return {
      org: 'default',
      actor: { type: 'service', id: 'test' },
      commandId: createCommandId('default', null),
      requestHash: null,
      now: this.clock.now(),
      backdated: false,
      correlation: 'c',
      causation: 'c',
      expectedVersion: null,
    };
  }

  /** Where automations ask. */
  readonly dispatchContactCommand = async (ask: ContactCommandInput, envelope: CommandContext) =>
    (await this.contacts.execute(new ContactCommandMessage(ask, envelope))).answer;

  executeContactCommand(ask: ContactCommandInput) {
    return this.dispatchContactCommand(ask, this.createContext());
  }
  executeAgentCommand(ask: AgentCommandInput) {
    return this.agents.execute(new AgentCommandMessage(ask, this.createContext()));
  }

  /** A new lead of a contact. */
  async createLead(contactId: string): Promise<string> {
    const how = { profile: {}, channel: null, origin: 'manual', note: null } as const;
    return (await this.executeContactCommand({ type: 'CreateLead', contactId, ...how })).createdId ?? '';
  }
  assign(leadId: string, agentId: string) {
    const how = { mode: 'manual', moveFollowUps: true, note: null, onlyIf: null } as const;
    return this.executeContactCommand({ type: 'AssignAgent', leadId, agentId, ...how });
  }
  changeStatus(leadId: string, status: ActiveStatus | FinalStatus) {
    return this.executeContactCommand({ type: 'ChangeStatus', leadId, status, score: null, reason: null, note: null });
  }
  registerAgent(agentId: string, capacity: number | null = null) {
    return this.executeAgentCommand({ type: 'RegisterAgent', agentId, name: agentId, email: null, capacity });
  }
  setAgentActive(agentId: string, active: boolean) {
    return this.executeAgentCommand({ type: 'ChangeAgent', agentId, active });
  }

  /** The whole log. */
  async readAllEvents(): Promise<readonly RecordedEvent[]> {
    const { events } = this.log;
    const head = await events.head();
    const found: RecordedEvent[] = [];
    if (head === events.start) return found;
    for await (const batch of events.follow(events.start, { signal: new AbortController().signal })) {
      found.push(...batch.events);
      if (batch.position >= head) break;
    }
    return found;
  }

  /** All events of a type. */
  async readEventsOfType<T extends EventType>(type: T): Promise<readonly RecordedEvent<T>[]> {
    return (await this.readAllEvents()).filter((it): it is RecordedEvent<T> => it.type === type);
  }
}
