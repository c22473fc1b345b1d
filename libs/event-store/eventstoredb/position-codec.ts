import { randomBytes } from 'node:crypto';
import type { Position } from '#domain/event-envelope';

const digits = 13;
/** Places are signed 64-bit numbers on the server. */
const last = 2n ** 63n - 1n;

/** A log's own short name, part of all its positions, so that those of another log are told apart. */
export const newLogId = (): string => Array.from(randomBytes(8), (byte) => (byte % 32).toString(32)).join('');

/**
 * `p<log id>.<place, 13 digits of base 32>`: fixed width, so that the order of the texts is the order of the log.
 * The place is the event's commit position. Each of our events has its own, equal to its prepare position: only the
 * transactions of the old TCP protocol shared one among several events.
 */
export class EventStoreDbPositionCodec {
  readonly #prefix: string;
  readonly #form = /^[0-9a-v]{13}$/;

  constructor(logId: string) {
    this.#prefix = `p${logId}.`;
  }

  encode(place: bigint): Position {
    return this.#prefix + place.toString(32).padStart(digits, '0');
  }

  /** The place in the log, 0 for its start; undefined if this is no position of this log. */
  decode(text: string): bigint | undefined {
    if (!text.startsWith(this.#prefix)) return undefined;
    const written = text.slice(this.#prefix.length);
    if (!this.#form.test(written)) return undefined;
    let place = 0n;
    for (const digit of written) place = place * 32n + BigInt(parseInt(digit, 32));
    return place <= last ? place : undefined;
  }
}
