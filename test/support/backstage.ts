import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentHandler, AskAgent, type AgentAsk } from '#commands/agent.handler';
import { Clock } from '#commands/clock';
import { AskContact, ContactHandler, type ContactAsk } from '#commands/contact.handler';
import type { Envelope } from '#commands/envelope';
import { Handling } from '#commands/handle';
import { IdKey } from '#commands/id-key';
import { commandIdOf } from '#commands/ids';
import { KeptAnswers } from '#commands/kept-answers';
import type { EventType, Recorded } from '#domain/event';
import type { ActiveStatus, FinalStatus } from '#domain/lead/lead.state';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';

/** What automations meet: a log, doors to commands, and where they keep what they parked. Without HTTP, and without views. */
export class Backstage {
  private readonly folder = mkdtempSync(join(tmpdir(), 'leadstream-backstage-'));
  readonly clock = new Clock();
  readonly log: SqliteLog;
  readonly store: SqliteViewStore;
  handling!: Handling;
  private contacts!: ContactHandler;
  private agents!: AgentHandler;

  constructor() {
    this.log = SqliteLog.open({ file: join(this.folder, 'log.db') });
    this.store = new SqliteViewStore(join(this.folder, 'views'), { readerThread: false });
    this.afresh();
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.log.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The same log, by a process that has not read anything yet. */
  afresh(): void {
    const now = (): string => this.clock.now();
    this.handling = new Handling(this.log.events, now);
    const kept = new KeptAnswers(this.log.answers, now);
    this.contacts = new ContactHandler(this.handling, kept, new IdKey('a secret of sixteen'));
    this.agents = new AgentHandler(this.handling, kept);
  }

  /** By a service, now. */
  envelope(): Envelope {
    return {
      org: 'default',
      actor: { type: 'service', id: 'test' },
      commandId: commandIdOf('default', null),
      request: null,
      now: this.clock.now(),
      backdated: false,
      correlation: 'c',
      causation: 'c',
      expectedVersion: null,
    };
  }

  /** Where automations ask. */
  readonly askContact = async (ask: ContactAsk, envelope: Envelope) =>
    (await this.contacts.execute(new AskContact(ask, envelope))).answer;

  tell(ask: ContactAsk) {
    return this.askContact(ask, this.envelope());
  }
  tellAgent(ask: AgentAsk) {
    return this.agents.execute(new AskAgent(ask, this.envelope()));
  }

  /** A new lead of a contact. */
  async leadOf(contactId: string): Promise<string> {
    const how = { profile: {}, channel: null, origin: 'manual', note: null } as const;
    return (await this.tell({ type: 'CreateLead', contactId, ...how })).made ?? '';
  }
  assign(leadId: string, agentId: string) {
    const how = { mode: 'manual', moveFollowUps: true, note: null, only: null } as const;
    return this.tell({ type: 'AssignAgent', leadId, agentId, ...how });
  }
  move(leadId: string, status: ActiveStatus | FinalStatus) {
    return this.tell({ type: 'ChangeStatus', leadId, status, score: null, reason: null, note: null });
  }
  register(agentId: string, capacity: number | null = null) {
    return this.tellAgent({ type: 'RegisterAgent', agentId, name: agentId, email: null, capacity });
  }
  setActive(agentId: string, active: boolean) {
    return this.tellAgent({ type: 'ChangeAgent', agentId, active });
  }

  /** The whole log. */
  async everything(): Promise<readonly Recorded[]> {
    const { events } = this.log;
    const head = await events.head();
    const found: Recorded[] = [];
    if (head === events.start) return found;
    for await (const batch of events.follow(events.start, { signal: new AbortController().signal })) {
      found.push(...batch.events);
      if (batch.position >= head) break;
    }
    return found;
  }

  /** All events of a type. */
  async all<T extends EventType>(type: T): Promise<readonly Recorded<T>[]> {
    return (await this.everything()).filter((it): it is Recorded<T> => it.type === type);
  }
}
