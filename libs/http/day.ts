import { DateTime, IANAZone } from 'luxon';

/** The current day in a time zone: `from` inclusive, `to` exclusive, RFC 3339 in UTC. */
export function getDayBounds(now: string, timeZone: string): { readonly from: string; readonly to: string } {
  const start = DateTime.fromISO(now, { zone: timeZone }).startOf('day');
  return { from: toUtc(start), to: toUtc(start.plus({ days: 1 })) };
}

/**
 * Adds calendar days in a time zone, so the local time of day stays the same across clock changes. A date without a time means
 * the start of that day. Returns RFC 3339 in UTC.
 */
export const addDaysInZone = (dayOrTime: string, timeZone: string, days = 0): string =>
  toUtc(DateTime.fromISO(dayOrTime, { zone: timeZone }).plus({ days }));

const toUtc = (time: DateTime): string => time.toJSDate().toISOString();

export const isTimeZone = (name: unknown): name is string => typeof name === 'string' && IANAZone.isValidZone(name);
