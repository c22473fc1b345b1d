import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Param, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { AboutModule } from './about.module.js';
import { ApiText } from './openapi.decorators.js';
import { Metrics } from './metrics.js';
import type { RequestLimits } from './request-limits.js';
import { createServer } from './server.js';

/** Requests that the handlers have begun and not finished. */
let running = 0;
let maxRunning = 0;
let started: string[] = [];
let finish: (() => void)[] = [];

async function handle(id: string): Promise<string> {
  started.push(id);
  maxRunning = Math.max(maxRunning, ++running);
  await new Promise<void>((resolve) => finish.push(resolve));
  running--;
  return id;
}

@Controller()
class SlowController {
  @Get('slow/:id')
  @Header('content-type', 'text/plain')
  @ApiText('Wait', { 200: ['text/plain'] })
  wait(@Param('id') id: string): Promise<string> {
    return handle(id);
  }

  @Get('stream/:id')
  @RouteConfig({ limit: 'streams' })
  @ApiText('Stream', { 200: ['text/plain'] })
  stream(@Param('id') id: string): Promise<string> {
    return handle(id);
  }

  @Post('quick')
  @ApiText('Respond', { 201: ['text/plain'] })
  quick(): string {
    return 'done';
  }
}

let app: Awaited<ReturnType<typeof createServer>>;
let port: number;
let sockets: Socket[] = [];

async function start(limits?: RequestLimits): Promise<void> {
  running = maxRunning = 0;
  [started, finish, sockets] = [[], [], []];
  const metrics = { module: class Measured {}, global: true, providers: [Metrics], exports: [Metrics] };
  const module = { module: class Test {}, imports: [metrics, AboutModule], controllers: [SlowController] };
  const logger = pino({ level: 'silent' });
  app = await createServer(module, logger, { publicUrl: null, ...(limits ? { limits } : {}) });
  await app.listen(0, '127.0.0.1');
  port = Number(new URL(await app.getUrl()).port);
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const resolve of finish.splice(0)) resolve();
  await app.close();
});

async function open(): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  return { socket, received: () => text, closed };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
const statusOf = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('pipelined requests', () => {
  it('run one at a time and get their responses in order', async () => {
    await start();
    const { socket, received } = await open();
    const ids = ['a', 'b', 'c', 'd'];
    socket.write(ids.map((id) => get(`/slow/${id}`)).join(''));
    for (const [index] of ids.entries()) {
      await until(() => started.length === index + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(started).toEqual(ids.slice(0, index + 1));
      finish[index]!();
    }
    await until(() => received().endsWith('d'));
    expect(maxRunning).toBe(1);
    expect([...received().matchAll(/\r\n\r\n(\w)/g)].map(([, id]) => id)).toEqual(ids);
  });

  it('include bodies that arrive after the request before them has finished', async () => {
    await start();
    const { socket, received } = await open();
    const head =
      'POST /quick HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n';
    socket.write(get('/slow/a') + head);
    await until(() => started.length === 1);
    finish[0]!();
    socket.write('{}');
    await until(() => received().endsWith('done'));
  });

  it('are answered up to a limit, after which the connection closes', async () => {
    await start();
    const { socket, received, closed } = await open();
    socket.write(get('/slow/a') + get('/slow/a').repeat(3_000));
    const timer = setInterval(() => finish.splice(0).forEach((resolve) => resolve()), 1);
    await closed;
    clearInterval(timer);
    expect(maxRunning).toBe(1);
    expect(started).toHaveLength(17);
    expect(received().match(/HTTP\/1.1 200/g)).toHaveLength(17);
    expect(received().match(/connection: close/gi)).toHaveLength(1);
  });
});

describe('the limits of a process', () => {
  it('reject requests and streams above them, each kind on its own, but not health checks', async () => {
    await start({ requests: 2, streams: 1 });
    const responses = [statusOf('/slow/a'), statusOf('/slow/b'), statusOf('/stream/c')];
    await until(() => started.length === 3);
    for (const path of ['/slow/d', '/stream/e', '/nothing']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
      expect(await response.json()).toMatchObject({ code: 'unavailable' });
    }
    expect(await Promise.all(['/healthz', '/readyz', '/metrics'].map(statusOf))).toEqual([200, 200, 200]);
    finish.splice(0).forEach((resolve) => resolve());
    expect(await Promise.all(responses)).toEqual([200, 200, 200]);
    expect(await statusOf('/nothing')).toBe(404);
  });

  it('count a request no longer whose client has disconnected', async () => {
    await start({ requests: 1, streams: 1 });
    const { socket } = await open();
    socket.write(get('/slow/a'));
    await until(() => started.length === 1);
    expect(await statusOf('/nothing')).toBe(503);
    socket.destroy();
    while ((await statusOf('/nothing')) === 503) continue;
    expect(await statusOf('/nothing')).toBe(404);
  });
});

describe('a stop', () => {
  it('closes connections that were never used, are idle or have sent half a request line', async () => {
    await start();
    const [unused, idle, half] = [await open(), await open(), await open()];
    idle.socket.write(get('/healthz'));
    half.socket.write('GET /hea');
    await until(() => idle.received().includes('"ok"'));
    const since = performance.now();
    await app.close();
    await Promise.all([unused.closed, idle.closed, half.closed]);
    // Without this the process would wait 8 seconds.
    expect(performance.now() - since).toBeLessThan(4_000);
  });

  it('lets a request in progress finish, and its response says that the connection closes', async () => {
    await start();
    const { socket, received, closed } = await open();
    socket.write(get('/slow/a'));
    await until(() => started.length === 1);
    const stopped = app.close();
    setTimeout(() => finish[0]!(), 200);
    await closed;
    await stopped;
    expect(received()).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*connection: close[\s\S]*a$/i);
  });

  it('answers a request that arrives on an idle connection just after it began', async () => {
    await start();
    const { socket, received, closed } = await open();
    socket.write(get('/healthz'));
    await until(() => received().includes('"ok"'));
    const stopped = app.close();
    setImmediate(() => socket.write(get('/healthz')));
    await closed;
    await stopped;
    const responses = received().split('HTTP/1.1 200 OK').slice(1);
    expect(responses.map((response) => /connection: close/i.test(response))).toEqual([false, true]);
  });
});

describe('a request that Node cannot read', () => {
  it.each([
    ['HPE_INVALID_METHOD', 400, 'malformed_json'],
    ['ERR_HTTP_REQUEST_TIMEOUT', 408, 'request_timeout'],
    ['HPE_HEADER_OVERFLOW', 431, 'headers_too_large'],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413, 'payload_too_large'],
  ])('for the reason %s gets status %i and code %s', async (reason, status, code) => {
    await start();
    const server = app.getHttpServer();
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const { received, closed } = await open();
    server.emit('clientError', Object.assign(new Error(), { code: reason }), (await accepted)[0]);
    await closed;
    expect(received()).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*nosniff[^]*"code":"${code}"`));
  });

  it('does not disturb the response to the request before it, after which the connection closes', async () => {
    await start();
    const { socket, received, closed } = await open();
    socket.write(`${get('/slow/a')}not HTTP at all\r\n\r\n`);
    await until(() => started.length === 1);
    setTimeout(() => finish[0]!(), 50);
    await closed;
    expect(received()).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*connection: close[^]*\r\n\r\na$/i);
  });
});
