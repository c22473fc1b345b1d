import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentHandler, AgentCommandMessage, type AgentCommandInput } from '#commands/agent.handler';
import { Clock } from '#commands/clock';
import { ContactCommandMessage, ContactHandler, type ContactCommandInput } from '#commands/contact.handler';
import { buildCommandContext, type CommandContext } from '#commands/command-context';
import { DeciderService } from '#commands/decider-service';
import { IdKey } from '#commands/id-key';
import { IdempotencyService } from '#commands/idempotency-service';
import type { EventType, RecordedEvent } from '#domain/event';
import type { ActiveStatus, FinalStatus } from '#domain/lead/lead.vocabulary';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';

/** A log, command handlers and a view store, as automations need them, without an HTTP server and projections. */
export class AutomationHarness {
  private readonly folder = mkdtempSync(join(tmpdir(), 'leadstream-automation-'));
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

  /** New handlers on the same log, with empty caches. */
  restart(): void {
    const now = (): string => this.clock.now();
    this.deciderService = new DeciderService(this.log.events, now);
    const idempotency = new IdempotencyService(this.log.responses, now);
    this.contacts = new ContactHandler(this.deciderService, idempotency, new IdKey('a secret of sixteen'));
    this.agents = new AgentHandler(this.deciderService, idempotency);
  }

  /** The context of a command that a service sends now. */
  createContext(): CommandContext {
    return buildCommandContext({
      org: 'default',
      actor: { type: 'service', id: 'test' },
      now: this.clock.now(),
      correlation: 'c',
      causation: 'c',
    });
  }

  readonly dispatchContactCommand = async (input: ContactCommandInput, context: CommandContext) =>
    (await this.contacts.execute(new ContactCommandMessage(input, context))).response;

  executeContactCommand(input: ContactCommandInput) {
    return this.dispatchContactCommand(input, this.createContext());
  }
  executeAgentCommand(input: AgentCommandInput) {
    return this.agents.execute(new AgentCommandMessage(input, this.createContext()));
  }

  /** Returns the id of the new lead. */
  async createLead(contactId: string): Promise<string> {
    const { createdId } = await this.executeContactCommand({
      type: 'CreateLead',
      contactId,
      profile: {},
      channel: null,
      origin: 'manual',
      note: null,
    });
    return createdId ?? '';
  }
  assign(leadId: string, agentId: string) {
    return this.executeContactCommand({
      type: 'AssignAgent',
      leadId,
      agentId,
      mode: 'manual',
      moveFollowUps: true,
      note: null,
      onlyIf: null,
    });
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

  async readEventsOfType<T extends EventType>(type: T): Promise<readonly RecordedEvent<T>[]> {
    return (await this.readAllEvents()).filter((event): event is RecordedEvent<T> => event.type === type);
  }
}
