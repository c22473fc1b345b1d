import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { givenMessage, recordSend } from '#test/support/given-message';
import * as ask from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { leadHistory } from './lead-history.projection.js';
import {
  countHistory,
  listHistory,
  hasContact,
  listPastLeads,
  type HistoryFilter,
  type HistorySubject,
} from './lead-history.query.js';

const log = mergeIntoLog(
  ask.givenAgent(ask.registerAgent()).events,
  ask.givenAgent(ask.registerAgent({ agentId: 'gateway', name: 'Agent of that name' })).events,
  givenMessage(ask.at('08:00', recordSend())).events,
  ask.given(
    ask.at('09:00', ask.opened),
    ask.at('09:10', ask.assign('ana')),
    ask.at('09:20', ask.by(ask.agentActor('ana'), ask.lost)),
    ask.at('09:30', ask.secondInteraction),
    ask.at('09:40', ask.interaction({ messageId: 'm-3', occurredAt: ask.sentAt('09:15:00.000') })),
    ask.at('09:50', ask.closeAsLost(2)),
    ask.at('10:00', ask.interaction({ messageId: 'm-4' })),
  ).events,
  ask.given(ask.interaction({ contactKey: 'c9' })).events,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(leadHistory, log);
});
afterAll(() => view.close());

const [first, second]: HistorySubject[] = [{ leadId: ask.leadId(1) }, { leadId: ask.leadId(2) }];
const contact: HistorySubject = { contactKey: ask.contactKey };
const everything: HistoryFilter = { types: null, actors: null, from: null, to: null, asOf: null };
const told = async (whose: HistorySubject, of: Partial<HistoryFilter> = {}, descending = false) => {
  const filter = { ...everything, ...of };
  const page = await listHistory(view.reader, ask.org, whose, filter, { descending, limit: 50 });
  expect(await countHistory(view.reader, whose, filter)).toBe(page.items.length);
  return page.items;
};
const types = async (...of: Parameters<typeof told>) => (await told(...of)).map((it) => it.type);
const opening = ['MessageSent', 'LeadOpened', 'InteractionRecorded'];

describe('A history, asked', () => {
  it('is a lead’s own with the broadcasts of its contact, by when things happened', async () => {
    expect(await types(first!)).toEqual([...opening, 'LeadAssigned', 'LeadStatusChanged']);
    expect(await types(second!)).toEqual([
      'MessageSent',
      'InteractionRecorded',
      'LeadOpened',
      'InteractionRecorded',
      'LeadStatusChanged',
    ]);
    expect(await types(first!, {}, true)).toEqual([...opening, 'LeadAssigned', 'LeadStatusChanged'].toReversed());
  });

  it('is a contact’s with all its leads', async () => {
    expect(await types(contact)).toHaveLength(12);
    expect((await told(contact)).map((it) => it.leadOrdinal)).toEqual([null, null, 1, 1, 1, 2, 1, 2, 2, 2, 3, 3]);
    expect(await hasContact(view.reader, ask.contactKey)).toBe(true);
    expect(await hasContact(view.reader, 'c5')).toBe(false);
  });

  it('tells each entry with who, when, what and why', async () => {
    const assigned = (await told(first!)).at(-2);
    const event = log.find((it) => it.type === 'LeadAssigned')!;
    expect(assigned).toEqual({
      ...{ id: event.id, type: 'LeadAssigned', leadId: ask.leadId(1), leadOrdinal: 1, position: event.position },
      ...{ occurredAt: ask.time('09:10'), recordedAt: ask.time('09:10'), cause: null },
      ...{ actor: { type: 'service', id: 'gateway', name: null }, summary: 'Assigned to Agent One' },
      data: { ...event.data, note: null },
    });
    expect((await told(first!)).at(-1)?.actor).toEqual({ type: 'agent', id: 'ana', name: 'Agent One' });
  });

  it('names agents and nobody else, whether they act or are told of', async () => {
    expect(await told(first!, { types: ['LeadAssigned'] })).toMatchObject([{ summary: 'Assigned to Agent One' }]);
    expect(await told(first!, { types: ['LeadStatusChanged'] })).toMatchObject([{ actor: { name: 'Agent One' } }]);
    expect(await told(first!, { types: ['LeadOpened'] })).toMatchObject([{ actor: { id: 'gateway', name: null } }]);
  });

  it('can be filtered by type, actor and time', async () => {
    expect(await types(first!, { types: ['LeadAssigned', 'LeadOpened'] })).toEqual(['LeadOpened', 'LeadAssigned']);
    expect(await types(first!, { actors: ['agent:ana'] })).toEqual(['LeadStatusChanged']);
    const [nine, ten] = [ask.time('09:10'), ask.time('09:20')];
    expect(await types(first!, { from: nine })).toEqual(['LeadAssigned', 'LeadStatusChanged']);
    expect(await types(first!, { to: nine })).toEqual(opening);
    expect(await types(first!, { from: nine, to: ten })).toEqual(['LeadAssigned']);
  });

  it('is as of a time by when things happened, as of a position by what had been recorded', async () => {
    expect(await types(first!, { asOf: { time: ask.time('09:10') } })).toEqual([...opening, 'LeadAssigned']);
    const { position } = log.find((it) => it.type === 'LeadAssigned')!;
    expect(await types(first!, { asOf: { position } })).toEqual([...opening, 'LeadAssigned']);
    expect(await types(second!, { asOf: { time: ask.time('09:16') } })).toEqual(['MessageSent', 'InteractionRecorded']);
    expect(await types(second!, { asOf: { position } })).toEqual(['MessageSent']);
  });

  it('comes by pages', async () => {
    const page = { descending: false, limit: 3 };
    const begin = await listHistory(view.reader, ask.org, first!, everything, page);
    expect(begin.items.map((it) => it.type)).toEqual(opening);
    expect(begin.checkpoint).toBe(log.at(-1)?.position);
    const rest = await listHistory(view.reader, ask.org, first!, everything, { ...page, after: begin.last! });
    expect(rest).toMatchObject({ items: [{ type: 'LeadAssigned' }, { type: 'LeadStatusChanged' }], last: null });
  });
});

it('Past leads are those before a lead, oldest first, told to their own organization', async () => {
  expect(await listPastLeads(view.reader, ask.org, ask.leadId(3))).toEqual([
    { id: ask.leadId(1), ordinal: 1, status: 'lost', createdAt: ask.time('09:00'), closedAt: ask.time('09:20') },
    { id: ask.leadId(2), ordinal: 2, status: 'lost', createdAt: ask.time('09:30'), closedAt: ask.time('09:50') },
  ]);
  expect(await listPastLeads(view.reader, ask.org, ask.leadId(1))).toEqual([]);
  expect(await listPastLeads(view.reader, ask.org, ask.leadId(4))).toBeUndefined();
  expect(await listPastLeads(view.reader, 'org-2', ask.leadId(3))).toBeUndefined();
});
