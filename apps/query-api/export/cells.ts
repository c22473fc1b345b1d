import { IANAZone } from 'luxon';

/** A spreadsheet would run what begins so as a formula. */
const runs = /^[=+\-@\t\r]/;
const e164 = /^\+[1-9]\d{1,14}$/;

/** The text, with an apostrophe before what a spreadsheet would run; a whole E.164 phone number is none of that. */
export const escapeFormula = (text: string): string => (runs.test(text) && !e164.test(text) ? `'${text}` : text);

/** A moment as clocks in a zone show it. */
export interface LocalTime {
  /** Milliseconds since 1970 by that clock, as if it were UTC. */
  readonly wallClockMs: number;
  /** RFC 3339 with the offset of that moment. */
  readonly text: string;
}

/** Tells times in a zone. Offsets of old days with seconds are cut to minutes, which is all that RFC 3339 can say; the moment stays. */
export function createLocalClock(timeZone: string): (time: string) => LocalTime {
  if (timeZone === 'UTC') return (time) => ({ wallClockMs: Date.parse(time), text: time });
  const zone = IANAZone.create(timeZone);
  return (time) => {
    const moment = Date.parse(time);
    const minutes = Math.trunc(zone.offset(moment));
    const wall = moment + minutes * 60_000;
    return { wallClockMs: wall, text: `${new Date(wall).toISOString().slice(0, -1)}${offsetOf(minutes)}` };
  };
}

function offsetOf(minutes: number): string {
  if (minutes === 0) return 'Z';
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(hours)}:${two(rest)}`;
}
