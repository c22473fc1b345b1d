import type { Actor, Position } from '#domain/event-envelope';
import type { EventType } from '#domain/event';
import { contactKeyOf, ordinalOf } from '#domain/lead/lead.id';
import type { Status } from '#domain/lead/lead.vocabulary';
import type { AgentNameResolver } from '#resources/agent-reference';
import type { Condition, RowQuery, ViewReader } from '#read-model/view-store';
import { loadAgentNames } from '../agent-names.js';
import { toListPage, type ListPage } from '../page.js';
import { everyLead, type EntryRow, type StatusChange } from './lead-history.projection.js';
import { summarizeEvent } from './lead-history.summary.js';

/** An entry of a timeline. `data` has `from` and `to` if the event changed a value. */
export interface HistoryEntry {
  readonly id: string;
  readonly type: EventType;
  readonly leadId: string | null;
  readonly leadOrdinal: number | null;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly actor: Actor & { readonly name: string | null };
  readonly cause: string | null;
  readonly summary: string;
  readonly data: object;
  readonly position: Position;
}

/** An earlier lead of the same contact. */
export interface PastLead {
  readonly id: string;
  readonly ordinal: number;
  readonly status: Status;
  readonly createdAt: string;
  readonly closedAt: string | null;
}

/** A null filter restricts nothing. `from` (inclusive) and `to` (exclusive) are RFC 3339 in UTC and compare with `occurredAt`. */
export interface HistoryFilter {
  readonly types: readonly string[] | null;
  /** `<type>:<id>` each. */
  readonly actors: readonly string[] | null;
  readonly from: string | null;
  readonly to: string | null;
  /** The history as of a time (by `occurredAt`) or as of a log position (by what had been recorded). */
  readonly asOf: { readonly time: string } | { readonly position: Position } | null;
}

/** A history is that of a lead or of a contact. */
export type HistorySubject = { readonly leadId: string } | { readonly contactKey: string };

/** A prefix with this appended sorts after every text that starts with the prefix. */
const afterPrefix = '~';

function filterConditions({ types, actors, from, to, asOf }: HistoryFilter): readonly Condition[] {
  return [
    ...(types ? [{ column: 'type', in: types }] : []),
    ...(actors ? [{ column: 'actor', in: actors }] : []),
    ...(from !== null || to !== null
      ? [{ column: 'at', ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) }]
      : []),
    ...(asOf && 'time' in asOf ? [{ column: 'at', to: asOf.time + afterPrefix }] : []),
    ...(asOf && 'position' in asOf ? [{ column: 'position', to: asOf.position + afterPrefix }] : []),
  ];
}

const subjectConditions = (subject: HistorySubject): readonly Condition[] =>
  'contactKey' in subject
    ? [{ column: 'contactKey', in: [subject.contactKey] }]
    : [
        { column: 'contactKey', in: [contactKeyOf(subject.leadId)] },
        { column: 'shownOn', in: [subject.leadId, everyLead] },
      ];

/** Oldest or newest first. A lead's history includes the broadcast messages of its contact. */
export async function listHistory(
  reader: ViewReader,
  org: string,
  subject: HistorySubject,
  filter: HistoryFilter,
  page: { readonly descending: boolean } & Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<HistoryEntry>> {
  const { descending, limit, after } = page;
  const found = await reader.find<EntryRow>('entries', {
    where: [...subjectConditions(subject), ...filterConditions(filter)],
    sort: { column: 'at', descending },
    limit,
    ...(after ? { after } : {}),
  });
  const entries = found.rows.map(({ row }) => row);
  const nameOf = await loadAgentNames(
    reader,
    org,
    entries.flatMap((row) => [...referencedAgentIds(row)]),
  );
  return toListPage(
    found,
    entries.map((row) => toResource(row, nameOf)),
  );
}

export async function countHistory(
  reader: ViewReader,
  subject: HistorySubject,
  filter: HistoryFilter,
): Promise<number> {
  return reader.count('entries', { where: [...subjectConditions(subject), ...filterConditions(filter)] });
}

/** The contact's leads before this one, oldest first, at most 1,000; undefined if the organization has no such lead. */
export async function listPastLeads(
  reader: ViewReader,
  org: string,
  leadId: string,
): Promise<readonly PastLead[] | undefined> {
  /** Entries that open or close a lead of the contact, oldest first. */
  const findOpeningsAndClosings = async (limit: number, condition: Condition): Promise<readonly EntryRow[]> => {
    const { rows } = await reader.find<EntryRow>('entries', {
      where: [{ column: 'contactKey', in: [contactKeyOf(leadId)] }, { column: 'turns', in: [1] }, condition],
      sort: { column: 'position', descending: false },
      limit,
    });
    return rows.map(({ row }) => row);
  };
  const [opening] = await findOpeningsAndClosings(1, { column: 'shownOn', in: [leadId] });
  if (opening?.org !== org) return undefined;
  const pastLeads = new Map<string, PastLead>();
  // Each past lead has two entries: one that opens it and one that closes it.
  const entries = await findOpeningsAndClosings(maxPastLeads * 2, { column: 'position', to: opening.position });
  for (const entry of entries) {
    const id = entry.leadId!;
    const lead = pastLeads.get(id) ?? newPastLead(id, entry.occurredAt);
    pastLeads.set(id, entry.type === 'LeadOpened' ? lead : closePastLead(lead, entry));
  }
  return [...pastLeads.values()];
}

const maxPastLeads = 1_000;

const newPastLead = (id: string, createdAt: string): PastLead => ({
  id,
  ordinal: ordinalOf(id),
  status: 'new',
  createdAt,
  closedAt: null,
});

const closePastLead = (lead: PastLead, { data, occurredAt }: EntryRow): PastLead => ({
  ...lead,
  status: (data as StatusChange).to,
  closedAt: occurredAt,
});

/** Whether the view has any entry of this contact. */
export async function hasContact(reader: ViewReader, contactKey: string): Promise<boolean> {
  const { rows } = await reader.find('entries', {
    where: [{ column: 'contactKey', in: [contactKey] }],
    sort: { column: 'at', descending: false },
    limit: 1,
  });
  return rows.length > 0;
}

/** The ids of agents that an event's summary may name. May include other texts, which resolve to no name. */
export function* referencedAgentIds({ actor, data }: Pick<EntryRow, 'actor' | 'data'>): Generator<string> {
  if (actor.type === 'agent') yield actor.id;
  for (const field of ['from', 'to', 'assigneeId'] as const) {
    const value = (data as Record<string, unknown>)[field];
    if (typeof value === 'string') yield value;
  }
}

function toResource(row: EntryRow, nameOf: AgentNameResolver): HistoryEntry {
  const { id, type, leadId, occurredAt, recordedAt, actor, cause, data, position } = row;
  return {
    id,
    type,
    leadId,
    leadOrdinal: leadId === null ? null : ordinalOf(leadId),
    occurredAt,
    recordedAt,
    actor: { ...actor, name: actor.type === 'agent' ? nameOf(actor.id) : null },
    cause,
    summary: summarizeEvent(type, data, nameOf),
    data,
    position,
  };
}
