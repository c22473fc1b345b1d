import type { FastifyInstance } from 'fastify';
import { invalidInput, Problem } from './problem.js';
import { sendProblem } from './problem.filter.js';

/**
 * Headers that a request may send only once, by lower-case name. Of some of them Node keeps the first, others it joins with a comma:
 * neither is what the client meant.
 */
const singleHeaders: ReadonlyMap<string, string> = new Map(
  [
    'Authorization',
    'Content-Encoding',
    'Content-Type',
    'Host',
    'Idempotency-Key',
    'If-Match',
    'Last-Event-ID',
    'Origin',
    'Sec-Fetch-Site',
    'X-Actor',
    'X-Causation-Id',
    'X-Correlation-Id',
    'X-Occurred-At',
  ].map((name) => [name.toLowerCase(), name]),
);

/** RFC 9112, section 3.2, requires status 400 for a repeated Host header. */
export function rejectRepeatedHeaders(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    const name = findRepeatedHeader(request.raw.rawHeaders);
    if (name === undefined) return done();
    const problem =
      name === 'Host'
        ? new Problem('malformed_json', 'The Host header must be sent once.')
        : invalidInput({ field: name, code: 'invalid_header', message: 'must be sent once' });
    sendProblem(reply, problem, request.url);
  });
}

/** `rawHeaders` alternates names and values. */
function findRepeatedHeader(rawHeaders: readonly string[]): string | undefined {
  const sent = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = singleHeaders.get(rawHeaders[index]!.toLowerCase());
    if (name === undefined) continue;
    if (sent.has(name)) return name;
    sent.add(name);
  }
  return undefined;
}
