import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
import type { EventType, Position, Recorded } from '#domain/event';
import { Unavailable } from '#event-store/event-store';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import { AddressSends } from './address-sends.reaction.js';
import { FreeLeads, type AssignedBefore } from './free-leads.reaction.js';
import type { AskDoor, Parked, Reaction } from './reaction.js';
import { viewOf } from './parking-place.js';
import { Reactor, type ReactionNews } from './reactor.js';

const folder = mkdtempSync(join(tmpdir(), 'automation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let log: SqliteLog;
let store: SqliteViewStore;
let contacts: ContactHandler;
let agents: AgentHandler;
let nth = 0;
const clock = new Clock();

beforeEach(() => {
  const place = join(folder, `${(nth += 1)}`);
  log = SqliteLog.open({ file: join(place, 'log.db') });
  store = new SqliteViewStore(join(place, 'views'), { readerThread: false });
  const handling = new Handling(log.events, () => clock.now());
  const kept = new KeptAnswers(log.answers, () => clock.now());
  contacts = new ContactHandler(handling, kept, new IdKey('a secret of sixteen'));
  agents = new AgentHandler(handling, kept);
});
afterEach(async () => {
  await store.close();
  await log.close();
});

const envelope = (): Envelope => ({
  org: 'default',
  actor: { type: 'service', id: 'test' },
  commandId: commandIdOf('default', null),
  request: null,
  now: clock.now(),
  backdated: false,
  correlation: 'c',
  causation: 'c',
  expectedVersion: null,
});
const askContact: AskDoor = async (ask, told) => (await contacts.execute(new AskContact(ask, told))).answer;
const tell = (ask: ContactAsk) => askContact(ask, envelope());
const tellAgent = (ask: AgentAsk) => agents.execute(new AskAgent(ask, envelope()));

const leadOf = async (contactId: string): Promise<string> => {
  const { made } = await tell({
    type: 'CreateLead',
    contactId,
    profile: {},
    channel: null,
    origin: 'manual',
    note: null,
  });
  return made ?? '';
};
const assign = (leadId: string, agentId: string) =>
  tell({ type: 'AssignAgent', leadId, agentId, mode: 'manual', moveFollowUps: true, note: null, only: null });
const register = (agentId: string) =>
  tellAgent({ type: 'RegisterAgent', agentId, name: agentId, email: null, capacity: null });
const setActive = (agentId: string, active: boolean) => tellAgent({ type: 'ChangeAgent', agentId, active });

const everything = async (): Promise<readonly Recorded[]> => {
  const head = await log.events.head();
  const events: Recorded[] = [];
  if (head === log.events.start) return events;
  for await (const batch of log.events.follow(log.events.start, { signal: new AbortController().signal })) {
    events.push(...batch.events);
    if (batch.position >= head) break;
  }
  return events;
};
const all = async <T extends EventType>(type: T): Promise<readonly Recorded<T>[]> =>
  (await everything()).filter((it): it is Recorded<T> => it.type === type);

/** Told by the log itself, as a view would tell it. */
const assignedBefore: AssignedBefore = async function* (_, agentId, position) {
  const leads = new Map<string, string | null>();
  for (const event of await everything()) {
    if (event.position >= position) break;
    if (event.type === 'LeadAssigned')
      leads.set(event.data.leadId, event.data.to === agentId ? event.meta.occurredAt : null);
    if (event.type === 'LeadUnassigned') leads.set(event.data.leadId, null);
  }
  for (const [leadId, assignedAt] of leads) yield { leadId, assignedAt };
};
const freeLeads = (): FreeLeads => new FreeLeads(log.events, assignedBefore, askContact, clock);

/** Runs a reaction until it has passed all that the log held when this was called. */
async function runToHead(reaction: Reaction, tellNews: (news: ReactionNews) => void = () => undefined): Promise<void> {
  const head = await log.events.head();
  const stop = new AbortController();
  const running = new Reactor(reaction, store, log.events, tellNews).run(stop.signal);
  const reader = await store.openForReading(viewOf(reaction));
  const passed = async (): Promise<Position> => (await reader.state()).checkpoint ?? log.events.start;
  while ((await passed()) < head) await new Promise(setImmediate);
  stop.abort();
  await running;
}

describe('Deactivating an agent', () => {
  it('frees its active leads, an event each, told as caused by the deactivation', async () => {
    await register('ana');
    const [one, two, closed] = [await leadOf('c-1'), await leadOf('c-2'), await leadOf('c-3')];
    for (const leadId of [one, two, closed]) await assign(leadId, 'ana');
    await tell({ type: 'ChangeStatus', leadId: closed, status: 'lost', score: null, reason: null, note: null });
    await setActive('ana', false);
    await runToHead(freeLeads());
    const [cause] = await all('AgentDeactivated');
    const freed = await all('LeadUnassigned');
    expect(freed.map((it) => it.data)).toStrictEqual(
      [one, two].map((leadId) => ({ leadId, from: 'ana', mode: 'agent_deactivated' })),
    );
    for (const { meta } of freed)
      expect(meta).toMatchObject({ actor: { type: 'system', id: 'free-leads' }, causation: cause?.id });
  });

  it('frees a lead that was being assigned in that very moment', async () => {
    await register('ana');
    const leadId = await leadOf('c-1');
    // The assignment was decided on what the agent was before; in the log it stands behind the deactivation.
    const [registered] = await all('AgentRegistered');
    const read = log.events.read.bind(log.events);
    await setActive('ana', false);
    log.events.read = async (stream, ...page) =>
      stream === registered?.stream ? (await read(stream, ...page)).slice(0, 1) : read(stream, ...page);
    const handling = new Handling(log.events, () => clock.now());
    const kept = new KeptAnswers(log.answers, () => clock.now());
    contacts = new ContactHandler(handling, kept, new IdKey('a secret of sixteen'));
    await assign(leadId, 'ana');
    log.events.read = read;
    expect(await all('LeadAssigned')).toHaveLength(1);
    await runToHead(freeLeads());
    expect((await all('LeadUnassigned')).map((it) => it.data.leadId)).toStrictEqual([leadId]);
  });

  it('leaves alone what was assigned anew after the agent came back', async () => {
    await register('ana');
    await register('ben');
    const leadId = await leadOf('c-1');
    await assign(leadId, 'ana');
    await setActive('ana', false);
    await setActive('ana', true);
    await assign(leadId, 'ben');
    await assign(leadId, 'ana');
    await runToHead(freeLeads());
    expect(await all('LeadUnassigned')).toStrictEqual([]);
  });

  it('is done once, also when the checkpoint is lost and everything is met again', async () => {
    await register('ana');
    await assign(await leadOf('c-1'), 'ana');
    await setActive('ana', false);
    await runToHead(freeLeads());
    const before = await log.events.head();
    await store.wipe(viewOf(freeLeads()));
    await runToHead(freeLeads());
    expect(await log.events.head()).toBe(before);
    expect(await all('LeadUnassigned')).toHaveLength(1);
  });
});

describe('A send whose second append is missing', () => {
  it('is made up for, once', async () => {
    const contactId = 'c-1';
    const leadId = await leadOf(contactId);
    const contactKey = leadId.slice(0, -2);
    const recipient = { broadcastId: 'b-1', contactKey, attempt: 1 };
    const { org, actor, commandId, now } = envelope();
    const occurredAt = '2026-01-01T09:00:00.000Z';
    const meta = { actor, correlation: 'c', causation: 'c', commandId, occurredAt, recordedAt: now };
    const campaign = { id: 'k-1', name: 'Campaign One' };
    const template = { name: 'hello', language: 'en', category: null };
    const data = { messageKey: 'k', channel: 'whatsapp', messageId: 'w-1', recipient, campaign, template };
    const personal = { contactId, parameters: null, receipts: [] };
    const sent = { id: commandIdOf(org, 'sent'), type: 'MessageSent', v: 1, org, data, personal, meta };
    await log.events.append('message-default-k', 0, [sent]);
    const reaction = new AddressSends(new Handling(log.events, () => clock.now()), askContact);
    await runToHead(reaction);
    await store.wipe(viewOf(reaction));
    await runToHead(reaction);
    expect((await all('BroadcastAddressed')).map((it) => it.data)).toMatchObject([
      { contactKey, broadcastId: 'b-1', messageId: 'w-1', receivedAt: occurredAt, leads: 1 },
    ]);
  });
});

describe('A reaction', () => {
  const failing = (react: Reaction['react']): Reaction => ({ name: 'free-leads', to: ['AgentRegistered'], react });

  it('that keeps failing is parked with its reason, and the next is met', async () => {
    await register('ana');
    await register('ben');
    const met: string[] = [];
    const news: string[] = [];
    const reaction = failing(async (event) => {
      met.push(event.id);
      if (event.type === 'AgentRegistered' && event.data.agentId === 'ana') throw new Error('no way');
    });
    await runToHead(reaction, ({ what }) => news.push(what));
    const [ana, ben] = await all('AgentRegistered');
    const reader = await store.openForReading(viewOf(reaction));
    const { rows } = await reader.find<Parked>('parked', {
      where: [],
      sort: { column: 'since', descending: false },
      limit: 9,
    });
    expect(rows.map(({ row }) => row)).toMatchObject([{ eventId: ana?.id, type: 'AgentRegistered', reason: 'no way' }]);
    expect(met.filter((id) => id === ana?.id).length).toBeGreaterThan(1);
    expect(met.filter((id) => id === ben?.id)).toHaveLength(1);
    expect(news.at(-1)).toBe('parked');
  });

  it('waits for a store that is out of reach instead of parking', async () => {
    await register('ana');
    let times = 0;
    const reaction = failing(async () => {
      times += 1;
      if (times < 4) throw new Unavailable('down');
    });
    const news: string[] = [];
    await runToHead(reaction, ({ what }) => news.push(what));
    expect(news).toStrictEqual(['retrying', 'retrying', 'retrying']);
  });
});
