import { expect, test } from '@jest/globals';
import type { Entry } from '#projections/lead-history/lead-history.query';
import { anApp, type Answer } from '../support/app.js';
import { allLeads, contactHistory, inHours, leadHistory, unique, writes } from '../support/story.js';

/**
 * A process under load is killed at random moments, again and again on the same data. Whatever it acknowledged is there, once;
 * whatever it was asked and did not answer is there once when it is asked again under its key, and at most once otherwise.
 */
const app = anApp();
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 8);
const clients = 12;
const contacts = Array.from({ length: 40 }, (_, nth) => `torture-${nth}`);
const agents = ['ana', 'ben', 'cleo'];
const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)]!;

/** A command with a word of its own in it, by which its traces are found. */
interface Asked {
  readonly word: string;
  readonly contactId: string;
  readonly path: string;
  readonly body: object;
  readonly key: string;
  answer?: Answer;
}
const asked: Asked[] = [];
/** The last lead of each contact, as far as the clients have heard. */
const heard = new Map<string, string>();

function ask(): Asked {
  const contactId = any(contacts);
  const leadId = heard.get(contactId);
  const word = unique('word');
  const of = (path: string, body: object): Asked => ({ word, contactId, path, body, key: unique('key') });
  const says = { channel: 'sms', kind: 'chat', messageId: word, text: word };
  if (!leadId || Math.random() < 0.3) return of('/v1/interactions', { contactId, ...says });
  const on = (what: string, body: object): Asked => of(`/v1/leads/${leadId}/${what}`, body);
  return any([
    () => on('status', { status: any(['contacted', 'qualifying', 'qualified']), note: word }),
    () => on('status', { status: any(['converted', 'lost', 'archived']), note: word }),
    () => on('status', { qualificationScore: Math.floor(Math.random() * 101), note: word }),
    () => on('assignment', { agentId: any(agents), note: word }),
    () => on('follow-ups', { dueAt: inHours(9), note: word }),
    () => on('messages', { messageId: word, channel: 'sms', text: word }),
    () => of('/v1/leads', { contactId, note: word }),
  ])();
}

const send = async (it: Asked): Promise<Answer> => app.post(it.path, it.body, { 'idempotency-key': it.key });

const answered = (): number => asked.filter((it) => it.answer).length;

/** Asks until the process is gone. */
async function client(): Promise<void> {
  for (;;) {
    const one = ask();
    asked.push(one);
    try {
      one.answer = await send(one);
    } catch {
      return;
    }
    const { leadId, lead } = one.answer.body;
    if (leadId ?? lead?.id) heard.set(one.contactId, leadId ?? lead.id);
  }
}

test(
  `killed ${rounds} times under load`,
  async () => {
    for (const id of agents) await app.post('/v1/agents', { id, name: id });
    for (let round = 0; round < rounds; round++) {
      const load = Array.from({ length: clients }, client);
      const enough = answered() + 60;
      do await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 700));
      while (answered() < enough);
      await app.kill();
      await Promise.all(load);
      await app.start();
      // Half of those that nobody answered are asked again; the others are left to their fate.
      for (const one of asked.filter((it) => !it.answer && Math.random() < 0.5)) one.answer = await send(one);
    }
    expect(asked.filter((it) => it.answer && it.answer.status >= 500)).toEqual([]);
  },
  60_000 + rounds * 20_000,
);

let histories: Map<string, Entry[]>;
const tracesOf = ({ contactId, word }: Asked): Entry[] =>
  histories.get(contactId)!.filter(({ data }) => {
    const { note, text } = data as { note?: string; text?: string };
    return note === word || text === word;
  });

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
    const again = await send(one);
    expect([again.status, again.text]).toEqual([one.answer!.status, one.answer!.text]);
  }
  const { position: after } = await writes(app);
  for (const contactId of contacts)
    expect(await contactHistory(app, contactId, { after })).toEqual(
      await contactHistory(app, contactId, { asOf: before }),
    );
});

test('the list is what a rebuild makes of the log', async () => {
  const list = await allLeads(app);
  await app.stop();
  await app.wipeViews();
  await app.start();
  const { position: after, leadId } = await writes(app);
  expect((await allLeads(app, { after })).filter((it) => it.id !== leadId)).toEqual(list);
});
