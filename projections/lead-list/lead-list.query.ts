import { toLeadResource, type LeadResource } from '#resources/lead.resource';
import { parseSearchWords } from '#read-model/tokens';
import { readPages, type Filter, type Condition, type RowQuery, type RowReader } from '#read-model/view-store';
import { loadAgentNames } from '../agent-names.js';
import { toListPage, type ListPage } from '../page.js';
import { deriveConditions } from './lead-list.derived.js';
import type { LeadRow } from './lead-list.projection.js';

export const leadSorts = [
  'createdAt',
  'updatedAt',
  'lastInteractionAt',
  'score',
  'name',
  'status',
  'nextFollowUpAt',
] as const;
export type LeadSort = (typeof leadSorts)[number];

export interface LeadFilter {
  readonly where: readonly Condition[];
  /** Search text as typed: each of its words must begin a word of the name, phone or email. Null: no search. */
  readonly search: string | null;
}

export async function listLeads(
  reader: RowReader,
  org: string,
  filter: LeadFilter,
  page: Pick<RowQuery, 'sort' | 'limit' | 'after'>,
): Promise<ListPage<LeadResource>> {
  const found = await reader.find<LeadRow>('leads', { ...toRowFilter(org, filter), ...page });
  const nameOf = await loadAgentNames(
    reader,
    org,
    found.rows.map(({ row }) => row.lead.agentId),
  );
  return toListPage(
    found,
    found.rows.map(({ row }) => toLeadResource(row.lead, nameOf)),
  );
}

export const countLeads = (reader: RowReader, org: string, filter: LeadFilter): Promise<number> =>
  reader.count('leads', toRowFilter(org, filter));

const maxPageSize = 1_000;

/** The ids of the active leads that match the filter, oldest first; at most `maxIds`. */
export async function listActiveLeadIds(
  reader: RowReader,
  org: string,
  filter: LeadFilter,
  maxIds: number,
): Promise<readonly string[]> {
  const ids: string[] = [];
  if (maxIds === 0) return ids;
  const pages = readPages<LeadRow>(reader, 'leads', {
    ...toRowFilter(org, onlyActive(filter)),
    sort: { column: 'createdAt', descending: false },
    limit: Math.min(maxPageSize, maxIds),
  });
  for await (const { rows } of pages) {
    for (const { key } of rows) ids.push(key);
    if (ids.length >= maxIds) break;
  }
  return ids.slice(0, maxIds);
}

export const countActiveLeads = (reader: RowReader, org: string, filter: LeadFilter): Promise<number> =>
  countLeads(reader, org, onlyActive(filter));

const onlyActive = ({ where, search }: LeadFilter): LeadFilter => ({
  where: [...where, { column: 'active', in: [1] }],
  search,
});

/** Undefined if the organization has no such lead. */
export async function loadLead(reader: RowReader, org: string, leadId: string): Promise<LeadResource | undefined> {
  const row = (await reader.get<LeadRow>('leads', [leadId])).get(leadId);
  if (row?.org !== org) return undefined;
  return toLeadResource(row.lead, await loadAgentNames(reader, org, [row.lead.agentId]));
}

const toRowFilter = (org: string, { where, search }: LeadFilter): Filter => ({
  where: [{ column: 'org', in: [org] }, ...where],
  derivedConditions: deriveConditions(where),
  ...(search === null ? {} : { words: parseSearchWords(search) }),
});
