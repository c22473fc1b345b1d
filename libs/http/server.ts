import 'reflect-metadata';
import { isUtf8 } from 'node:buffer';
import type { LoggerService, Type, DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { v4 } from 'uuid';
import { ValidInput } from './exchange.js';
import { Problem, invalidInput } from './problem.js';
import { ProblemFilter, problemOf, sendProblem } from './problem.filter.js';
import { Routes } from './routes.js';

const bodyLimit = 1024 * 1024;

/** How every process speaks HTTP: JSON in and out, problems as problem+json, a log line per request with nothing personal in it. */
export async function createServer(module: Type | DynamicModule, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit,
    loggerInstance: logger,
    disableRequestLogging: true,
    genReqId: (request: { headers: Record<string, unknown> }) =>
      correlationIn(request.headers['x-correlation-id']) ?? v4(),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 2_000, ignoreTrailingSlash: true },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, problemOf(error), request.url),
  });
  const server = adapter.getInstance<FastifyInstance>();
  const routes = new Routes();
  routes.watch(server);
  readJsonOnly(server);
  logRequests(server);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    logger: nestLogger(logger),
    abortOnError: false,
  });
  app.useGlobalPipes(new ValidInput());
  app.useGlobalFilters(new ProblemFilter(routes));
  return app;
}

/** The body as JSON; an empty one counts as {}. */
function readJsonOnly(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit },
    async (request: FastifyRequest, body: Buffer) => {
      if (request.headers['content-encoding'] ?? false)
        throw new Problem('unsupported_media_type', 'The body must not be compressed.');
      if (!isUtf8(body)) throw new Problem('malformed_json', 'The body is not UTF-8.');
      const text = body.toString('utf8');
      if (text.trim() === '') return {};
      let parsed: unknown;
      try {
        parsed = JSON.parse(text);
      } catch {
        throw new Problem('malformed_json', 'The body is not valid JSON.');
      }
      // What JSON.parse made an own field would become the prototype of whatever it is copied to.
      if (/"(?:_|\\u005[fF])(?:_|\\u005[fF])proto/.test(text))
        throw invalidInput({ field: '__proto__', code: 'unknown_field', message: 'is not known here' });
      return parsed;
    },
  );
}

/** The route's pattern stands for the URL, whose ids and search words are nobody's business. */
function logRequests(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    void reply.header('x-correlation-id', request.id);
  });
  server.addHook('onResponse', async (request, reply) => {
    const { method, id: correlationId, routeOptions } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.info(
      { correlationId, method, route: routeOptions.url ?? null, status: reply.statusCode, ms },
      'answered',
    );
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
