import { randomBytes } from 'node:crypto';

/** A random id of a new log: 8 digits of base 32. It is part of every position, so a position of another log is recognized. */
export const newLogId = (): string => Array.from(randomBytes(8), (byte) => (byte % 32).toString(32)).join('');
