import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { givenMessage, recordSend } from '#test/support/given-message';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { leadHistoryView } from './lead-history.projection.js';
import {
  countHistory,
  listHistory,
  hasContact,
  listPastLeads,
  type HistoryFilter,
  type HistorySubject,
} from './lead-history.query.js';

const log = mergeIntoLog(
  commands.givenAgent(commands.registerAgent()).events,
  commands.givenAgent(commands.registerAgent({ agentId: 'gateway', name: 'Agent with the id of a service' })).events,
  givenMessage(commands.at('08:00', recordSend())).events,
  commands.given(
    commands.at('09:00', commands.opened),
    commands.at('09:10', commands.assign('ana')),
    commands.at('09:20', commands.by(commands.agentActor('ana'), commands.lost)),
    commands.at('09:30', commands.secondInteraction),
    commands.at('09:40', commands.interaction({ messageId: 'm-3', occurredAt: commands.sentAt('09:15:00.000') })),
    commands.at('09:50', commands.closeAsLost(2)),
    commands.at('10:00', commands.interaction({ messageId: 'm-4' })),
  ).events,
  commands.given(commands.interaction({ contactKey: 'c9' })).events,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(leadHistoryView, log);
});
afterAll(() => view.close());

const firstLead: HistorySubject = { leadId: commands.leadId(1) };
const secondLead: HistorySubject = { leadId: commands.leadId(2) };
const contact: HistorySubject = { contactKey: commands.contactKey };
const noFilter: HistoryFilter = { types: null, actors: null, from: null, to: null, asOf: null };
const entriesOf = async (subject: HistorySubject, changes: Partial<HistoryFilter> = {}, descending = false) => {
  const filter = { ...noFilter, ...changes };
  const page = await listHistory(view.reader, commands.org, subject, filter, { descending, limit: 50 });
  expect(await countHistory(view.reader, subject, filter)).toBe(page.items.length);
  return page.items;
};
const typesOf = async (...query: Parameters<typeof entriesOf>) => (await entriesOf(...query)).map(({ type }) => type);
const openingTypes = ['MessageSent', 'LeadOpened', 'InteractionRecorded'];

describe('History query', () => {
  it('lists the entries of a lead and the broadcasts to its contact, in order of occurrence', async () => {
    const firstTypes = [...openingTypes, 'LeadAssigned', 'LeadStatusChanged'];
    expect(await typesOf(firstLead)).toEqual(firstTypes);
    expect(await typesOf(secondLead)).toEqual([
      'MessageSent',
      'InteractionRecorded',
      'LeadOpened',
      'InteractionRecorded',
      'LeadStatusChanged',
    ]);
    expect(await typesOf(firstLead, {}, true)).toEqual(firstTypes.toReversed());
  });

  it('lists the entries of all leads of a contact', async () => {
    const entries = await entriesOf(contact);
    const ordinals = entries.map(({ leadOrdinal }) => leadOrdinal);
    expect(entries).toHaveLength(12);
    expect(ordinals).toEqual([null, null, 1, 1, 1, 2, 1, 2, 2, 2, 3, 3]);
    expect(await hasContact(view.reader, commands.contactKey)).toBe(true);
    expect(await hasContact(view.reader, 'c5')).toBe(false);
  });

  it('shows the actor, times, cause, summary and data of each entry', async () => {
    const assigned = (await entriesOf(firstLead)).at(-2);
    const event = log.find(({ type }) => type === 'LeadAssigned')!;
    expect(assigned).toEqual({
      id: event.id,
      type: 'LeadAssigned',
      leadId: commands.leadId(1),
      leadOrdinal: 1,
      position: event.position,
      occurredAt: commands.time('09:10'),
      recordedAt: commands.time('09:10'),
      cause: null,
      actor: { type: 'service', id: 'gateway', name: null },
      summary: 'Assigned to Agent One',
      data: { ...event.data, note: null },
    });
    expect((await entriesOf(firstLead)).at(-1)?.actor).toEqual({ type: 'agent', id: 'ana', name: 'Agent One' });
  });

  it('fills in agent names in actors and summaries, but not for a service with the id of an agent', async () => {
    const ofType = (type: string) => entriesOf(firstLead, { types: [type] });
    expect(await ofType('LeadAssigned')).toMatchObject([{ summary: 'Assigned to Agent One' }]);
    expect(await ofType('LeadStatusChanged')).toMatchObject([{ actor: { name: 'Agent One' } }]);
    expect(await ofType('LeadOpened')).toMatchObject([{ actor: { id: 'gateway', name: null } }]);
  });

  it('filters history entries by type, actor and time', async () => {
    expect(await typesOf(firstLead, { types: ['LeadAssigned', 'LeadOpened'] })).toEqual(['LeadOpened', 'LeadAssigned']);
    expect(await typesOf(firstLead, { actors: ['agent:ana'] })).toEqual(['LeadStatusChanged']);
    const [assignedAt, lostAt] = [commands.time('09:10'), commands.time('09:20')];
    expect(await typesOf(firstLead, { from: assignedAt })).toEqual(['LeadAssigned', 'LeadStatusChanged']);
    expect(await typesOf(firstLead, { to: assignedAt })).toEqual(openingTypes);
    expect(await typesOf(firstLead, { from: assignedAt, to: lostAt })).toEqual(['LeadAssigned']);
  });

  it('lists what had happened as of a time, and what had been recorded as of a position', async () => {
    const time = commands.time('09:10');
    expect(await typesOf(firstLead, { asOf: { time } })).toEqual([...openingTypes, 'LeadAssigned']);
    const { position } = log.find(({ type }) => type === 'LeadAssigned')!;
    expect(await typesOf(firstLead, { asOf: { position } })).toEqual([...openingTypes, 'LeadAssigned']);
    const afterLateMessage = { time: commands.time('09:16') };
    expect(await typesOf(secondLead, { asOf: afterLateMessage })).toEqual(['MessageSent', 'InteractionRecorded']);
    expect(await typesOf(secondLead, { asOf: { position } })).toEqual(['MessageSent']);
  });

  it('pages through history entries', async () => {
    const page = { descending: false, limit: 3 };
    const firstPage = await listHistory(view.reader, commands.org, firstLead, noFilter, page);
    expect(firstPage.items.map(({ type }) => type)).toEqual(openingTypes);
    expect(firstPage.checkpoint).toBe(log.at(-1)?.position);
    const after = firstPage.last!;
    const nextPage = await listHistory(view.reader, commands.org, firstLead, noFilter, { ...page, after });
    expect(nextPage).toMatchObject({ items: [{ type: 'LeadAssigned' }, { type: 'LeadStatusChanged' }], last: null });
  });

  it('lists the contact’s earlier leads, oldest first, only for its own organization', async () => {
    expect(await listPastLeads(view.reader, commands.org, commands.leadId(3))).toEqual([
      {
        id: commands.leadId(1),
        ordinal: 1,
        status: 'lost',
        createdAt: commands.time('09:00'),
        closedAt: commands.time('09:20'),
      },
      {
        id: commands.leadId(2),
        ordinal: 2,
        status: 'lost',
        createdAt: commands.time('09:30'),
        closedAt: commands.time('09:50'),
      },
    ]);
    expect(await listPastLeads(view.reader, commands.org, commands.leadId(1))).toEqual([]);
    expect(await listPastLeads(view.reader, commands.org, commands.leadId(4))).toBeUndefined();
    expect(await listPastLeads(view.reader, 'org-2', commands.leadId(3))).toBeUndefined();
  });
});
