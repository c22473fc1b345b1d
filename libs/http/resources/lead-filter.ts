import { channels } from '#domain/vocabulary';
import { originKinds, statuses, type Status } from '#domain/lead/lead.vocabulary';
import type { ColumnValue } from '#read-model/view';
import type { Condition } from '#read-model/view-store';
import { getDayBounds } from '../day.js';
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
} from '../fields.js';
import { parseInstant } from '../instant.js';

/** The filters of the list of leads. The target of a bulk job accepts them too, with the same names and values. */
export class LeadFilterRequest {
  @Optional() @IsListOfValues(statuses, 'Statuses, separated by commas.') readonly status?: string;
  @Optional() @IsBooleanText('Whether the lead is active.') readonly active?: string;
  @Optional() @IsId('ID of the assigned agent, or `none` for unassigned leads.') readonly agentId?: string;
  @Optional() @IsId('ID of the contact.') readonly contactId?: string;
  @Optional() @IsListOfValues(channels, 'Channels, separated by commas.') readonly channel?: string;
  @Optional() @IsListOfValues(originKinds, 'Origins, separated by commas.') readonly origin?: string;
  @Optional() @IsId('ID of the campaign that the lead is attributed to.') readonly campaignId?: string;
  @Optional() @IsIntegerText(scoreRange, 'Minimum score, inclusive.') readonly scoreMin?: string;
  @Optional() @IsIntegerText(scoreRange, 'Maximum score, inclusive.') readonly scoreMax?: string;
  @Optional() @IsBooleanText('Whether the lead has a score.') readonly scored?: string;
  @Optional() @IsInstant('Earliest creation time, inclusive.') readonly createdFrom?: string;
  @Optional() @IsInstant('Latest creation time, exclusive.') readonly createdTo?: string;
  @Optional() @IsInstant('Earliest time of the last change, inclusive.') readonly updatedFrom?: string;
  @Optional() @IsInstant('Latest time of the last change, exclusive.') readonly updatedTo?: string;

  @Optional()
  @IsOneOf(
    ['overdue', 'today', 'none'],
    'When the next open follow-up is due: `overdue`, `today` in `timeZone`, or `none` if there is no open follow-up.',
  )
  readonly followUpDue?: 'overdue' | 'today' | 'none';

  @Optional() @IsTimeZone() readonly timeZone?: string;

  @Optional()
  @IsSearchText(
    'Search words. Each must be the beginning of a word in the name, phone or email of the contact; a phone number also matches by its ending.',
  )
  readonly q?: string;
}

/** Converts a filter to conditions on the lead list. `now` decides what is due or overdue. */
export function toLeadFilter(
  filter: LeadFilterRequest,
  now: string,
): { readonly where: readonly Condition[]; readonly search: string | null } {
  const { active, agentId, contactId, campaignId, scored, q = null } = filter;
  // The list stores statuses by their index, so that they sort in this order.
  const status = splitOptional(filter.status)?.map((name) => statuses.indexOf(name as Status));
  const conditions: readonly (Condition | undefined)[] = [
    isIn('status', status),
    isIn('active', active && [active === 'true' ? 1 : 0]),
    isIn('agentId', agentId && [agentId === 'none' ? null : agentId]),
    isIn('contactId', contactId && [contactId]),
    isIn('channel', splitOptional(filter.channel)),
    isIn('origin', splitOptional(filter.origin)),
    isIn('campaignId', campaignId && [campaignId]),
    scored === 'true' ? { column: 'score', notNull: true } : isIn('score', scored && [null]),
    scoreCondition(filter),
    timeCondition('createdAt', filter.createdFrom, filter.createdTo),
    timeCondition('updatedAt', filter.updatedFrom, filter.updatedTo),
    followUpCondition(filter, now),
  ];
  return { where: conditions.filter((condition) => condition !== undefined), search: q };
}

function followUpCondition({ followUpDue, timeZone = 'UTC' }: LeadFilterRequest, now: string): Condition | undefined {
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

const splitOptional = (text: string | undefined): readonly string[] | undefined =>
  text === undefined ? undefined : splitList(text);

const isIn = (column: string, values: readonly ColumnValue[] | '' | undefined): Condition | undefined =>
  values ? { column, in: values } : undefined;

/** The upper end of a range is exclusive, so the maximum score needs one more. */
function scoreCondition({ scoreMin, scoreMax }: LeadFilterRequest): Condition | undefined {
  if (scoreMin === undefined && scoreMax === undefined) return undefined;
  return {
    column: 'score',
    ...(scoreMin === undefined ? {} : { from: Number(scoreMin) }),
    ...(scoreMax === undefined ? {} : { to: Number(scoreMax) + 1 }),
  };
}

function timeCondition(column: string, from: string | undefined, to: string | undefined): Condition | undefined {
  const [start, end] = [parseInstant(from)?.at, parseInstant(to)?.at];
  if (start === undefined && end === undefined) return undefined;
  return { column, ...(start === undefined ? {} : { from: start }), ...(end === undefined ? {} : { to: end }) };
}
