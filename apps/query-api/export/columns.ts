import type { LeadResource } from '#resources/lead.resource';

/** Null for absent values, such as the score of a lead that was never scored. */
export type CellValue = string | number | boolean | null;

/** A column of an export. `read` returns times as RFC 3339 in UTC; writers convert them to the requested time zone. */
export interface Column {
  readonly kind: 'text' | 'number' | 'flag' | 'time';
  readonly read: (lead: LeadResource) => CellValue;
}

const text = (read: (lead: LeadResource) => string | null): Column => ({ kind: 'text', read });
const number = (read: (lead: LeadResource) => number | null): Column => ({ kind: 'number', read });
const flag = (read: (lead: LeadResource) => boolean): Column => ({ kind: 'flag', read });
const time = (read: (lead: LeadResource) => string | null): Column => ({ kind: 'time', read });

/** Columns have the same names as the filters and sort keys of the list. */
export const columns = {
  id: text((lead) => lead.id),
  contactId: text((lead) => lead.contactId),
  ordinal: number((lead) => lead.ordinal),
  previousLeadId: text((lead) => lead.previousLeadId),
  name: text((lead) => lead.contact.name),
  phone: text((lead) => lead.contact.phone),
  email: text((lead) => lead.contact.email),
  channel: text((lead) => lead.channel),
  origin: text((lead) => lead.origin.kind),
  attribution: text((lead) => lead.origin.attribution),
  broadcastId: text((lead) => lead.origin.broadcastId),
  campaignId: text((lead) => lead.origin.campaign?.id ?? null),
  campaignName: text((lead) => lead.origin.campaign?.name ?? null),
  status: text((lead) => lead.status),
  active: flag((lead) => lead.active),
  reason: text((lead) => lead.reason),
  score: number((lead) => lead.qualification.score),
  scoreSource: text((lead) => lead.qualification.source),
  scorePinned: flag((lead) => lead.qualification.pinned),
  scoreModel: text((lead) => lead.qualification.model),
  scoreRationale: text((lead) => lead.qualification.rationale),
  scoredAt: time((lead) => lead.qualification.scoredAt),
  agentId: text((lead) => lead.agent?.id ?? null),
  agentName: text((lead) => lead.agent?.name ?? null),
  assignedAt: time((lead) => lead.assignedAt),
  openFollowUps: number((lead) => lead.followUps.open),
  nextFollowUpAt: time((lead) => lead.followUps.nextDueAt),
  createdAt: time((lead) => lead.createdAt),
  statusChangedAt: time((lead) => lead.statusChangedAt),
  lastInteractionAt: time((lead) => lead.lastInteractionAt),
  updatedAt: time((lead) => lead.updatedAt),
  closedAt: time((lead) => lead.closedAt),
  version: number((lead) => lead.version),
} satisfies Record<string, Column>;

export type ColumnName = keyof typeof columns;
export const columnNames = Object.keys(columns) as readonly ColumnName[];

/** The columns of CSV and XLSX files if none are requested. */
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

/** Fields of a lead that contain times. No field with free text has one of these names. */
const timeFields: ReadonlySet<string> = new Set([
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

/** Serializes the whole lead as JSON, with times formatted by `formatTime`. */
export const serializeLead = (lead: LeadResource, formatTime: (time: string) => string): string =>
  JSON.stringify(lead, (name, value: unknown) =>
    typeof value === 'string' && timeFields.has(name) ? formatTime(value) : value,
  );
