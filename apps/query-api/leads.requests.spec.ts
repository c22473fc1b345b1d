import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LeadResource } from '#domain/lead/lead.shown';
import { statuses } from '#domain/lead/lead.state';
import { toLeadFilter } from '#http/lead-filter';
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
/** So that few leads are found in the ways of many. */
const views = new SqliteViewStore(viewsFolder(folder), {
  readerThread: false,
  costModel: { minScanAdvantage: 0.05, maxSortedShare: 0.2 },
});
let reader: ViewReader;
let leads: readonly LeadResource[];

beforeAll(async () => {
  await fillLog(folder, { leads: 400, seed: 7, eventsPerLead: 8 }, () => undefined);
  await buildView(folder, leadListView);
  reader = await views.openForReading(leadListView);
  const sort = parseLeadSort('name');
  leads = (await listLeads(reader, org, { where: [], search: null }, { sort, limit: 10_000 })).items;
});
afterAll(async () => {
  await views.close();
  rmSync(folder, { recursive: true });
});

const folded = (text: string): string =>
  text.normalize('NFKD').replace(/\p{M}/gu, '').toUpperCase().toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');
const wordsOf = (text: string): readonly string[] => folded(text).match(/[\p{L}\p{N}]+/gu) ?? [];
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** As the API's page says it, of a lead as it is shown. */
const holds: Readonly<Record<string, (lead: LeadResource, value: string) => boolean>> = {
  status: (lead, value) => value.split(',').includes(lead.status),
  active: (lead, value) => String(lead.active) === value,
  agentId: (lead, value) => (lead.agent?.id ?? 'none') === value,
  contactId: (lead, value) => lead.contactId === value,
  channel: (lead, value) => value.split(',').some((it) => it === lead.channel),
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
        words.some((it) => it.startsWith(word) || (unspaced.test(it) && it.includes(word))) ||
        (/^\d+$/.test(word) && (digits.startsWith(word) || digits.endsWith(word))),
    );
  },
};

const valueOf: Readonly<Record<string, (lead: LeadResource) => string | number | null>> = {
  createdAt: (lead) => lead.createdAt,
  updatedAt: (lead) => lead.updatedAt,
  lastInteractionAt: (lead) => lead.lastInteractionAt,
  score: (lead) => lead.qualification.score,
  name: ({ contact: { name } }) => name && name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase(),
  status: (lead) => statuses.indexOf(lead.status),
  nextFollowUpAt: (lead) => lead.followUps.nextDueAt,
};

function expected({ sort = '-createdAt', ...asked }: BenchQuery['params']): readonly string[] {
  const [of, sign] = [valueOf[sort.replace('-', '')]!, sort.startsWith('-') ? -1 : 1];
  const compare = (a: string | number, b: string | number): number =>
    typeof a === 'number' ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  return leads
    .filter((lead) => Object.entries(asked).every(([name, value]) => name === 'timeZone' || holds[name]!(lead, value)))
    .toSorted((a, b) => {
      const [x, y] = [of(a), of(b)];
      if (x === null || y === null) return x === y ? sign * compare(a.id, b.id) : x === null ? 1 : -1;
      return sign * (compare(x, y) || compare(a.id, b.id));
    })
    .map(({ id }) => id);
}

async function pages(asked: BenchQuery['params'], limit: number): Promise<readonly string[]> {
  const query = validate(LeadsQuery, asked);
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

it('finds what a look at every lead finds, page by page, for all filters, sorts and searches', async () => {
  const known = leads.map(({ contactId, contact }) => ({ contactId, ...contact }));
  const [each, words] = [filterParams(datasetEnd, known), searchParams(known)];
  const utc = (questions: readonly BenchQuery[]) =>
    questions.filter(({ params: asked, isDeepPage: deep }) => !deep && !asked['timeZone']);
  const questions = utc([
    ...[...singleQueries(each), ...sortQueries(), ...singleQueries(words)],
    ...[...queriesInEveryOrder(each), ...queriesInEveryOrder(words)].filter((_, nth) => nth % 6 === 0),
    ...mixedQueries(each, words, 1_000),
  ]);
  let found = 0;
  for (const [nth, { params: asked }] of questions.entries()) {
    const ids = await pages(asked, [7, 30, 200][nth % 3]!);
    const right = expected(asked);
    if (JSON.stringify(ids) !== JSON.stringify(right)) expect({ asked, ids }).toEqual({ asked, ids: right });
    found += ids.length;
  }
  expect(found).toBeGreaterThan(10_000);
});
