import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../event-store.js';
import { isTransient, translateClientError, getActualVersion } from './failures.js';

describe('why the log can not be used', () => {
  it.each([
    [{ code: 14, message: '14 UNAVAILABLE: Error: unable to verify the first certificate' }, 'is not trusted'],
    [{ code: 14, message: '14 UNAVAILABLE: No connection established' }, 'can not be reached'],
    [{ code: 4, message: '4 DEADLINE_EXCEEDED' }, 'does not answer'],
    [{ code: 16, message: '16 UNAUTHENTICATED: Unauthenticated' }, 'refuses the name and password'],
  ])('is told of %j', (error, words) => {
    const told = translateClientError(error) as Error;
    expect(told).toBeInstanceOf(Unavailable);
    expect(told.message).toContain(words);
  });

  it('is not told of what is our own mistake', () => {
    const mistake = new TypeError('x is not a function');
    expect(translateClientError(mistake)).toBe(mistake);
  });
});

describe('what real servers and the client were seen to say', () => {
  it.each([
    ['a dropped connection', { type: 'unavailable', code: 14, message: '' }],
    ['no server, before the client has looked at it', { code: 14, message: '14 UNAVAILABLE: connect ECONNREFUSED' }],
    ['a server that starts', { type: 'unknown', code: 2, message: '2 UNKNOWN: Server Is Not Ready' }],
    ['one with too much to do', { type: 'unknown', code: 2, message: '2 UNKNOWN: Server Is Too Busy' }],
    ['one that leads no more', { type: 'not-leader', message: '' }],
    ['an election', { type: 'unknown', code: 2, message: 'No leader info available in response' }],
    ['a cancelled call', { type: 'cancelled', code: 1, message: '1 CANCELLED: Cancelled on client' }],
    ['a follower behind too far (23.10)', { type: 'unknown', code: 2, message: 'Consumer too slow to handle event' }],
    ['a cluster of which nobody answers', { message: 'Failed to discover after 2 attempts.' }],
  ])('%s: it is asked again', (_, error) => {
    expect(isTransient(error)).toBe(true);
    expect(getActualVersion(error)).toBeUndefined();
  });

  it('a conflict, whose message is empty, is told by the version that there is', () => {
    const conflict = { type: 'wrong-expected-version', code: 9, message: '', actualVersion: 6n };
    expect([isTransient(conflict), getActualVersion(conflict)]).toEqual([false, 7]);
    expect(getActualVersion({ ...conflict, actualVersion: 'no_stream' })).toBe(0);
  });
});
