/** A point in time as it was given: normalized, and how many digits of its seconds' fraction were given (at most 3 count). */
export interface Instant {
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string;
  readonly digits: number;
}

const form =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Reads RFC 3339 with an offset (section 5.6); undefined for anything else, also for days that no calendar has. */
export function parseInstant(text: unknown): Instant | undefined {
  const parts = typeof text === 'string' ? form.exec(text) : null;
  if (!parts) return undefined;
  const [, day = '', time = '', fraction = '', offset = ''] = parts;
  const milliseconds = fraction.slice(0, 3);
  const date = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== day) return undefined;
  const moment = new Date(`${day}T${time}.${milliseconds.padEnd(3, '0')}${offset.toUpperCase()}`);
  const year = moment.getUTCFullYear();
  if (Number.isNaN(moment.getTime()) || year < 1 || year > 9999) return undefined;
  return { at: moment.toISOString(), digits: milliseconds.length };
}
