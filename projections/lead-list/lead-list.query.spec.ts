import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { leadListView } from './lead-list.projection.js';
import {
  listActiveLeadIds,
  countActiveLeads,
  countLeads,
  leadSorts,
  listLeads,
  loadLead,
  type LeadFilter,
} from './lead-list.query.js';

const lead = (contactKey: string, clock: string, name: string, ...steps: readonly commands.ContactStep[]) =>
  commands.given(commands.at(clock, commands.interaction({ contactKey, profile: { name } })), ...steps).events;
const log = mergeIntoLog(
  commands.givenAgent(commands.registerAgent(), commands.changeAgent({ name: 'Agent Two' })).events,
  lead('c1', '10:00', 'Cem Kaya', commands.assign('ana', { leadId: 'c1-1' })),
  lead('c2', '09:00', 'Ben Jonson', commands.assign('zoe', { leadId: 'c2-1' })),
  lead('c3', '08:00', 'Dora Maar', commands.changeStatus('lost', { leadId: 'c3-1' })),
  lead('c4', '11:00', 'Ben Nicholson'),
  lead('c5', '07:00', 'Ben Elsewhere').map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(leadListView, log);
});
afterAll(() => view.close());

const all: LeadFilter = { where: [], search: null };
const lost: LeadFilter = { where: [{ column: 'status', in: [6] }], search: null };
const ben: LeadFilter = { where: [], search: 'ben' };
const newestFirst = { sort: { column: 'createdAt', descending: true }, limit: 10 };
const idsOf = async (filter: LeadFilter, page: Parameters<typeof listLeads>[3] = newestFirst) =>
  (await listLeads(view.reader, commands.org, filter, page)).items.map(({ id }) => id);

describe('Leads query', () => {
  it('lists the leads of an organization in the requested order', async () => {
    expect(await idsOf(all)).toEqual(['c4-1', 'c1-1', 'c2-1', 'c3-1']);
    const byName = await idsOf(all, { ...newestFirst, sort: { column: 'name', descending: false } });
    expect(byName).toEqual(['c2-1', 'c4-1', 'c1-1', 'c3-1']);
  });

  it.each(leadSorts)('sorts leads by %s', async (column) =>
    expect(await idsOf(all, { ...newestFirst, sort: { column, descending: false } })).toHaveLength(4),
  );

  it('lists and counts the leads that match a filter and a search', async () => {
    for (const [filter, ids] of [
      [all, ['c4-1', 'c1-1', 'c2-1', 'c3-1']],
      [lost, ['c3-1']],
      [ben, ['c4-1', 'c2-1']],
      [{ ...lost, search: 'ben' }, []],
    ] as const) {
      expect(await idsOf(filter)).toEqual(ids);
      expect(await countLeads(view.reader, commands.org, filter)).toBe(ids.length);
    }
  });

  it('fills in the agent names of leads, with null for an unknown agent', async () => {
    const { items } = await listLeads(view.reader, commands.org, all, newestFirst);
    expect(items.map(({ agent }) => agent)).toEqual([
      null,
      { id: 'ana', name: 'Agent Two' },
      { id: 'zoe', name: null },
      null,
    ]);
  });

  it('pages through leads', async () => {
    const page = { ...newestFirst, limit: 3 };
    const firstPage = await listLeads(view.reader, commands.org, all, page);
    expect(firstPage.items.map(({ id }) => id)).toEqual(['c4-1', 'c1-1', 'c2-1']);
    expect(firstPage.checkpoint).toBe(log.at(-1)?.position);
    const nextPage = await listLeads(view.reader, commands.org, all, { ...page, after: firstPage.last! });
    expect(nextPage).toMatchObject({ items: [{ id: 'c3-1' }], last: null });
    expect((await listLeads(view.reader, commands.org, all, { ...newestFirst, limit: 4 })).last).toBeNull();
  });

  it('loads a lead only for its own organization', async () => {
    expect(await loadLead(view.reader, commands.org, 'c1-1')).toMatchObject({
      id: 'c1-1',
      agent: { id: 'ana', name: 'Agent Two' },
    });
    for (const id of ['c5-1', 'c9-1']) expect(await loadLead(view.reader, commands.org, id)).toBeUndefined();
  });

  it('selects the active leads that match a filter, oldest first', async () => {
    expect(await listActiveLeadIds(view.reader, commands.org, all, 10)).toEqual(['c2-1', 'c1-1', 'c4-1']);
    expect(await listActiveLeadIds(view.reader, commands.org, ben, 10)).toEqual(['c2-1', 'c4-1']);
    expect(await listActiveLeadIds(view.reader, commands.org, lost, 10)).toEqual([]);
    expect(await countActiveLeads(view.reader, commands.org, all)).toBe(3);
    expect(await countActiveLeads(view.reader, commands.org, lost)).toBe(0);
  });

  it('selects at most the requested number of active leads, even if they do not fit on one page', async () => {
    expect(await listActiveLeadIds(view.reader, commands.org, all, 2)).toEqual(['c2-1', 'c1-1']);
    expect(await listActiveLeadIds(view.reader, commands.org, all, 0)).toEqual([]);
    const [opened] = lead('c1', '10:00', 'Cem Kaya').filter((event) => event.type === 'LeadOpened');
    const manyOpened = Array.from({ length: 1_002 }, (_, index) => ({
      ...opened!,
      data: { ...opened!.data, leadId: `c1-${index}` },
    }));
    const largeView = await openTestView(leadListView, mergeIntoLog(manyOpened));
    try {
      const ids = await listActiveLeadIds(largeView.reader, commands.org, all, 5_000);
      expect(new Set(ids)).toEqual(new Set(manyOpened.map(({ data }) => data.leadId)));
      expect(ids).toHaveLength(1_002);
      expect(await listActiveLeadIds(largeView.reader, commands.org, all, 1_001)).toEqual(ids.slice(0, 1_001));
    } finally {
      await largeView.close();
    }
  });
});
