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

/** A command with a word of its own in it, by which its traces are found. */
export interface TrackedCommand {
  readonly marker: string;
  readonly contactId: string;
  readonly path: string;
  readonly body: object;
  readonly key: string;
  /** Of those below 500: what was acknowledged, or refused for good. */
  response?: ApiResponse;
}

const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)]!;

/** Random commands on a few contacts, each under a key, and what became of them. */
export class RandomCommands {
  readonly contacts = Array.from({ length: 40 }, (_, index) => `torture-${index}`);
  readonly commands: TrackedCommand[] = [];
  private readonly agents = ['ana', 'ben', 'cleo'];
  /** The last lead of each contact, as far as the clients have heard. */
  private readonly heard = new Map<string, string>();

  constructor(private readonly app: App) {}

  async prepare(): Promise<void> {
    for (const id of this.agents) await this.app.post('/v1/agents', { id, name: id });
    // All of them are known, however little a busy machine comes to.
    for (const contactId of this.contacts)
      this.heard.set(contactId, (await postInteraction(this.app, { contactId })).leadId);
  }

  next(): TrackedCommand {
    const one = this.make();
    this.commands.push(one);
    return one;
  }

  async send(one: TrackedCommand): Promise<ApiResponse> {
    const response = await this.app.post(one.path, one.body, { 'idempotency-key': one.key });
    if (response.status >= 500) return response;
    one.response ??= response;
    const { leadId, lead } = response.body;
    if (leadId ?? lead?.id) this.heard.set(one.contactId, leadId ?? lead.id);
    return response;
  }

  /** Hangs up after some milliseconds, whether there was an answer or not. */
  async sendAndAbort({ path, body, key }: TrackedCommand): Promise<void> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const signal = AbortSignal.timeout(Math.floor(Math.random() * 20));
    await fetch(this.app.url + path, { method: 'POST', headers, body: JSON.stringify(body), signal }).catch(
      () => undefined,
    );
  }

  private make(): TrackedCommand {
    const contactId = any(this.contacts);
    const leadId = this.heard.get(contactId);
    const word = uniqueId('word');
    const of = (path: string, body: object): TrackedCommand => ({
      marker: word,
      contactId,
      path,
      body,
      key: uniqueId('key'),
    });
    const says = { channel: 'sms', kind: 'chat', messageId: word, text: word };
    if (!leadId || Math.random() < 0.3) return of('/v1/interactions', { contactId, ...says });
    const on = (what: string, body: object): TrackedCommand => of(`/v1/leads/${leadId}/${what}`, body);
    return any([
      () => on('status', { status: any(['contacted', 'qualifying', 'qualified']), note: word }),
      () => on('status', { status: any(['converted', 'lost', 'archived']), note: word }),
      () => on('status', { qualificationScore: Math.floor(Math.random() * 101), note: word }),
      () => on('assignment', { agentId: any(this.agents), note: word }),
      () => on('follow-ups', { dueAt: inHours(9), note: word }),
      () => on('messages', { messageId: word, channel: 'sms', text: word }),
      () => of('/v1/leads', { contactId, note: word }),
    ])();
  }
}

/** What must hold of the app's data afterwards, whatever was killed. */
export function testDataIntegrity(app: App, asking: RandomCommands): void {
  let histories: Map<string, HistoryEntry[]>;
  const tracesOf = ({ contactId, marker: word }: TrackedCommand): HistoryEntry[] =>
    histories.get(contactId)!.filter(({ data }) => {
      const { note, text } = data as { note?: string; text?: string };
      return note === word || text === word;
    });
  const { commands: asked, contacts } = asking;

  test('every acknowledged command is there exactly once, at its position', async () => {
    const { position: after } = await postInteraction(app);
    histories = new Map(
      await Promise.all(contacts.map(async (id) => [id, await getContactHistory(app, id, { after })] as const)),
    );
    for (const one of asked) {
      const traces = tracesOf(one);
      if (!one.response) expect(traces.length).toBeLessThanOrEqual(1);
      else if (one.response.status >= 400) expect(traces).toEqual([]);
      else if (one.response.body.changed) {
        expect(traces).toHaveLength(1);
        expect(traces[0]!.position <= one.response.body.position).toBe(true);
      }
    }
  });

  test('no contact has two active leads, and their leads are numbered without a gap', async () => {
    const leads = await getAllLeads(app, { sort: 'createdAt' });
    for (const contactId of contacts) {
      const own = leads.filter((lead) => lead.contactId === contactId).toSorted((a, b) => a.ordinal - b.ordinal);
      expect(own.filter((lead) => lead.active).length).toBeLessThanOrEqual(1);
      expect(own.map((lead) => lead.ordinal)).toEqual(own.map((_, index) => index + 1));
      expect(own.map((lead) => lead.previousLeadId)).toEqual(
        [null, ...own.slice(0, -1).map((lead) => lead.id)].slice(0, own.length),
      );
    }
  });

  test('the versions of a lead have no gap, and each answer told the right one', async () => {
    for (const { id, version, contactId } of await getAllLeads(app)) {
      if (!contacts.includes(contactId)) continue;
      const positions = (await getLeadHistory(app, id)).map((entry) => entry.position).toSorted();
      expect(new Set(positions).size).toBe(version);
      expect(positions).toHaveLength(version);
      for (const { response: response } of asked)
        if (response?.body.lead?.id === id && response.body.changed)
          expect(positions[response.body.version - 1]).toBe(response.body.position);
    }
  });

  test('keys are honoured: asked again, each command is answered the very same and does nothing', async () => {
    const { position: before } = await postInteraction(app);
    const answered = asked.filter((command) => command.response);
    const some = answered.filter((_, index) => index % Math.ceil(answered.length / 300) === 0);
    for (const one of some) {
      const again = await asking.send(one);
      expect([again.status, again.text]).toEqual([one.response!.status, one.response!.text]);
    }
    const { position: after } = await postInteraction(app);
    for (const contactId of contacts)
      expect(await getContactHistory(app, contactId, { after })).toEqual(
        await getContactHistory(app, contactId, { asOf: before }),
      );
  });
}
