import { describe, expect, it } from '@jest/globals';
import { StreamBusy } from '#commands/decider-service';
import { Unavailable } from '#event-store/event-store';
import { toProblem } from './problem.filter.js';

describe('toProblem', () => {
  it('reports a busy stream as unavailable for a second, without blaming the store', () => {
    expect(toProblem(new StreamBusy('Earlier requests take too long.'))).toMatchObject({
      status: 503,
      code: 'unavailable',
      message: 'Earlier requests take too long.',
      headers: { 'retry-after': '1' },
    });
  });

  it('reports an unavailable store without its reason, which may name servers', () => {
    const problem = toProblem(new Unavailable('its server at 10.0.0.1 does not respond'));
    expect(problem).toMatchObject({ status: 503, code: 'unavailable', headers: { 'retry-after': '1' } });
    expect(problem.message).not.toContain('10.0.0.1');
  });
});
