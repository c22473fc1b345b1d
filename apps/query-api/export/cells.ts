import { IANAZone } from 'luxon';
import { canonicalTimeZone } from '#http/day';

/** A spreadsheet runs text that begins like this as a formula. OWASP's list, with the signs in full width. */
const formulaStart = /^[=+\-@\t\r\n＝＋－＠]/;
/** Where Excel begins another cell in languages whose list separator is not a comma, and in text that is pasted. It ignores quotes there. */
const formulaAfterSeparator = /(?<=[;\t\r\n])(?=[=+\-@＝＋－＠])/g;
const e164 = /^\+[1-9]\d{1,14}$/;

/** Prefixes text that a spreadsheet would run as a formula with an apostrophe. A complete E.164 phone number is safe as it is. */
export const escapeFormula = (text: string): string =>
  formulaStart.test(text) && !e164.test(text) ? `'${text}` : text;

/** Also protects the cells that a spreadsheet with another separator than the comma makes of the text. */
export const escapeCsvText = (text: string): string => escapeFormula(text).replace(formulaAfterSeparator, "'");

/** A time as clocks in a time zone show it. */
export interface LocalTime {
  /** Milliseconds since 1970 of the local date and time, as if they were UTC. */
  readonly wallClockMs: number;
  /** RFC 3339, with the offset that the zone had then. */
  readonly text: string;
}

/** Historical offsets with seconds are truncated to minutes, as RFC 3339 requires. The instant stays the same. */
export function createLocalClock(timeZone: string): (time: string) => LocalTime {
  if (timeZone === 'UTC') return (time) => ({ wallClockMs: Date.parse(time), text: time });
  const zone = IANAZone.create(canonicalTimeZone(timeZone) ?? timeZone);
  return (time) => {
    const instant = Date.parse(time);
    const offsetMinutes = Math.trunc(zone.offset(instant));
    const wallClockMs = instant + offsetMinutes * 60_000;
    return { wallClockMs, text: `${new Date(wallClockMs).toISOString().slice(0, -1)}${formatOffset(offsetMinutes)}` };
  };
}

function formatOffset(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'Z';
  const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  return `${offsetMinutes < 0 ? '-' : '+'}${twoDigits(hours)}:${twoDigits(minutes)}`;
}
