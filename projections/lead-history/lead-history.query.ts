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

/** An entry of a timeline. `data` has `from` and `to` where something changed. */
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

/** A lead of the contact, as a list of past leads shows it. */
export interface PastLead {
  readonly id: string;
  readonly ordinal: number;
  readonly status: Status;
  readonly createdAt: string;
  readonly closedAt: string | null;
}

/** Which entries; what is null restricts nothing. Times are RFC 3339 in UTC: `from` inclusive, `to` exclusive, by when things happened. */
export interface HistoryFilter {
  readonly types: readonly string[] | null;
  /** `<type>:<id>` */
  readonly actors: readonly string[] | null;
  readonly from: string | null;
  readonly to: string | null;
  /** As it was then: at a time (by when things happened), or at a position (by what had been recorded). */
  readonly asOf: { readonly time: string } | { readonly position: Position } | null;
}

/** Whose history. */
export type HistorySubject = { readonly leadId: string } | { readonly contactKey: string };

/** Behind every text that begins with the one before it. */
const behind = '~';

function conditions({ types, actors, from, to, asOf }: HistoryFilter): readonly Condition[] {
  return [
    ...(types ? [{ column: 'type', in: types }] : []),
    ...(actors ? [{ column: 'actor', in: actors }] : []),
    ...(from !== null || to !== null
      ? [{ column: 'at', ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) }]
      : []),
    ...(asOf && 'time' in asOf ? [{ column: 'at', to: asOf.time + behind }] : []),
    ...(asOf && 'position' in asOf ? [{ column: 'position', to: asOf.position + behind }] : []),
  ];
}

const entriesOf = (of: HistorySubject): readonly Condition[] =>
  'contactKey' in of
    ? [{ column: 'contactKey', in: [of.contactKey] }]
    : [
        { column: 'contactKey', in: [contactKeyOf(of.leadId)] },
        { column: 'shownOn', in: [of.leadId, everyLead] },
      ];

/** Oldest or newest first. A lead's own history also holds the broadcast messages of its contact. */
export async function listHistory(
  reader: ViewReader,
  org: string,
  of: HistorySubject,
  filter: HistoryFilter,
  page: { readonly descending: boolean } & Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<HistoryEntry>> {
  const { descending, limit, after } = page;
  const found = await reader.find<EntryRow>('entries', {
    where: [...entriesOf(of), ...conditions(filter)],
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
    entries.map((row) => shown(row, nameOf)),
  );
}

/** How many entries there are. */
export async function countHistory(reader: ViewReader, of: HistorySubject, filter: HistoryFilter): Promise<number> {
  return reader.count('entries', { where: [...entriesOf(of), ...conditions(filter)] });
}

/** How many past leads are told; each has an entry that opens it and one that closes it. */
const mostPast = 1_000;

/** The contact's leads before this one, oldest first, at most 1,000; undefined when the organization has no such lead. */
export async function listPastLeads(
  reader: ViewReader,
  org: string,
  leadId: string,
): Promise<readonly PastLead[] | undefined> {
  const turns = async (limit: number, ...more: readonly Condition[]): Promise<readonly EntryRow[]> => {
    const ofContact = { column: 'contactKey', in: [contactKeyOf(leadId)] };
    const where = [ofContact, { column: 'turns', in: [1] }, ...more];
    const sort = { column: 'position', descending: false };
    return (await reader.find<EntryRow>('entries', { where, sort, limit })).rows.map(({ row }) => row);
  };
  const [opening] = await turns(1, { column: 'shownOn', in: [leadId] });
  if (opening?.org !== org) return undefined;
  const before = await turns(2 * mostPast, { column: 'position', to: opening.position });
  const past = new Map<string, PastLead>();
  for (const { type, leadId: its, occurredAt, data } of before) {
    const id = its!;
    const lead = past.get(id) ?? { id, ordinal: ordinalOf(id), status: 'new', createdAt: occurredAt, closedAt: null };
    past.set(id, type === 'LeadOpened' ? lead : { ...lead, status: (data as StatusChange).to, closedAt: occurredAt });
  }
  return [...past.values()];
}

/** Whether the view has anything of this contact. */
export async function hasContact(reader: ViewReader, contactKey: string): Promise<boolean> {
  const { rows } = await reader.find('entries', {
    where: [{ column: 'contactKey', in: [contactKey] }],
    sort: { column: 'at', descending: false },
    limit: 1,
  });
  return rows.length > 0;
}

/** The ids of agents whose names an event's summary may show, and perhaps other texts. */
export function* referencedAgentIds({ actor, data }: Pick<EntryRow, 'actor' | 'data'>): Generator<string> {
  if (actor.type === 'agent') yield actor.id;
  for (const field of ['from', 'to', 'assigneeId'] as const) {
    const value = (data as Record<string, unknown>)[field];
    if (typeof value === 'string') yield value;
  }
}

function shown(row: EntryRow, nameOf: AgentNameResolver): HistoryEntry {
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
