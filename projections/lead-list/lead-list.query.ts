import { toLeadResource, type LeadResource } from '#resources/lead.resource';
import { parseSearchWords } from '#read-model/tokens';
import type { Filter, Condition, RowQuery, RowReader } from '#read-model/view-store';
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

/** What is asked of the list; what is left out restricts nothing. */
export interface LeadFilter {
  readonly where: readonly Condition[];
  /** As somebody typed it: every word begins a word of name, phone or email. */
  readonly search: string | null;
}

export async function listLeads(
  reader: RowReader,
  org: string,
  filter: LeadFilter,
  page: Pick<RowQuery, 'sort' | 'limit' | 'after'>,
): Promise<ListPage<LeadResource>> {
  const found = await reader.find<LeadRow>('leads', { ...conditions(org, filter), ...page });
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
  reader.count('leads', conditions(org, filter));

/** So many rows of a selection are read at once. */
const chunk = 1_000;

/** The ids of the active leads that the filter lets through, oldest first; no more than `most`. */
export async function listActiveLeadIds(
  reader: RowReader,
  org: string,
  filter: LeadFilter,
  most: number,
): Promise<readonly string[]> {
  const asked = conditions(org, onlyActive(filter));
  const sort = { column: 'createdAt', descending: false };
  const ids: string[] = [];
  let after: RowQuery['after'];
  while (ids.length < most) {
    const limit = Math.min(chunk, most - ids.length);
    const { rows, hasMore: more } = await reader.find<LeadRow>('leads', {
      ...asked,
      sort,
      limit,
      ...(after ? { after } : {}),
    });
    ids.push(...rows.map(({ key }) => key));
    if (!more) break;
    const last = rows.at(-1)!;
    after = { value: last.sortValue, key: last.key };
  }
  return ids;
}

export const countActiveLeads = (reader: RowReader, org: string, filter: LeadFilter): Promise<number> =>
  countLeads(reader, org, onlyActive(filter));

const onlyActive = ({ where, search }: LeadFilter): LeadFilter => ({
  where: [...where, { column: 'active', in: [1] }],
  search,
});

/** One lead; undefined when the organization has no such lead. */
export async function loadLead(reader: RowReader, org: string, leadId: string): Promise<LeadResource | undefined> {
  const row = (await reader.get<LeadRow>('leads', [leadId])).get(leadId);
  if (row?.org !== org) return undefined;
  return toLeadResource(row.lead, await loadAgentNames(reader, org, [row.lead.agentId]));
}

const conditions = (org: string, { where, search }: LeadFilter): Filter => ({
  where: [{ column: 'org', in: [org] }, ...where],
  derivedConditions: deriveConditions(where),
  ...(search === null ? {} : { words: parseSearchWords(search) }),
});
