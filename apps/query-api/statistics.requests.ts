import { addDaysInZone, getDayBounds } from '#http/day';
import { createFieldDecorator, IsTimeZone, Optional } from '#http/fields';
import { parseInstant } from '#http/instant';
import { ViewQuery } from '#http/paging';
import { invalidInput } from '#http/problem';
import { floorToQuarterHour, type Period } from '#projections/statistics/period';

const isDate = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && parseInstant(`${text}T00:00:00Z`) !== undefined;

const isQuarterHour = (text: string): boolean => {
  const at = parseInstant(text)?.at;
  return at !== undefined && floorToQuarterHour(at) === at;
};

/** A date in the requested time zone, or a timestamp on a quarter hour, because statistics are counted per quarter hour. */
const IsPeriodBound = createFieldDecorator(
  'moment',
  'must be a date, such as 2026-01-31, or an RFC 3339 timestamp with an offset on a quarter of an hour, such as 2026-01-31T09:15:00Z',
  {
    oneOf: [
      { type: 'string', format: 'date' },
      { type: 'string', format: 'date-time' },
    ],
  },
  (value) => typeof value === 'string' && (isDate(value) || isQuarterHour(value)),
);

const defaultDays = 30;

export class StatisticsQuery extends ViewQuery {
  @Optional()
  @IsPeriodBound(
    `Beginning of the period, inclusive: a date in \`timeZone\`, or a timestamp on a quarter of an hour. Default: ${defaultDays} days before \`to\`.`,
  )
  readonly from?: string;

  @Optional()
  @IsPeriodBound('End of the period, exclusive. Default: the end of the current day in `timeZone`.')
  readonly to?: string;

  @Optional() @IsTimeZone() readonly timeZone?: string;
}

/** @throws Problem `validation_failed` unless `from` is before `to` */
export function parsePeriod({ from, to, timeZone = 'UTC' }: StatisticsQuery, now: string): Period {
  const toTime = (text: string): string => (isDate(text) ? addDaysInZone(text, timeZone) : parseInstant(text)!.at);
  const end = to === undefined ? floorToQuarterHour(getDayBounds(now, timeZone).to) : toTime(to);
  const start = from === undefined ? addDaysInZone(end, timeZone, -defaultDays) : toTime(from);
  if (start < end) return { from: start, to: end };
  throw invalidInput(
    to === undefined
      ? { field: 'from', code: 'out_of_range', message: 'must be before the end of the current day' }
      : { field: 'to', code: 'out_of_range', message: 'must be after from' },
  );
}
