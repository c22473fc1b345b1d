/** A time range from `from` (inclusive) to `to` (exclusive): RFC 3339 in UTC, both at the start of a quarter hour. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

const quarterHourMs = 15 * 60_000;

/**
 * The start of the quarter hour that contains a time. Counts over time are kept per quarter hour, because in every time zone days
 * start and end on a quarter hour.
 */
export const floorToQuarterHour = (time: string): string =>
  new Date(Math.floor(Date.parse(time) / quarterHourMs) * quarterHourMs).toISOString();
