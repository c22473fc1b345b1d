import type { Position } from '#domain/event-envelope';

const digitCount = 13;
const digitsPattern = /^[0-9a-v]{13}$/;

/** `p<log id>.<sequence number, 13 digits of base 32>`. The width is fixed so that positions sort in the order of the log. */
export class SqlitePositionCodec {
  private readonly prefix: string;

  constructor(logId: string) {
    this.prefix = `p${logId}.`;
  }

  encode(sequence: number): Position {
    return this.prefix + sequence.toString(32).padStart(digitCount, '0');
  }

  /** The sequence number, 0 for the start of the log; undefined if the text is not a position of this log. */
  decode(text: string): number | undefined {
    if (!text.startsWith(this.prefix)) return undefined;
    const digits = text.slice(this.prefix.length);
    if (!digitsPattern.test(digits)) return undefined;
    const sequence = parseInt(digits, 32);
    return Number.isSafeInteger(sequence) ? sequence : undefined;
  }
}
