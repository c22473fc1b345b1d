import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../event-store.js';
import { unavailable } from './failures.js';

describe('why the log can not be used', () => {
  it.each([
    [{ code: 14, message: '14 UNAVAILABLE: Error: unable to verify the first certificate' }, 'is not trusted'],
    [{ code: 14, message: '14 UNAVAILABLE: No connection established' }, 'can not be reached'],
    [{ code: 4, message: '4 DEADLINE_EXCEEDED' }, 'does not answer'],
    [{ code: 16, message: '16 UNAUTHENTICATED: Unauthenticated' }, 'refuses the name and password'],
  ])('is told of %j', (error, words) => {
    const told = unavailable(error) as Error;
    expect(told).toBeInstanceOf(Unavailable);
    expect(told.message).toContain(words);
  });

  it('is not told of what is our own mistake', () => {
    const mistake = new TypeError('x is not a function');
    expect(unavailable(mistake)).toBe(mistake);
  });
});
