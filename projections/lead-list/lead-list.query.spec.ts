import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as ask from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { leadList } from './lead-list.projection.js';
import {
  listActiveLeadIds,
  countActiveLeads,
  countLeads,
  leadSorts,
  listLeads,
  loadLead,
  type LeadFilter,
} from './lead-list.query.js';

const lead = (contactKey: string, clock: string, name: string, ...more: readonly ask.ContactStep[]) =>
  ask.given(ask.at(clock, ask.interaction({ contactKey, profile: { name } })), ...more).events;
const log = mergeIntoLog(
  ask.givenAgent(ask.registerAgent(), ask.changeAgent({ name: 'Agent Two' })).events,
  lead('c1', '10:00', 'Cem Kaya', ask.assign('ana', { leadId: 'c1-1' })),
  lead('c2', '09:00', 'Ben Jonson', ask.assign('zoe', { leadId: 'c2-1' })),
  lead('c3', '08:00', 'Dora Maar', ask.changeStatus('lost', { leadId: 'c3-1' })),
  lead('c4', '11:00', 'Ben Nicholson'),
  lead('c5', '07:00', 'Ben Elsewhere').map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(leadList, log);
});
afterAll(() => view.close());

const all: LeadFilter = { where: [], search: null };
const lost: LeadFilter = { where: [{ column: 'status', in: [6] }], search: null };
const ben: LeadFilter = { where: [], search: 'ben' };
const newest = { sort: { column: 'createdAt', descending: true }, limit: 10 };
const idsOf = async (filter: LeadFilter, page: Parameters<typeof listLeads>[3] = newest) =>
  (await listLeads(view.reader, ask.org, filter, page)).items.map((it) => it.id);

describe('The list of leads, asked', () => {
  it('tells the leads of one organization, sorted', async () => {
    expect(await idsOf(all)).toEqual(['c4-1', 'c1-1', 'c2-1', 'c3-1']);
    expect(await idsOf(all, { ...newest, sort: { column: 'name', descending: false } })).toEqual([
      'c2-1',
      'c4-1',
      'c1-1',
      'c3-1',
    ]);
  });

  it.each(leadSorts)('sorts by %s', async (column) =>
    expect(await idsOf(all, { ...newest, sort: { column, descending: false } })).toHaveLength(4),
  );

  it('tells those that a filter and a search let through, and how many they are', async () => {
    for (const [filter, ids] of [
      [all, ['c4-1', 'c1-1', 'c2-1', 'c3-1']],
      [lost, ['c3-1']],
      [ben, ['c4-1', 'c2-1']],
      [{ ...lost, search: 'ben' }, []],
    ] as const) {
      expect(await idsOf(filter)).toEqual(ids);
      expect(await countLeads(view.reader, ask.org, filter)).toBe(ids.length);
    }
  });

  it('fills in what agents are called, as far as it is known', async () => {
    const { items } = await listLeads(view.reader, ask.org, all, newest);
    expect(items.map((it) => it.agent)).toEqual([
      null,
      { id: 'ana', name: 'Agent Two' },
      { id: 'zoe', name: null },
      null,
    ]);
  });

  it('comes by pages', async () => {
    const page = { ...newest, limit: 3 };
    const first = await listLeads(view.reader, ask.org, all, page);
    expect(first.items.map((it) => it.id)).toEqual(['c4-1', 'c1-1', 'c2-1']);
    expect(first.checkpoint).toBe(log.at(-1)?.position);
    const second = await listLeads(view.reader, ask.org, all, { ...page, after: first.last! });
    expect(second).toMatchObject({ items: [{ id: 'c3-1' }], last: null });
    expect((await listLeads(view.reader, ask.org, all, { ...newest, limit: 4 })).last).toBeNull();
  });

  it('tells one lead to its own organization', async () => {
    expect(await loadLead(view.reader, ask.org, 'c1-1')).toMatchObject({
      id: 'c1-1',
      agent: { id: 'ana', name: 'Agent Two' },
    });
    for (const id of ['c5-1', 'c9-1']) expect(await loadLead(view.reader, ask.org, id)).toBeUndefined();
  });
});

describe('A selection of leads', () => {
  it('has the active ones that the filter lets through, oldest first', async () => {
    expect(await listActiveLeadIds(view.reader, ask.org, all, 10)).toEqual(['c2-1', 'c1-1', 'c4-1']);
    expect(await listActiveLeadIds(view.reader, ask.org, ben, 10)).toEqual(['c2-1', 'c4-1']);
    expect(await listActiveLeadIds(view.reader, ask.org, lost, 10)).toEqual([]);
    expect(await countActiveLeads(view.reader, ask.org, all)).toBe(3);
    expect(await countActiveLeads(view.reader, ask.org, lost)).toBe(0);
  });

  it('has no more than asked for, and all of many', async () => {
    expect(await listActiveLeadIds(view.reader, ask.org, all, 2)).toEqual(['c2-1', 'c1-1']);
    expect(await listActiveLeadIds(view.reader, ask.org, all, 0)).toEqual([]);
    const [opened] = lead('c1', '10:00', 'Cem Kaya').filter((it) => it.type === 'LeadOpened');
    const many = Array.from({ length: 1_002 }, (_, nth) => ({
      ...opened!,
      data: { ...opened!.data, leadId: `c1-${nth}` },
    }));
    const large = await openTestView(leadList, mergeIntoLog(many));
    try {
      const found = await listActiveLeadIds(large.reader, ask.org, all, 5_000);
      expect(new Set(found)).toEqual(new Set(many.map(({ data }) => data.leadId)));
      expect(found).toHaveLength(1_002);
      expect(await listActiveLeadIds(large.reader, ask.org, all, 1_001)).toEqual(found.slice(0, 1_001));
    } finally {
      await large.close();
    }
  });
});
