export class Clock {
  /** RFC 3339, UTC, milliseconds. */
  now(): string {
    return new Date().toISOString();
  }
}
