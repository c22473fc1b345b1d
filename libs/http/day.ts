import { DateTime, IANAZone } from 'luxon';

/** The day that it is now in a time zone: from its first moment (inclusive) to the next day's (exclusive), RFC 3339 in UTC. */
export function getDayBounds(now: string, timeZone: string): { readonly from: string; readonly to: string } {
  const start = DateTime.fromISO(now, { zone: timeZone }).startOf('day');
  return { from: utc(start), to: utc(start.plus({ days: 1 })) };
}

/** When a day of a time zone begins, or what the clock there shows so many days after a time; RFC 3339 in UTC. */
export const addDaysInZone = (dayOrTime: string, timeZone: string, days = 0): string =>
  utc(DateTime.fromISO(dayOrTime, { zone: timeZone }).plus({ days }));

const utc = (moment: DateTime): string => moment.toJSDate().toISOString();

/** Whether this is a zone of the IANA data base that Node knows, such as `Europe/Berlin`. */
export const isTimeZone = (name: unknown): name is string => typeof name === 'string' && IANAZone.isValidZone(name);
