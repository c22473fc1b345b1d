import { DateTime } from 'luxon';

/** The current day in a time zone: `from` inclusive, `to` exclusive, RFC 3339 in UTC. */
export function getDayBounds(now: string, timeZone: string): { readonly from: string; readonly to: string } {
  const start = DateTime.fromISO(now, { zone: canonicalTimeZone(timeZone) }).startOf('day');
  return { from: toUtc(start), to: toUtc(start.plus({ days: 1 })) };
}

/**
 * Adds calendar days in a time zone, so the local time of day stays the same across clock changes. A date without a time means
 * the start of that day. Returns RFC 3339 in UTC.
 */
export const addDaysInZone = (dayOrTime: string, timeZone: string, days = 0): string =>
  toUtc(DateTime.fromISO(dayOrTime, { zone: canonicalTimeZone(timeZone) }).plus({ days }));

const toUtc = (time: DateTime): string => time.toJSDate().toISOString();

/** By lower-case name. Only names that exist are added, so it has some 600 entries at most. */
const canonicalNames = new Map<string, string>();

/**
 * The canonical name of a time zone. Names are case-insensitive and may be aliases, but Luxon caches about 80 KB per spelling forever: pass
 * it only the result of this function. Undefined if there is no such time zone.
 */
export function canonicalTimeZone(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return undefined;
  const key = name.toLowerCase();
  const known = canonicalNames.get(key);
  if (known !== undefined) return known;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    canonicalNames.set(key, timeZone);
    return timeZone;
  } catch {
    return undefined;
  }
}

export const isTimeZone = (name: unknown): name is string =>
  typeof name === 'string' && canonicalTimeZone(name) !== undefined;
