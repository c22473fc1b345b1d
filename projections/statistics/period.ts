/** Times from `from` (inclusive) to `to` (exclusive): RFC 3339 in UTC, both at a quarter of an hour. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

const quarterHourMs = 15 * 60_000;

/**
 * The start of the quarter of an hour that contains a time. Counts over time are kept per quarter of an hour, because the days of
 * every time zone start and end at one.
 */
export const floorToQuarterHour = (time: string): string =>
  new Date(Math.floor(Date.parse(time) / quarterHourMs) * quarterHourMs).toISOString();
