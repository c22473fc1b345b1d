import { addDaysInZone, getDayBounds } from '#http/day';
import { createFieldDecorator } from '#http/fields';
import { parseInstant } from '#http/instant';
import { invalidInput } from '#http/problem';
import { floorToQuarterHour, type Period } from '#projections/statistics/period';

const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && parseInstant(`${text}T00:00:00Z`) !== undefined;
const isOnQuarter = (text: string): boolean => {
  const at = parseInstant(text)?.at;
  return at !== undefined && floorToQuarterHour(at) === at;
};

/** A day, of the zone that is asked for, or a time on a quarter of an hour: by quarters things are counted. */
export const IsMoment = createFieldDecorator(
  'moment',
  'must be a day, such as 2026-01-31, or a time as RFC 3339 has it, with an offset, on a quarter of an hour, such as 2026-01-31T09:15:00Z',
  {
    oneOf: [
      { type: 'string', format: 'date' },
      { type: 'string', format: 'date-time' },
    ],
  },
  (value) => typeof value === 'string' && (isDay(value) || isOnQuarter(value)),
);

interface Asked {
  readonly from?: string;
  readonly to?: string;
  readonly timeZone?: string;
}

const usualDays = 30;

/**
 * A day begins when it does in the zone. Without an end: that of today; without a beginning: 30 days before the end.
 * @throws Problem validation_failed when the end is not behind the beginning
 */
export function parsePeriod({ from, to, timeZone = 'UTC' }: Asked, now: string): Period {
  const moment = (text: string): string => (isDay(text) ? addDaysInZone(text, timeZone) : parseInstant(text)!.at);
  const end = to === undefined ? floorToQuarterHour(getDayBounds(now, timeZone).to) : moment(to);
  const begin = from === undefined ? addDaysInZone(end, timeZone, -usualDays) : moment(from);
  if (begin >= end)
    throw invalidInput({
      field: to === undefined ? 'from' : 'to',
      code: 'out_of_range',
      message: 'must be behind from',
    });
  return { from: begin, to: end };
}
