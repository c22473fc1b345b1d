import 'reflect-metadata';
import { STATUS_CODES, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import type { LoggerService, Type, DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { randomUUID } from 'node:crypto';
import { Connections } from './connections.js';
import { InputValidationPipe } from './http-context.js';
import { Metrics } from './metrics.js';
import { ApiDocument } from './openapi.controller.js';
import { Problem, invalidInput } from './problem.js';
import { parseJsonBody } from './raw-body.js';
import { ProblemFilter, toProblem, sendProblem } from './problem.filter.js';
import { isCorrelationId } from './request.js';
import { rejectRepeatedHeaders } from './repeated-headers.js';
import { guardRequests } from './request-guard.js';
import { defaultRequestLimits, limitRequests, type RequestLimits } from './request-limits.js';
import { Routes } from './routes.js';

const bodyLimit = 1024 * 1024;
/** Deeper nesting could exhaust the stack of code that walks a body recursively. */
const maxNestingLevels = 100;
/** Time that a request may take to arrive. */
const requestTimeoutMs = 60_000;
/** Time that a stopping process waits for requests that are still arriving. */
const shutdownTimeoutMs = 8_000;
/** Time that a stopping process gives its clients to send a request that they are about to send. */
const shutdownGraceMs = 100;
/** Time after which an idle connection is closed. Longer than the idle time of common proxies, so that they close it first. */
const keepAliveTimeoutMs = 72_000;

export interface ServerOptions {
  /** The URL under which providers reach this service. Null: only local programs reach it. */
  readonly publicUrl: string | null;
  readonly limits?: RequestLimits;
}

/**
 * Creates the HTTP server of a process: JSON in and out, errors as problem+json, and one log line per request without personal
 * data.
 */
export async function createServer(
  module: Type | DynamicModule,
  logger: Logger,
  { publicUrl, limits = defaultRequestLimits }: ServerOptions,
): Promise<NestFastifyApplication> {
  const connections = new Connections();
  const adapter = new FastifyAdapter({
    bodyLimit,
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request: { headers: Record<string, unknown> }) =>
      correlationIdOf(request.headers['x-correlation-id']) ?? randomUUID(),
    serverFactory: (handler: RequestListener) => {
      const httpServer = connections.createServer(handler);
      return Object.assign(httpServer, { requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs });
    },
    return503OnClosing: false,
    routerOptions: { maxParamLength: 2_000, ignoreTrailingSlash: true },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, toProblem(error), request.url),
    clientErrorHandler: (error: Error & { code?: string }, socket: Socket) => {
      if (connections.endAfterResponses(socket)) return;
      if (connections.isResponding(socket)) socket.destroy();
      else rejectUnreadableRequest(error, socket);
    },
  });
  const server = adapter.getInstance<FastifyInstance>();
  const routes = new Routes();
  routes.watch(server);
  parseBodies(server);
  logRequests(server);
  setSecurityHeaders(server);
  rejectRepeatedHeaders(server);
  guardRequests(server, publicUrl);
  limitRequests(server, limits);
  closeConnectionsOnShutdown(server, connections);
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

/** By Node's error code. */
const unreadableRequests: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new Problem('request_timeout', 'The request did not arrive in time.'),
  HPE_HEADER_OVERFLOW: new Problem('headers_too_large', 'The request line and the headers must be at most 16 KiB.'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Problem('payload_too_large', 'The chunk extensions of the body are too large.'),
};
const malformedRequest = new Problem('malformed_json', 'The request is not valid HTTP.');

/** Responds to input that Node cannot parse as HTTP, or whose end does not arrive in time. */
function rejectUnreadableRequest({ code = '' }: { readonly code?: string }, socket: Socket): void {
  const problem = unreadableRequests[code] ?? malformedRequest;
  const body = JSON.stringify(problem.toJSON('/'));
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ];
  if (socket.writable) socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  else socket.destroy();
}

/** Browsers take a response for what its content type says, and pages of other origins cannot embed it. */
const securityHeaders = { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' };

function setSecurityHeaders(server: FastifyInstance): void {
  server.addHook('onRequest', (_, reply, done) => {
    void reply.headers(securityHeaders);
    done();
  });
}

/** Parses bodies as JSON; an empty body counts as {}. Routes with RawBody get the bytes instead. */
function parseBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  for (const mediaType of ['application/json', 'application/x-www-form-urlencoded'])
    server.addContentTypeParser(
      mediaType,
      { parseAs: 'buffer', bodyLimit },
      async (request: FastifyRequest, body: Buffer) => {
        const { rawBody } = request.routeOptions.config;
        const expected = rawBody ?? 'application/json';
        if (expected !== mediaType)
          throw new Problem('unsupported_media_type', `The content type must be ${expected}.`);
        if (request.headers['content-encoding'] ?? false)
          throw new Problem('unsupported_media_type', 'Compressed bodies are not supported. Omit Content-Encoding.');
        if (rawBody) return body;
        const parsed = parseJsonBody(body);
        rejectUnsafeJson(parsed);
        return parsed;
      },
    );
}

/** Walks level by level, not recursively: the stack must not be relied on here. */
function rejectUnsafeJson(parsed: unknown): void {
  let level = [parsed];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxNestingLevels)
      throw invalidInput({
        field: 'body',
        code: 'too_deep',
        message: `must be nested at most ${maxNestingLevels} levels deep`,
      });
    const objects = level.filter((value) => typeof value === 'object' && value !== null);
    // JSON.parse creates an own field named __proto__, which becomes the prototype of any object that it is assigned to.
    if (objects.some((value) => Object.hasOwn(value, '__proto__')))
      throw invalidInput({ field: '__proto__', code: 'unknown_field', message: 'is not a recognized field' });
    level = objects.flatMap((value): unknown[] => Object.values(value));
  }
}

/** A connection whose request never ends is closed after the timeout. */
function closeConnectionsOnShutdown(server: FastifyInstance, connections: Connections): void {
  server.addHook('onSend', (_, reply, payload, done) => {
    if (connections.isStopping) void reply.header('connection', 'close');
    done(null, payload);
  });
  server.addHook('preClose', async () => {
    const timeout = setTimeout(() => connections.destroyAll(), shutdownTimeoutMs);
    server.server.once('close', () => clearTimeout(timeout));
    await connections.stop(shutdownGraceMs);
  });
}

/** Logs the route's pattern instead of the URL, which contains IDs and search words. */
function logRequests(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-correlation-id', request.id);
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { method, id: correlationId, routeOptions } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const route = routeOptions.url ?? null;
    request.log.info({ correlationId, method, route, status: reply.statusCode, ms }, 'request completed');
    done();
  });
}

function measureRequests(server: FastifyInstance, metrics: Metrics): void {
  server.addHook('onResponse', ({ method, routeOptions }, { statusCode, elapsedTime }, done) => {
    metrics.observeRequest(method, routeOptions.url ?? 'none', statusCode, elapsedTime / 1_000);
    done();
  });
}

const correlationIdOf = (header: unknown): string | undefined => (isCorrelationId(header) ? header : undefined);

const nestLogger = (logger: Logger): LoggerService => ({
  log: (message: unknown) => logger.debug(String(message)),
  debug: (message: unknown) => logger.debug(String(message)),
  verbose: (message: unknown) => logger.trace(String(message)),
  warn: (message: unknown) => logger.warn(String(message)),
  error: (message: unknown, ...details: unknown[]) => logger.error({ details: details.map(String) }, String(message)),
  fatal: (message: unknown) => logger.fatal(String(message)),
});
