import { expect } from '@jest/globals';

const doublings = 4;
const runs = 5;

interface Options {
  /** Length of the longest input that callers may send. */
  readonly maxLength?: number;
  /** Time for the longest input that is harmless, however it grows. A short time says more about the machine than about the code. */
  readonly harmlessMs?: number;
}

/**
 * Expects the time of `work` to grow with the length of its input, not with its square. Over four doublings, linear work takes 16
 * times as long and quadratic work 256 times. The fastest of several runs counts, so that a busy machine does not matter.
 */
export function expectLinearTime<Input>(
  createInput: (length: number) => Input,
  work: (input: Input) => unknown,
  { maxLength = 65_536, harmlessMs = 40 }: Options = {},
): void {
  const longestMs = fastestMs(createInput(maxLength), work);
  if (longestMs < harmlessMs) return;
  const shortestMs = fastestMs(createInput(maxLength / 2 ** doublings), work);
  expect(longestMs / shortestMs).toBeLessThan(2 ** doublings * 5);
}

function fastestMs<Input>(input: Input, work: (input: Input) => unknown): number {
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    work(input);
    return performance.now() - start;
  });
  return Math.min(...times);
}

const marks = (count: number): string => '\u0315'.repeat(count / 2) + '\u0316'.repeat(count / 2);

/** Texts that make careless code quadratic, by name; each in the given length. */
export const slowTexts: Readonly<Record<string, (length: number) => string>> = {
  'accents in the wrong order': (length) => `a${marks(length - 1)}`,
  'accents in alternating order': (length) => `a${'\u0315\u0316'.repeat(length / 2)}`,
  'voiced marks of half width': (length) => `a${'\uff9e\uff9f'.repeat(length / 2)}`,
  'exclamation marks before a letter': (length) => `${'!'.repeat(length - 1)}x`,
  'spaces before a letter': (length) => `stop${' '.repeat(length - 5)}x`,
  'ligatures that grow': (length) => '\ufdfa'.repeat(length),
  'Hangul syllables': (length) => '\u1100\u1161\u11a8'.repeat(length / 3),
  'quotation marks and backslashes': (length) => '"\\'.repeat(length / 2),
  'lone surrogates': (length) => '\ud800'.repeat(length),
};
