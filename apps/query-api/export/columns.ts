import type { LeadResource } from '#resources/lead.resource';

/** Null: an absent fact, such as the score of a lead that was never scored. */
export type CellValue = string | number | boolean | null;

/** A column of an export. Times are RFC 3339 in UTC; the zone that was asked for comes later. */
export interface Column {
  readonly kind: 'text' | 'number' | 'flag' | 'time';
  readonly read: (lead: LeadResource) => CellValue;
}

const text = (of: (lead: LeadResource) => string | null): Column => ({ kind: 'text', read: of });
const number = (of: (lead: LeadResource) => number | null): Column => ({ kind: 'number', read: of });
const flag = (of: (lead: LeadResource) => boolean): Column => ({ kind: 'flag', read: of });
const time = (of: (lead: LeadResource) => string | null): Column => ({ kind: 'time', read: of });

/** By name. Where a filter or a sort of the list is about the same fact, it has the same name. */
export const columns = {
  id: text((it) => it.id),
  contactId: text((it) => it.contactId),
  ordinal: number((it) => it.ordinal),
  previousLeadId: text((it) => it.previousLeadId),
  name: text((it) => it.contact.name),
  phone: text((it) => it.contact.phone),
  email: text((it) => it.contact.email),
  channel: text((it) => it.channel),
  origin: text((it) => it.origin.kind),
  attribution: text((it) => it.origin.attribution),
  broadcastId: text((it) => it.origin.broadcastId),
  campaignId: text((it) => it.origin.campaign?.id ?? null),
  campaignName: text((it) => it.origin.campaign?.name ?? null),
  status: text((it) => it.status),
  active: flag((it) => it.active),
  reason: text((it) => it.reason),
  score: number((it) => it.qualification.score),
  scoreSource: text((it) => it.qualification.source),
  scorePinned: flag((it) => it.qualification.pinned),
  scoreModel: text((it) => it.qualification.model),
  scoreRationale: text((it) => it.qualification.rationale),
  scoredAt: time((it) => it.qualification.scoredAt),
  agentId: text((it) => it.agent?.id ?? null),
  agentName: text((it) => it.agent?.name ?? null),
  assignedAt: time((it) => it.assignedAt),
  openFollowUps: number((it) => it.followUps.open),
  nextFollowUpAt: time((it) => it.followUps.nextDueAt),
  createdAt: time((it) => it.createdAt),
  statusChangedAt: time((it) => it.statusChangedAt),
  lastInteractionAt: time((it) => it.lastInteractionAt),
  updatedAt: time((it) => it.updatedAt),
  closedAt: time((it) => it.closedAt),
  version: number((it) => it.version),
} satisfies Record<string, Column>;

export type ColumnName = keyof typeof columns;
export const columnNames = Object.keys(columns) as readonly ColumnName[];

/** Of a spreadsheet for which no columns were asked: what people look at, in the order in which they do. */
export const defaultColumns: readonly ColumnName[] = [
  'id',
  'contactId',
  'name',
  'phone',
  'email',
  'channel',
  'origin',
  'campaignName',
  'status',
  'active',
  'score',
  'scoreSource',
  'agentName',
  'nextFollowUpAt',
  'lastInteractionAt',
  'createdAt',
  'updatedAt',
];

/** Where a whole lead holds times. */
const timesOf: ReadonlySet<string> = new Set([
  'statusChangedAt',
  'closedAt',
  'assignedAt',
  'lastInteractionAt',
  'createdAt',
  'updatedAt',
  'scoredAt',
  'suggestedAt',
  'nextDueAt',
]);

/** The whole lead with its times as `told` tells them. No text of a caller's stands under those names. */
export const serializeLead = (lead: LeadResource, told: (time: string) => string): string =>
  JSON.stringify(lead, (name, value: unknown) =>
    typeof value === 'string' && timesOf.has(name) ? told(value) : value,
  );
