import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sample } from './measure.js';

/** What is sent, made when its turn comes. */
export interface HttpCall {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Told of the answer, as long as the call went well. */
  readonly onResponse?: (heard: TimedResponse) => void;
  /** An answer that is not 2xx is an answer too. */
  readonly allowsError?: boolean;
}

export interface TimedResponse {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

type Answer = Omit<TimedResponse, 'ms'>;

/**
 * One HTTP connection that is kept alive, one call at a time. By hand, since the client has to share the processors with what it
 * measures: node:http would take as much of them as the server does. Answers must say their length.
 */
class Connection {
  private socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {
    this.socket = this.open();
  }

  private open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true });
    const failed = (error: Error): void => {
      // One that was replaced may tell of its end late.
      if (socket === this.socket) this.fail(error);
    };
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', failed);
    socket.on('close', () => failed(new Error('the server closed the connection')));
    return socket;
  }

  ask(request: string): Promise<Answer> {
    // A server hangs up on who has been silent for a minute or so, and what is written then is never answered.
    if (this.socket.destroyed) this.socket = this.open();
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.waiting = undefined;
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.received.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return this.fail(new Error(`an answer without its length: ${head}`));
    const end = headEnd + 4 + Number(length);
    if (this.received.length < end) return;
    const answer = { status: Number(head.slice(9, 12)), text: this.received.toString('utf8', headEnd + 4, end) };
    this.received = this.received.subarray(end);
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve(answer);
  }

  private fail(error: Error): void {
    this.waiting?.reject(error);
    this.waiting = undefined;
  }
}

/** So many connections to one server. Whatever is not answered with 2xx ends the run. */
export class LoadClient {
  private readonly host: string;
  private readonly all: Connection[];
  private readonly free: Connection[];
  private readonly waiting: ((connection: Connection) => void)[] = [];

  constructor(url: string, connections: number) {
    const { hostname, port, host } = new URL(url);
    this.host = host;
    this.all = Array.from({ length: connections }, () => new Connection(hostname, Number(port)));
    this.free = [...this.all];
  }

  async call({
    method = 'POST',
    path,
    headers,
    body = '',
    onResponse: heard,
    allowsError: anyway = false,
  }: HttpCall): Promise<TimedResponse> {
    const since = performance.now();
    const more = Object.entries(headers ?? json).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = method === 'GET' ? '' : `${more.join('')}content-length: ${Buffer.byteLength(body)}\r\n`;
    const connection = this.free.pop() ?? (await new Promise<Connection>((resolve) => this.waiting.push(resolve)));
    const answer = await connection.ask(`${method} ${path} HTTP/1.1\r\nhost: ${this.host}\r\n${length}\r\n${body}`);
    const next = this.waiting.shift();
    if (next) next(connection);
    else this.free.push(connection);
    const { status, text } = answer;
    const told = { status, text, ms: performance.now() - since };
    if (status >= 300 && !anyway)
      throw new Error(`${method} ${path} was answered with ${status}: ${text.slice(0, 500)}`);
    heard?.(told);
    return told;
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.call({ method: 'GET', path })).text) as T;
  }

  async post<T>(path: string, body: object): Promise<T> {
    return JSON.parse((await this.call({ path, body: JSON.stringify(body) })).text) as T;
  }

  /** So many at once, each as soon as the one before it is answered. */
  async closedLoop(
    atOnce: number,
    seconds: number,
    next: () => HttpCall,
    times = new Sample(),
  ): Promise<{ readonly perSecond: number; readonly times: Sample }> {
    let count = 0;
    const since = performance.now();
    const until = since + seconds * 1_000;
    const one = async (): Promise<void> => {
      while (performance.now() < until) {
        times.add((await this.call(next())).ms);
        count++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    return { perSecond: (count * 1_000) / (performance.now() - since), times };
  }

  /** So many a second, whether the ones before are answered or not; each is timed from the moment at which it was due. */
  async openLoop(perSecond: number, seconds: number, next: () => HttpCall): Promise<Sample> {
    const times = new Sample();
    const since = performance.now();
    const waiting: Promise<void>[] = [];
    for (let nth = 0; nth < perSecond * seconds; nth++) {
      const due = since + (nth * 1_000) / perSecond;
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      const late = Math.max(0, performance.now() - due);
      waiting.push(this.call(next()).then(({ ms }) => times.add(ms + late)));
    }
    await Promise.all(waiting);
    return times;
  }

  close(): void {
    for (const connection of this.all) connection.close();
  }
}

const json = { 'content-type': 'application/json' };
