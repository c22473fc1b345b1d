import { expect, test } from '@jest/globals';
import type { Entry } from '#projections/lead-history/lead-history.query';
import type { Answer, App } from '../support/app.js';
import { allLeads, contactHistory, inHours, leadHistory, unique, writes } from '../support/story.js';

/** A command with a word of its own in it, by which its traces are found. */
export interface Asked {
  readonly word: string;
  readonly contactId: string;
  readonly path: string;
  readonly body: object;
  readonly key: string;
  /** Of those below 500: what was acknowledged, or refused for good. */
  answer?: Answer;
}

const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)]!;

/** Random commands on a few contacts, each under a key, and what became of them. */
export class Asking {
  readonly contacts = Array.from({ length: 40 }, (_, nth) => `torture-${nth}`);
  readonly asked: Asked[] = [];
  private readonly agents = ['ana', 'ben', 'cleo'];
  /** The last lead of each contact, as far as the clients have heard. */
  private readonly heard = new Map<string, string>();

  constructor(private readonly app: App) {}

  async begin(): Promise<void> {
    for (const id of this.agents) await this.app.post('/v1/agents', { id, name: id });
    // All of them are known, however little a busy machine comes to.
    for (const contactId of this.contacts) this.heard.set(contactId, (await writes(this.app, { contactId })).leadId);
  }

  next(): Asked {
    const one = this.make();
    this.asked.push(one);
    return one;
  }

  async send(one: Asked): Promise<Answer> {
    const answer = await this.app.post(one.path, one.body, { 'idempotency-key': one.key });
    if (answer.status >= 500) return answer;
    one.answer ??= answer;
    const { leadId, lead } = answer.body;
    if (leadId ?? lead?.id) this.heard.set(one.contactId, leadId ?? lead.id);
    return answer;
  }

  /** Hangs up after some milliseconds, whether there was an answer or not. */
  async cut({ path, body, key }: Asked): Promise<void> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const signal = AbortSignal.timeout(Math.floor(Math.random() * 20));
    await fetch(this.app.url + path, { method: 'POST', headers, body: JSON.stringify(body), signal }).catch(
      () => undefined,
    );
  }

  private make(): Asked {
    const contactId = any(this.contacts);
    const leadId = this.heard.get(contactId);
    const word = unique('word');
    const of = (path: string, body: object): Asked => ({ word, contactId, path, body, key: unique('key') });
    const says = { channel: 'sms', kind: 'chat', messageId: word, text: word };
    if (!leadId || Math.random() < 0.3) return of('/v1/interactions', { contactId, ...says });
    const on = (what: string, body: object): Asked => of(`/v1/leads/${leadId}/${what}`, body);
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
export function testWhatIsThere(app: App, asking: Asking): void {
  let histories: Map<string, Entry[]>;
  const tracesOf = ({ contactId, word }: Asked): Entry[] =>
    histories.get(contactId)!.filter(({ data }) => {
      const { note, text } = data as { note?: string; text?: string };
      return note === word || text === word;
    });
  const { asked, contacts } = asking;

  test('every acknowledged command is there exactly once, at its position', async () => {
    const { position: after } = await writes(app);
    histories = new Map(
      await Promise.all(contacts.map(async (id) => [id, await contactHistory(app, id, { after })] as const)),
    );
    for (const one of asked) {
      const traces = tracesOf(one);
      if (!one.answer) expect(traces.length).toBeLessThanOrEqual(1);
      else if (one.answer.status >= 400) expect(traces).toEqual([]);
      else if (one.answer.body.changed) {
        expect(traces).toHaveLength(1);
        expect(traces[0]!.position <= one.answer.body.position).toBe(true);
      }
    }
  });

  test('no contact has two active leads, and their leads are numbered without a gap', async () => {
    const leads = await allLeads(app, { sort: 'createdAt' });
    for (const contactId of contacts) {
      const own = leads.filter((it) => it.contactId === contactId).toSorted((a, b) => a.ordinal - b.ordinal);
      expect(own.filter((it) => it.active).length).toBeLessThanOrEqual(1);
      expect(own.map((it) => it.ordinal)).toEqual(own.map((_, nth) => nth + 1));
      expect(own.map((it) => it.previousLeadId)).toEqual(
        [null, ...own.slice(0, -1).map((it) => it.id)].slice(0, own.length),
      );
    }
  });

  test('the versions of a lead have no gap, and each answer told the right one', async () => {
    for (const { id, version, contactId } of await allLeads(app)) {
      if (!contacts.includes(contactId)) continue;
      const positions = (await leadHistory(app, id)).map((it) => it.position).toSorted();
      expect(new Set(positions).size).toBe(version);
      expect(positions).toHaveLength(version);
      for (const { answer } of asked)
        if (answer?.body.lead?.id === id && answer.body.changed)
          expect(positions[answer.body.version - 1]).toBe(answer.body.position);
    }
  });

  test('keys are honoured: asked again, each command is answered the very same and does nothing', async () => {
    const { position: before } = await writes(app);
    const answered = asked.filter((it) => it.answer);
    const some = answered.filter((_, nth) => nth % Math.ceil(answered.length / 300) === 0);
    for (const one of some) {
      const again = await asking.send(one);
      expect([again.status, again.text]).toEqual([one.answer!.status, one.answer!.text]);
    }
    const { position: after } = await writes(app);
    for (const contactId of contacts)
      expect(await contactHistory(app, contactId, { after })).toEqual(
        await contactHistory(app, contactId, { asOf: before }),
      );
  });
}
