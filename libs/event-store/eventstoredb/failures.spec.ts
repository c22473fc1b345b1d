import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../event-store.js';
import { isTransient, translateClientError, getActualVersion } from './failures.js';

describe('translateClientError', () => {
  it.each([
    [{ code: 14, message: '14 UNAVAILABLE: Error: unable to verify the first certificate' }, 'is not trusted'],
    [{ code: 14, message: '14 UNAVAILABLE: No connection established' }, 'cannot be reached'],
    [{ code: 4, message: '4 DEADLINE_EXCEEDED' }, 'does not respond'],
    [{ code: 16, message: '16 UNAUTHENTICATED: Unauthenticated' }, 'rejects the name and password'],
    [{ type: 'access-denied', code: 16, message: '' }, 'rejects the name and password'],
    [{ code: 7, message: '7 PERMISSION_DENIED: Access Denied' }, 'needs $r in the ACL of $all'],
    [{ type: 'access-denied', code: 7, message: '' }, 'needs $r in the ACL of $all'],
    [{ type: 'access-denied', message: '' }, 'needs $r in the ACL of $all'],
  ])('turns the failure %j into Unavailable with the reason', (error, reason) => {
    const translated = translateClientError(error) as Error;
    expect(translated).toBeInstanceOf(Unavailable);
    expect(translated.message).toContain(reason);
  });

  it('translateClientError returns an error of our own code unchanged', () => {
    const error = new TypeError('x is not a function');
    expect(translateClientError(error)).toBe(error);
  });
});

// Collected from real servers and the client.
describe('failures of calls', () => {
  it.each([
    ['a dropped connection', { type: 'unavailable', code: 14, message: '' }],
    ['no server, not yet processed by the client', { code: 14, message: '14 UNAVAILABLE: connect ECONNREFUSED' }],
    ['a server that is starting', { type: 'unknown', code: 2, message: '2 UNKNOWN: Server Is Not Ready' }],
    ['an overloaded server', { type: 'unknown', code: 2, message: '2 UNKNOWN: Server Is Too Busy' }],
    ['a server that is no longer the leader', { type: 'not-leader', message: '' }],
    ['an election', { type: 'unknown', code: 2, message: 'No leader info available in response' }],
    ['a cancelled call', { type: 'cancelled', code: 1, message: '1 CANCELLED: Cancelled on client' }],
    ['a subscriber too far behind (23.10)', { type: 'unknown', code: 2, message: 'Consumer too slow to handle event' }],
    ['a cluster without a reachable node', { message: 'Failed to discover after 2 attempts.' }],
  ])('a failed call is transient and retried if the cause is %s', (_, error) => {
    expect(isTransient(error)).toBe(true);
    expect(getActualVersion(error)).toBeUndefined();
  });

  it('a failed call is a conflict and not transient if it names the actual version of the stream', () => {
    const conflict = { type: 'wrong-expected-version', code: 9, message: '', actualVersion: 6n };
    expect([isTransient(conflict), getActualVersion(conflict)]).toEqual([false, 7]);
    expect(getActualVersion({ ...conflict, actualVersion: 'no_stream' })).toBe(0);
  });
});
