import { expect, test } from '@jest/globals';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import type { ApiResponse, App } from '../support/app.js';
import {
  getAllLeads,
  getContactHistory,
  inHours,
  getLeadHistory,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

/** A command whose unique text (`marker`) is part of the events that it writes. */
export interface TrackedCommand {
  readonly marker: string;
  readonly contactId: string;
  readonly path: string;
  readonly body: object;
  readonly key: string;
  /** The first response below 500: the command was carried out or rejected. */
  response?: ApiResponse;
}

const pickRandom = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!;

/** Random commands on a few contacts, each under an idempotency key, with their responses. */
export class RandomCommands {
  readonly contacts = Array.from({ length: 40 }, (_, index) => `torture-${index}`);
  readonly commands: TrackedCommand[] = [];
  private readonly agents = ['ana', 'ben', 'cleo'];
  /** The last lead of each contact that a response has named. */
  private readonly lastLeads = new Map<string, string>();

  constructor(private readonly app: App) {}

  async prepare(): Promise<void> {
    for (const id of this.agents) await this.app.post('/v1/agents', { id, name: id });
    // Registers every contact now, because random commands on a busy machine may not reach all of them.
    for (const contactId of this.contacts)
      this.lastLeads.set(contactId, (await postInteraction(this.app, { contactId })).leadId);
  }

  next(): TrackedCommand {
    const command = this.create();
    this.commands.push(command);
    return command;
  }

  async send(command: TrackedCommand): Promise<ApiResponse> {
    const response = await this.app.post(command.path, command.body, { 'idempotency-key': command.key });
    if (response.status >= 500) return response;
    command.response ??= response;
    const { leadId, lead } = response.body;
    if (leadId ?? lead?.id) this.lastLeads.set(command.contactId, leadId ?? lead.id);
    return response;
  }

  /** Closes the connection after at most 20 ms, with or without a response. */
  async sendAndAbort({ path, body, key }: TrackedCommand): Promise<void> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const signal = AbortSignal.timeout(Math.floor(Math.random() * 20));
    await fetch(this.app.url + path, { method: 'POST', headers, body: JSON.stringify(body), signal }).catch(
      () => undefined,
    );
  }

  private create(): TrackedCommand {
    const contactId = pickRandom(this.contacts);
    const leadId = this.lastLeads.get(contactId);
    const marker = uniqueId('marker');
    const command = (path: string, body: object): TrackedCommand => ({
      marker,
      contactId,
      path,
      body,
      key: uniqueId('key'),
    });
    const message = { channel: 'sms', kind: 'chat', messageId: marker, text: marker };
    if (!leadId || Math.random() < 0.3) return command('/v1/interactions', { contactId, ...message });
    const leadCommand = (path: string, body: object): TrackedCommand => command(`/v1/leads/${leadId}/${path}`, body);
    return pickRandom([
      () => leadCommand('status', { status: pickRandom(['contacted', 'qualifying', 'qualified']), note: marker }),
      () => leadCommand('status', { status: pickRandom(['converted', 'lost', 'archived']), note: marker }),
      () => leadCommand('status', { qualificationScore: Math.floor(Math.random() * 101), note: marker }),
      () => leadCommand('assignment', { agentId: pickRandom(this.agents), note: marker }),
      () => leadCommand('follow-ups', { dueAt: inHours(9), note: marker }),
      () => leadCommand('messages', { messageId: marker, channel: 'sms', text: marker }),
      () => command('/v1/leads', { contactId, note: marker }),
    ])();
  }
}

/** Declares tests of the app's data, which must pass after any number of kills. */
export function testDataIntegrity(app: App, load: RandomCommands): void {
  const { commands, contacts } = load;
  let histories: Map<string, HistoryEntry[]>;
  const entriesOf = ({ contactId, marker }: TrackedCommand): HistoryEntry[] =>
    histories.get(contactId)!.filter(({ data }) => {
      const { note, text } = data as { note?: string; text?: string };
      return note === marker || text === marker;
    });

  test('every acknowledged command is stored exactly once, no later than at the position in its response', async () => {
    const { position: after } = await postInteraction(app);
    histories = new Map(
      await Promise.all(contacts.map(async (id) => [id, await getContactHistory(app, id, { after })] as const)),
    );
    for (const command of commands) {
      const entries = entriesOf(command);
      if (!command.response) expect(entries.length).toBeLessThanOrEqual(1);
      else if (command.response.status >= 400) expect(entries).toEqual([]);
      else if (command.response.body.changed) {
        expect(entries).toHaveLength(1);
        expect(entries[0]!.position <= command.response.body.position).toBe(true);
      }
    }
  });

  test('no contact has two active leads, and the leads of a contact are numbered without a gap', async () => {
    const allLeads = await getAllLeads(app, { sort: 'createdAt' });
    for (const contactId of contacts) {
      const leads = allLeads.filter((lead) => lead.contactId === contactId).toSorted((a, b) => a.ordinal - b.ordinal);
      expect(leads.filter((lead) => lead.active).length).toBeLessThanOrEqual(1);
      expect(leads.map((lead) => lead.ordinal)).toEqual(leads.map((_, index) => index + 1));
      expect(leads.map((lead) => lead.previousLeadId)).toEqual(
        [null, ...leads.slice(0, -1).map((lead) => lead.id)].slice(0, leads.length),
      );
    }
  });

  test('the versions of a lead have no gap, and each response has the version of its position', async () => {
    for (const { id, version, contactId } of await getAllLeads(app)) {
      if (!contacts.includes(contactId)) continue;
      const positions = (await getLeadHistory(app, id)).map((entry) => entry.position).toSorted();
      expect(new Set(positions).size).toBe(version);
      expect(positions).toHaveLength(version);
      for (const { response } of commands)
        if (response?.body.lead?.id === id && response.body.changed)
          expect(positions[response.body.version - 1]).toBe(response.body.position);
    }
  });

  test('commands repeated under their keys get the stored responses and change nothing', async () => {
    const { position: before } = await postInteraction(app);
    const withResponse = commands.filter((command) => command.response);
    const sample = withResponse.filter((_, index) => index % Math.ceil(withResponse.length / 300) === 0);
    for (const command of sample) {
      const repeated = await load.send(command);
      expect([repeated.status, repeated.text]).toEqual([command.response!.status, command.response!.text]);
    }
    const { position: after } = await postInteraction(app);
    for (const contactId of contacts)
      expect(await getContactHistory(app, contactId, { after })).toEqual(
        await getContactHistory(app, contactId, { asOf: before }),
      );
  });
}
