import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sample } from './measure.js';

export interface HttpCall {
  /** POST if left out. */
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Called with a successful response. */
  readonly onResponse?: (response: TimedResponse) => void;
  /** Accepts a response with a status from 300. */
  readonly allowsError?: boolean;
}

export interface TimedResponse {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

type HttpResponse = Omit<TimedResponse, 'ms'>;

/**
 * A keep-alive HTTP connection with one call at a time. It writes to the socket itself, because the client shares the processors
 * with the server it measures and node:http would use as much of them as the server. Responses need a content-length.
 */
class Connection {
  private socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private pending: { resolve: (response: HttpResponse) => void; reject: (error: Error) => void } | undefined;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {
    this.socket = this.open();
  }

  private open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true });
    const onFailure = (error: Error): void => {
      // A socket that was already replaced may report its end later.
      if (socket === this.socket) this.fail(error);
    };
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', onFailure);
    socket.on('close', () => onFailure(new Error('The server closed the connection.')));
    return socket;
  }

  send(request: string): Promise<HttpResponse> {
    // A server closes a connection that is idle for about a minute, and would never respond to what is written then.
    if (this.socket.destroyed) this.socket = this.open();
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.pending = undefined;
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.received.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return this.fail(new Error(`The response has no content-length: ${head}`));
    const end = headEnd + 4 + Number(length);
    if (this.received.length < end) return;
    const response = { status: Number(head.slice(9, 12)), text: this.received.toString('utf8', headEnd + 4, end) };
    this.received = this.received.subarray(end);
    const { pending } = this;
    this.pending = undefined;
    pending?.resolve(response);
  }

  private fail(error: Error): void {
    this.pending?.reject(error);
    this.pending = undefined;
  }
}

/** An HTTP client with a fixed number of connections. A response with a status from 300 ends the run. */
export class LoadClient {
  private readonly host: string;
  private readonly connections: Connection[];
  private readonly idle: Connection[];
  private readonly waiting: ((connection: Connection) => void)[] = [];

  constructor(url: string, connections: number) {
    const { hostname, port, host } = new URL(url);
    this.host = host;
    this.connections = Array.from({ length: connections }, () => new Connection(hostname, Number(port)));
    this.idle = [...this.connections];
  }

  async call({
    method = 'POST',
    path,
    headers = jsonHeaders,
    body = '',
    onResponse,
    allowsError = false,
  }: HttpCall): Promise<TimedResponse> {
    const since = performance.now();
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const bodyFields = method === 'GET' ? '' : `${fields.join('')}content-length: ${Buffer.byteLength(body)}\r\n`;
    const connection = this.idle.pop() ?? (await new Promise<Connection>((resolve) => this.waiting.push(resolve)));
    const { status, text } = await connection.send(
      `${method} ${path} HTTP/1.1\r\nhost: ${this.host}\r\n${bodyFields}\r\n${body}`,
    );
    const nextCaller = this.waiting.shift();
    if (nextCaller) nextCaller(connection);
    else this.idle.push(connection);
    const response = { status, text, ms: performance.now() - since };
    if (status >= 300 && !allowsError)
      throw new Error(`${method} ${path} failed with status ${status}: ${text.slice(0, 500)}`);
    onResponse?.(response);
    return response;
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.call({ method: 'GET', path })).text) as T;
  }

  async post<T>(path: string, body: object): Promise<T> {
    return JSON.parse((await this.call({ path, body: JSON.stringify(body) })).text) as T;
  }

  /** Keeps `concurrency` calls in flight. Each starts as soon as the previous one is done. */
  async closedLoop(
    concurrency: number,
    seconds: number,
    next: () => HttpCall,
    times = new Sample(),
  ): Promise<{ readonly perSecond: number; readonly times: Sample }> {
    let count = 0;
    const since = performance.now();
    const until = since + seconds * 1_000;
    const callInLoop = async (): Promise<void> => {
      while (performance.now() < until) {
        times.add((await this.call(next())).ms);
        count++;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, callInLoop));
    return { perSecond: (count * 1_000) / (performance.now() - since), times };
  }

  /** Starts calls at a steady rate, however long they take. Latency counts from the moment at which a call was due. */
  async openLoop(perSecond: number, seconds: number, next: () => HttpCall): Promise<Sample> {
    const times = new Sample();
    const since = performance.now();
    const pending: Promise<void>[] = [];
    for (let index = 0; index < perSecond * seconds; index++) {
      const due = since + (index * 1_000) / perSecond;
      const waitMs = due - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const lateMs = Math.max(0, performance.now() - due);
      pending.push(this.call(next()).then(({ ms }) => times.add(ms + lateMs)));
    }
    await Promise.all(pending);
    return times;
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }
}

const jsonHeaders = { 'content-type': 'application/json' };
