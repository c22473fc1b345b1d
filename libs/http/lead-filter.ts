import { channels } from '#domain/vocabulary';
import { originKinds, statuses } from '#domain/lead/lead.vocabulary';
import type { ColumnValue } from '#read-model/view';
import type { Condition } from '#read-model/view-store';
import { getDayBounds } from './day.js';
import {
  IsId,
  IsInstant,
  IsOneOf,
  IsSearchText,
  IsListOfValues,
  IsTimeZone,
  IsIntegerText,
  IsBooleanText,
  splitList,
  Optional,
  scoreRange,
} from './fields.js';
import { parseInstant } from './instant.js';

/** What leads can be filtered by: in the list's query, and in a body, by the same names and values. */
export class LeadFilterRequest {
  @Optional() @IsListOfValues(statuses) readonly status?: string;
  @Optional() @IsBooleanText() readonly active?: string;
  @Optional() @IsId('An agent, or none: unassigned.') readonly agentId?: string;
  @Optional() @IsId() readonly contactId?: string;
  @Optional() @IsListOfValues(channels) readonly channel?: string;
  @Optional() @IsListOfValues(originKinds) readonly origin?: string;
  @Optional() @IsId() readonly campaignId?: string;
  @Optional() @IsIntegerText(scoreRange) readonly scoreMin?: string;
  @Optional() @IsIntegerText(scoreRange) readonly scoreMax?: string;
  @Optional() @IsBooleanText() readonly scored?: string;
  @Optional() @IsInstant() readonly createdFrom?: string;
  @Optional() @IsInstant() readonly createdTo?: string;
  @Optional() @IsInstant() readonly updatedFrom?: string;
  @Optional() @IsInstant() readonly updatedTo?: string;
  @Optional() @IsOneOf(['overdue', 'today', 'none']) readonly followUpDue?: 'overdue' | 'today' | 'none';
  @Optional() @IsTimeZone() readonly timeZone?: string;
  @Optional() @IsSearchText('Every word begins a word of name, phone or email.') readonly q?: string;
}

/** As the list of leads takes it. `now`: what is due or overdue is told by it. */
export function toLeadFilter(
  asked: LeadFilterRequest,
  now: string,
): { readonly where: readonly Condition[]; readonly search: string | null } {
  const status = values(asked.status)?.map((it) => statuses.indexOf(it as (typeof statuses)[number]));
  const score = {
    ...(asked.scoreMin === undefined ? {} : { from: Number(asked.scoreMin) }),
    ...(asked.scoreMax === undefined ? {} : { to: Number(asked.scoreMax) + 1 }),
  };
  const where: readonly (Condition | undefined)[] = [
    isIn('status', status),
    isIn('active', asked.active && [asked.active === 'true' ? 1 : 0]),
    isIn('agentId', asked.agentId && [asked.agentId === 'none' ? null : asked.agentId]),
    isIn('contactId', asked.contactId && [asked.contactId]),
    isIn('channel', values(asked.channel)),
    isIn('origin', values(asked.origin)),
    isIn('campaignId', asked.campaignId && [asked.campaignId]),
    asked.scored === 'true' ? { column: 'score', notNull: true } : isIn('score', asked.scored && [null]),
    'from' in score || 'to' in score ? { column: 'score', ...score } : undefined,
    between('createdAt', asked.createdFrom, asked.createdTo),
    between('updatedAt', asked.updatedFrom, asked.updatedTo),
    dueOf(asked, now),
  ];
  return { where: where.filter((it) => it !== undefined), search: asked.q ?? null };
}

/** By the follow-up that is due next: overdue before now, today within this day of the asked zone. */
function dueOf({ followUpDue, timeZone = 'UTC' }: LeadFilterRequest, now: string): Condition | undefined {
  switch (followUpDue) {
    case undefined:
      return undefined;
    case 'overdue':
      return { column: 'nextFollowUpAt', to: now };
    case 'today':
      return { column: 'nextFollowUpAt', ...getDayBounds(now, timeZone) };
    case 'none':
      return { column: 'nextFollowUpAt', in: [null] };
  }
}

const values = (text: string | undefined): readonly string[] | undefined =>
  text === undefined ? undefined : splitList(text);

const isIn = (column: string, values: readonly ColumnValue[] | '' | undefined): Condition | undefined =>
  values ? { column, in: values } : undefined;

function between(column: string, from: string | undefined, to: string | undefined): Condition | undefined {
  const [first, end] = [parseInstant(from)?.at, parseInstant(to)?.at];
  if (first === undefined && end === undefined) return undefined;
  return { column, ...(first === undefined ? {} : { from: first }), ...(end === undefined ? {} : { to: end }) };
}
