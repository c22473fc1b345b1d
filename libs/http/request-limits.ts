import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.js';
import { sendProblem } from './problem.filter.js';

/** How many requests a process handles at a time. */
export interface RequestLimits {
  readonly requests: number;
  /** Event streams stay open, so they are counted separately. */
  readonly streams: number;
}

export const defaultRequestLimits: RequestLimits = { requests: 1_000, streams: 1_000 };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The limit that counts for this route. Default: `requests`. With `none`, the route also works under overload. */
    readonly limit?: keyof RequestLimits | 'none';
  }
}

/** Responds with 503 to requests above the limits, because each request in progress takes memory. */
export function limitRequests(server: FastifyInstance, limits: RequestLimits): void {
  const inProgress = { requests: 0, streams: 0 };
  server.addHook('onRequest', (request, reply, done) => {
    const { limit = 'requests' } = request.routeOptions.config;
    if (limit === 'none') return done();
    if (inProgress[limit] >= limits[limit]) return sendProblem(reply, overloaded(limit), request.url);
    inProgress[limit]++;
    reply.raw.once('close', () => inProgress[limit]--);
    done();
  });
}

const overloaded = (limit: keyof RequestLimits): Problem => {
  const kind = limit === 'streams' ? 'event streams' : 'requests in progress';
  return new Problem('unavailable', `This process has too many ${kind}. Retry later.`, {}, { 'retry-after': '1' });
};
