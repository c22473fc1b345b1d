import 'reflect-metadata';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { LoggerService, Type, DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { randomUUID } from 'node:crypto';
import { InputValidationPipe } from './http-context.js';
import { Metrics } from './metrics.js';
import { ApiDocument } from './openapi.controller.js';
import { Problem, invalidInput } from './problem.js';
import { parseJsonBody } from './raw-body.js';
import { ProblemFilter, toProblem, sendProblem } from './problem.filter.js';
import { Routes } from './routes.js';

const bodyLimit = 1024 * 1024;
/** Deeper nesting would exhaust the stack of whatever walks through a body. */
const mostLevels = 100;
/** How long a request may take to arrive, and how long an ending process waits for it. */
const requestTimeout = 60_000;
const patienceMs = 8_000;

/** How every process speaks HTTP: JSON in and out, problems as problem+json, a log line per request with nothing personal in it. */
export async function createServer(module: Type | DynamicModule, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit,
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request: { headers: Record<string, unknown> }) =>
      correlationIn(request.headers['x-correlation-id']) ?? randomUUID(),
    requestTimeout,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 2_000, ignoreTrailingSlash: true },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, toProblem(error), request.url),
    clientErrorHandler: refuseWhatIsNotHttp,
  });
  const server = adapter.getInstance<FastifyInstance>();
  const routes = new Routes();
  routes.watch(server);
  readBodies(server);
  logRequests(server);
  letGoWhenClosing(server);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    logger: nestLogger(logger),
    abortOnError: false,
  });
  app.useGlobalPipes(new InputValidationPipe());
  app.useGlobalFilters(new ProblemFilter(routes));
  app.get(ApiDocument, { strict: false }).setApp(app);
  measureRequests(server, app.get(Metrics, { strict: false }));
  server.addHook('onReady', async () => logger.debug({ routes: routes.list() }, 'routes'));
  return app;
}

/** Node could not read it as HTTP, or waited too long for its end. */
function refuseWhatIsNotHttp(_: Error, socket: Socket): void {
  const problem = new Problem('malformed_json', 'The request can not be read as HTTP.');
  const body = JSON.stringify(problem.toJSON('/'));
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  if (socket.writable) socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  else socket.destroy();
}

/** Bodies are JSON, parsed; an empty one counts as {}. Routes that ask for the bytes get those (see RawBody). */
function readBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  for (const mediaType of ['application/json', 'application/x-www-form-urlencoded'])
    server.addContentTypeParser(
      mediaType,
      { parseAs: 'buffer', bodyLimit },
      async (request: FastifyRequest, body: Buffer) => {
        const raw = request.routeOptions.config.rawBody;
        const wanted = raw ?? 'application/json';
        if (wanted !== mediaType) throw new Problem('unsupported_media_type', `The body must be ${wanted}.`);
        if (request.headers['content-encoding'] ?? false)
          throw new Problem('unsupported_media_type', 'The body must not be compressed.');
        if (raw) return body;
        const parsed = parseJsonBody(body);
        refuseBent(parsed);
        return parsed;
      },
    );
}

/** Level by level, since the stack is what must not be relied on. */
function refuseBent(parsed: unknown): void {
  let level = [parsed];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels)
      throw invalidInput({ field: 'body', code: 'too_deep', message: `must have at most ${mostLevels} levels` });
    const objects = level.filter((it) => typeof it === 'object' && it !== null);
    // What JSON.parse made an own field would become the prototype of whatever it is copied to.
    if (objects.some((it) => Object.hasOwn(it, '__proto__')))
      throw invalidInput({ field: '__proto__', code: 'unknown_field', message: 'is not known here' });
    level = objects.flatMap((it): unknown[] => Object.values(it));
  }
}

/**
 * What was under way when closing began leaves connections that are kept alive: each is let go as soon as it says nothing more,
 * and one that never ends its request when our patience does.
 */
function letGoWhenClosing(server: FastifyInstance): void {
  server.addHook('preClose', async () => {
    const sweep = setInterval(() => server.server.closeIdleConnections(), 20);
    const last = setTimeout(() => server.server.closeAllConnections(), patienceMs);
    server.server.once('close', () => (clearInterval(sweep), clearTimeout(last)));
  });
}

/** The route's pattern stands for the URL, whose ids and search words are nobody's business. */
function logRequests(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-correlation-id', request.id);
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { method, id: correlationId, routeOptions } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.info(
      { correlationId, method, route: routeOptions.url ?? null, status: reply.statusCode, ms },
      'answered',
    );
    done();
  });
}

function measureRequests(server: FastifyInstance, metrics: Metrics): void {
  server.addHook('onResponse', ({ method, routeOptions }, { statusCode, elapsedTime }, done) => {
    metrics.observeRequest(method, routeOptions.url ?? 'none', statusCode, elapsedTime / 1_000);
    done();
  });
}

const correlationIn = (header: unknown): string | undefined =>
  typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : undefined;

const nestLogger = (logger: Logger): LoggerService => ({
  log: (message: unknown) => logger.debug(String(message)),
  debug: (message: unknown) => logger.debug(String(message)),
  verbose: (message: unknown) => logger.trace(String(message)),
  warn: (message: unknown) => logger.warn(String(message)),
  error: (message: unknown, ...more: unknown[]) => logger.error({ more: more.map(String) }, String(message)),
  fatal: (message: unknown) => logger.fatal(String(message)),
});
