import { describe, expect, it } from '@jest/globals';
import { StreamBusy } from '#commands/decider-service';
import { UnreadableEvent } from '#domain/event-codec';
import { MissingEvents, Unavailable } from '#event-store/event-store';
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

  it('reports an event that cannot be read, with its position, as unavailable', () => {
    const location = { stream: 'contact-default-k', version: 3, position: 'p7' };
    const problem = toProblem(new UnreadableEvent('id', location, 'it is not JSON'));
    expect(problem).toMatchObject({ status: 503, details: { position: 'p7' }, headers: { 'retry-after': '60' } });
    expect(problem.message).toContain('position p7');
    expect(problem.toJSON('/v1/events')).toMatchObject({ code: 'unavailable', position: 'p7' });
  });

  it('reports a stream that has lost events as unavailable', () => {
    expect(toProblem(new MissingEvents('contact-default-k', 1))).toMatchObject({
      status: 503,
      code: 'unavailable',
      headers: { 'retry-after': '60' },
    });
  });

  it('reports an unavailable store without its reason, which may name servers', () => {
    const problem = toProblem(new Unavailable('its server at 10.0.0.1 does not respond'));
    expect(problem).toMatchObject({ status: 503, code: 'unavailable', headers: { 'retry-after': '1' } });
    expect(problem.message).not.toContain('10.0.0.1');
  });
});
