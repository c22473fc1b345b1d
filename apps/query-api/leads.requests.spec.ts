import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LeadResource } from '#resources/lead.resource';
import { statuses } from '#domain/lead/lead.vocabulary';
import { toLeadFilter } from '#http/resources/lead-filter';
import { validate } from '#http/validation';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads } from '#projections/lead-list/lead-list.query';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { ViewReader } from '#read-model/view-store';
import { buildView, datasetEnd, fillLog, org, viewsFolder } from '#test/bench/dataset';
import {
  singleQueries,
  filterParams,
  queriesInEveryOrder,
  mixedQueries,
  type BenchQuery,
  searchParams,
  sortQueries,
} from '#test/bench/bench-queries';
import { parseLeadSort, LeadsQuery } from './leads.requests.js';

const folder = mkdtempSync(join(tmpdir(), 'leads-'));
const now = new Date(datasetEnd).toISOString();
/** Cost limits so low that 400 leads are read with the query plans for many leads. */
const views = new SqliteViewStore(viewsFolder(folder), {
  readerThread: false,
  costModel: { minScanAdvantage: 0.05, maxSortedShare: 0.2 },
});
let reader: ViewReader;
let allLeads: readonly LeadResource[];

beforeAll(async () => {
  await fillLog(folder, { leads: 400, seed: 7, eventsPerLead: 8 }, () => undefined);
  await buildView(folder, leadListView);
  reader = await views.openForReading(leadListView);
  const sort = parseLeadSort('name');
  allLeads = (await listLeads(reader, org, { where: [], search: null }, { sort, limit: 10_000 })).items;
});
afterAll(async () => {
  await views.close();
  rmSync(folder, { recursive: true });
});

const foldCase = (text: string): string =>
  text.normalize('NFKD').replace(/\p{M}/gu, '').toUpperCase().toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');
const wordsOf = (text: string): readonly string[] => foldCase(text).match(/[\p{L}\p{N}]+/gu) ?? [];
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** Each filter as the API documents it, applied to a lead as the API returns it. */
const matches: Readonly<Record<string, (lead: LeadResource, value: string) => boolean>> = {
  status: (lead, value) => value.split(',').includes(lead.status),
  active: (lead, value) => String(lead.active) === value,
  agentId: (lead, value) => (lead.agent?.id ?? 'none') === value,
  contactId: (lead, value) => lead.contactId === value,
  channel: (lead, value) => value.split(',').some((channel) => channel === lead.channel),
  origin: (lead, value) => value.split(',').includes(lead.origin.kind),
  campaignId: (lead, value) => lead.origin.campaign?.id === value,
  scoreMin: ({ qualification: { score } }, value) => score !== null && score >= Number(value),
  scoreMax: ({ qualification: { score } }, value) => score !== null && score <= Number(value),
  scored: ({ qualification: { score } }, value) => String(score !== null) === value,
  createdFrom: (lead, value) => lead.createdAt >= value,
  createdTo: (lead, value) => lead.createdAt < value,
  updatedFrom: (lead, value) => lead.updatedAt >= value,
  updatedTo: (lead, value) => lead.updatedAt < value,
  followUpDue: ({ followUps: { nextDueAt } }, value) =>
    value === 'none'
      ? nextDueAt === null
      : nextDueAt !== null && (value === 'overdue' ? nextDueAt < now : nextDueAt.startsWith(now.slice(0, 10))),
  q: ({ contact: { name, email, phone } }, value) => {
    const digits = phone?.replace(/\D/g, '') ?? '';
    const words = wordsOf(`${name ?? ''} ${email ?? ''}`);
    return (/^\+[\d ]+$/.test(value) ? [value.replace(/\D/g, '')] : wordsOf(value)).every(
      (word) =>
        words.some((text) => text.startsWith(word) || (unspaced.test(text) && text.includes(word))) ||
        (/^\d+$/.test(word) && (digits.startsWith(word) || digits.endsWith(word))),
    );
  },
};

const sortValues: Readonly<Record<string, (lead: LeadResource) => string | number | null>> = {
  createdAt: (lead) => lead.createdAt,
  updatedAt: (lead) => lead.updatedAt,
  lastInteractionAt: (lead) => lead.lastInteractionAt,
  score: (lead) => lead.qualification.score,
  name: ({ contact: { name } }) => name && name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase(),
  status: (lead) => statuses.indexOf(lead.status),
  nextFollowUpAt: (lead) => lead.followUps.nextDueAt,
};

/** Filters and sorts all leads in memory. */
function expectedIds({ sort = '-createdAt', ...filters }: BenchQuery['params']): readonly string[] {
  const sortValue = sortValues[sort.replace('-', '')]!;
  const sign = sort.startsWith('-') ? -1 : 1;
  const compare = (a: string | number, b: string | number): number =>
    typeof a === 'number' ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  return allLeads
    .filter((lead) =>
      Object.entries(filters).every(([name, value]) => name === 'timeZone' || matches[name]!(lead, value)),
    )
    .toSorted((a, b) => {
      const [x, y] = [sortValue(a), sortValue(b)];
      if (x === null || y === null) return x === y ? sign * compare(a.id, b.id) : x === null ? 1 : -1;
      return sign * (compare(x, y) || compare(a.id, b.id));
    })
    .map(({ id }) => id);
}

async function readPages(params: BenchQuery['params'], limit: number): Promise<readonly string[]> {
  const query = validate(LeadsQuery, params);
  const [filter, sort] = [toLeadFilter(query, now), parseLeadSort(query.sort)];
  const ids: string[] = [];
  for (let after: { value: string | number | null; key: string } | null | undefined; after !== null;) {
    const page = await listLeads(reader, org, filter, { sort, limit, ...(after ? { after } : {}) });
    ids.push(...page.items.map(({ id }) => id));
    after = page.last;
  }
  expect(await countLeads(reader, org, filter)).toBe(ids.length);
  return ids;
}

it('the pages of the lead list contain the same leads as filtering and sorting all leads in memory', async () => {
  const known = allLeads.map(({ contactId, contact }) => ({ contactId, ...contact }));
  const filters = filterParams(datasetEnd, known);
  const searches = searchParams(known);
  const sortedQueries = [...queriesInEveryOrder(filters), ...queriesInEveryOrder(searches)];
  const queries = [
    ...singleQueries(filters),
    ...sortQueries(),
    ...singleQueries(searches),
    ...sortedQueries.filter((_, index) => index % 6 === 0),
    ...mixedQueries(filters, searches, 1_000),
  ].filter(({ params, isDeepPage }) => !isDeepPage && !params['timeZone']);
  let found = 0;
  for (const [index, { params }] of queries.entries()) {
    const ids = await readPages(params, [7, 30, 200][index % 3]!);
    const expected = expectedIds(params);
    // Comparing texts before objects keeps thousands of comparisons fast.
    if (JSON.stringify(ids) !== JSON.stringify(expected)) expect({ params, ids }).toEqual({ params, ids: expected });
    found += ids.length;
  }
  expect(found).toBeGreaterThan(10_000);
});
