import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopback } from './loopback.js';
import { Problem } from './problem.js';
import { sendProblem } from './problem.filter.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a GET of this route changes something, so that it is protected like a command. */
    readonly changesState?: boolean;
  }
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const webhookPath = '/v1/webhooks/';

/**
 * Rejects requests that a page in a browser could send to this machine while authentication is off: a name that was rebound to
 * 127.0.0.1 makes any page same-origin, and a page needs no permission to send a request whose response it cannot read.
 */
export function guardRequests(server: FastifyInstance, publicUrl: string | null): void {
  const publicHostname = publicUrl === null ? null : new URL(publicUrl).hostname;
  server.addHook('onRequest', (request, reply, done) => {
    const problem = findProblem(request, publicHostname);
    if (problem) sendProblem(reply, problem, request.url);
    else done();
  });
}

function findProblem(request: FastifyRequest, publicHostname: string | null): Problem | undefined {
  const { headers, method, routeOptions } = request;
  const isWebhook = routeOptions.url?.startsWith(webhookPath) ?? false;
  const isAllowed = (hostname: string | undefined): boolean =>
    hostname !== undefined && (isLoopback(hostname) || (isWebhook && hostname === publicHostname));
  if (!authoritiesOf(request).every((authority) => isAllowed(parseHostname(authority))))
    return new Problem(
      'misdirected_request',
      'While authentication is off, this service responds only at localhost, 127.0.0.1 and [::1]. Webhooks are also accepted at the host of PUBLIC_URL.',
    );
  if (headers.authorization !== undefined)
    return new Problem(
      'unauthorized',
      'Authentication is off. Remove the Authorization header: it would not be checked.',
      {},
      { 'www-authenticate': 'Bearer' },
    );
  const changesState = !safeMethods.has(method) || routeOptions.config.changesState === true;
  if (changesState && isForeign(headers))
    return new Problem(
      'forbidden_origin',
      'Requests that change something are not accepted from pages of other origins.',
    );
  return undefined;
}

/** The Host header, and the authority of a request target in absolute form, which takes precedence over it. */
function authoritiesOf({ headers: { host = '' }, url }: FastifyRequest): readonly string[] {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1];
  return absolute === undefined ? [host] : [host, absolute];
}

/** The host of `host:port`, in lower case and without brackets. Undefined if it is malformed. */
function parseHostname(authority: string): string | undefined {
  const [, ipv6, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{0,5})?$/i.exec(authority) ?? [];
  return (ipv6 ?? name)?.toLowerCase();
}

/** Programs send neither header. The scheme of an origin is not compared: one port serves only one. */
function isForeign({ host, origin, 'sec-fetch-site': site }: FastifyRequest['headers']): boolean {
  if (site === 'cross-site') return true;
  if (origin === undefined) return false;
  return /^https?:\/\/(.+)$/.exec(origin)?.[1]?.toLowerCase() !== host?.toLowerCase();
}
