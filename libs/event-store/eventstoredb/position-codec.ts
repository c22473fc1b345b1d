import type { Position } from '#domain/event-envelope';

const digitCount = 13;
const digitsPattern = /^[0-9a-v]{13}$/;
/** The server's positions are signed 64-bit integers. */
const maxCommit = 2n ** 63n - 1n;

/**
 * `p<log id>.<commit position, 13 digits of base 32>`. The width is fixed so that positions sort in the order of the log.
 * Each of our events has a commit position of its own, equal to its prepare position. Only transactions of the old TCP
 * protocol gave several events the same commit position.
 */
export class EventStoreDbPositionCodec {
  private readonly prefix: string;

  constructor(logId: string) {
    this.prefix = `p${logId}.`;
  }

  encode(commit: bigint): Position {
    return this.prefix + commit.toString(32).padStart(digitCount, '0');
  }

  /** The commit position, 0 for the start of the log; undefined if the text is not a position of this log. */
  decode(text: string): bigint | undefined {
    if (!text.startsWith(this.prefix)) return undefined;
    const digits = text.slice(this.prefix.length);
    if (!digitsPattern.test(digits)) return undefined;
    let commit = 0n;
    for (const digit of digits) commit = commit * 32n + BigInt(parseInt(digit, 32));
    return commit <= maxCommit ? commit : undefined;
  }
}
