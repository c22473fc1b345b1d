import { channels, originKinds, statuses } from '#domain/lead/lead.state';
import { dayOf } from '#http/day';
import { IsId, IsInstant, IsOneOf, IsPlain, IsTimeZone, Optional } from '#http/fields';
import { instantOf } from '#http/instant';
import { intOf, ListQuery } from '#http/paging';
import { invalidInput } from '#http/problem';
import { leadSorts, type LeadFilter, type LeadSort } from '#projections/lead-list/lead-list.query';
import type { Condition } from '#read-model/view-store';

const yesNo = ['true', 'false'];

export class LeadsQuery extends ListQuery {
  @Optional() @IsPlain() readonly status?: string;
  @Optional() @IsOneOf(yesNo) readonly active?: string;
  @Optional() @IsId() readonly agentId?: string;
  @Optional() @IsId() readonly contactId?: string;
  @Optional() @IsPlain() readonly channel?: string;
  @Optional() @IsPlain() readonly origin?: string;
  @Optional() @IsId() readonly campaignId?: string;
  @Optional() @IsPlain() readonly scoreMin?: string;
  @Optional() @IsPlain() readonly scoreMax?: string;
  @Optional() @IsOneOf(yesNo) readonly scored?: string;
  @Optional() @IsInstant() readonly createdFrom?: string;
  @Optional() @IsInstant() readonly createdTo?: string;
  @Optional() @IsInstant() readonly updatedFrom?: string;
  @Optional() @IsInstant() readonly updatedTo?: string;
  @Optional() @IsOneOf(['overdue', 'today', 'none']) readonly followUpDue?: 'overdue' | 'today' | 'none';
  @Optional() @IsTimeZone() readonly timeZone?: string;
  @Optional() @IsPlain() readonly q?: string;
  @Optional() @IsPlain() readonly sort?: string;
}

/** @throws Problem validation_failed */
export function leadFilterOf(asked: LeadsQuery, now: string): LeadFilter {
  const status = listOf('status', asked.status, statuses)?.map((it) =>
    statuses.indexOf(it as (typeof statuses)[number]),
  );
  const score = {
    ...(asked.scoreMin === undefined ? {} : { from: intOf('scoreMin', asked.scoreMin, 0, 0, 100) }),
    ...(asked.scoreMax === undefined ? {} : { to: intOf('scoreMax', asked.scoreMax, 100, 0, 100) + 1 }),
  };
  const where: readonly (Condition | undefined)[] = [
    isIn('status', status),
    isIn('active', asked.active && [asked.active === 'true' ? 1 : 0]),
    asked.agentId === 'none' ? isIn('assigned', [0]) : isIn('agentId', asked.agentId && [asked.agentId]),
    isIn('contactId', asked.contactId && [asked.contactId]),
    isIn('channel', listOf('channel', asked.channel, channels)),
    isIn('origin', listOf('origin', asked.origin, originKinds)),
    isIn('campaignId', asked.campaignId && [asked.campaignId]),
    isIn('scored', asked.scored && [asked.scored === 'true' ? 1 : 0]),
    'from' in score || 'to' in score ? { column: 'score', ...score } : undefined,
    between('createdAt', asked.createdFrom, asked.createdTo),
    between('updatedAt', asked.updatedFrom, asked.updatedTo),
    dueOf(asked, now),
  ];
  return { where: where.filter((it) => it !== undefined), search: asked.q ?? null };
}

/** `key` ascending, `-key` descending. @throws Problem validation_failed, telling the keys */
export function leadSortOf(text = '-createdAt'): { readonly column: LeadSort; readonly descending: boolean } {
  const descending = text.startsWith('-');
  const column = leadSorts.find((it) => it === text.slice(descending ? 1 : 0));
  if (!column)
    throw invalidInput({
      field: 'sort',
      code: 'not_allowed',
      message: `must be one of: ${leadSorts.join(', ')}, or - before it`,
    });
  return { column, descending };
}

/** By the follow-up that is due next: overdue before now, today within this day of the asked zone. */
function dueOf({ followUpDue, timeZone = 'UTC' }: LeadsQuery, now: string): Condition | undefined {
  switch (followUpDue) {
    case undefined:
      return undefined;
    case 'overdue':
      return { column: 'nextFollowUpAt', to: now };
    case 'today':
      return { column: 'nextFollowUpAt', ...dayOf(now, timeZone) };
    case 'none':
      return { column: 'nextFollowUpAt', in: [null] };
  }
}

const isIn = (column: string, values: readonly (string | number)[] | '' | undefined): Condition | undefined =>
  values ? { column, in: values } : undefined;

function between(column: string, from: string | undefined, to: string | undefined): Condition | undefined {
  const [first, end] = [instantOf(from)?.at, instantOf(to)?.at];
  if (first === undefined && end === undefined) return undefined;
  return { column, ...(first === undefined ? {} : { from: first }), ...(end === undefined ? {} : { to: end }) };
}

/** A list with commas, each of it one of a closed list. */
export function listOf(
  field: string,
  text: string | undefined,
  allowed: readonly string[],
): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const values = [...new Set(text.split(',').map((it) => it.trim()))];
  if (values.some((it) => !allowed.includes(it)))
    throw invalidInput({ field, code: 'not_allowed', message: `must be one of: ${allowed.join(', ')}` });
  return values;
}
