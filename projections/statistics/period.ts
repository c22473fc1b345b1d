/** Times from `from` (inclusive) to `to` (exclusive), RFC 3339 in UTC, both on a quarter of an hour. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

const quarter = 15 * 60_000;

/**
 * The quarter of an hour that a time lies in. What is counted by time is counted by these: days of all zones that there are begin
 * and end with one.
 */
export const floorToQuarterHour = (time: string): string =>
  new Date(Math.floor(Date.parse(time) / quarter) * quarter).toISOString();
