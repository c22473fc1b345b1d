/** A parsed timestamp. */
export interface Instant {
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string;
  /** Digits of the fraction of a second in the input, at most 3. Late interactions are compared in this precision. */
  readonly digits: number;
}

const rfc3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Parses an RFC 3339 timestamp with an offset (section 5.6). Undefined for anything else, also for dates that do not exist. */
export function parseInstant(text: unknown): Instant | undefined {
  const match = typeof text === 'string' ? rfc3339.exec(text) : null;
  if (!match) return undefined;
  const [, day = '', time = '', fraction = '', offset = ''] = match;
  const milliseconds = fraction.slice(0, 3);
  const date = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== day) return undefined;
  const instant = new Date(`${day}T${time}.${milliseconds.padEnd(3, '0')}${offset.toUpperCase()}`);
  const year = instant.getUTCFullYear();
  if (Number.isNaN(instant.getTime()) || year < 1 || year > 9999) return undefined;
  return { at: instant.toISOString(), digits: milliseconds.length };
}
