import { randomBytes } from 'node:crypto';
import type { Position } from '#domain/event-envelope';

const digits = 13;

/** A log's own short name, part of all its positions, so that those of another log are told apart. */
export const newLogId = (): string => Array.from(randomBytes(8), (byte) => (byte % 32).toString(32)).join('');

/** `p<log id>.<place, 13 digits of base 32>`: fixed width, so that the order of the texts is the order of the log. */
export class SqlitePositionCodec {
  readonly #prefix: string;
  readonly #form = /^[0-9a-v]{13}$/;

  constructor(logId: string) {
    this.#prefix = `p${logId}.`;
  }

  encode(place: number): Position {
    return this.#prefix + place.toString(32).padStart(digits, '0');
  }

  /** The place in the log, 0 for its start; undefined if this is no position of this log. */
  decode(text: string): number | undefined {
    if (!text.startsWith(this.#prefix)) return undefined;
    const place = text.slice(this.#prefix.length);
    if (!this.#form.test(place)) return undefined;
    const number = parseInt(place, 32);
    return Number.isSafeInteger(number) ? number : undefined;
  }
}
