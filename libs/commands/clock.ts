/** The time, for those who may know it. */
export class Clock {
  /** RFC 3339, UTC, milliseconds. */
  now(): string {
    return new Date().toISOString();
  }
}
