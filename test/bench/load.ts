import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is sent, made when its turn comes. */
export interface Call {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Heard {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

/** How long calls took, in milliseconds. */
export class Times {
  private readonly all: number[] = [];
  add(ms: number): void {
    this.all.push(ms);
  }
  get count(): number {
    return this.all.length;
  }
  /** 0.5 is the median. */
  at(share: number): number {
    const sorted = Float64Array.from(this.all).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  }
}

/** One HTTP client with connections that are kept alive. Whatever is not answered with 2xx ends the run. */
export class Client {
  private readonly agent: Agent;
  constructor(
    private readonly url: string,
    connections: number,
  ) {
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  call({ method = 'POST', path, headers = {}, body = '' }: Call): Promise<Heard> {
    const { agent } = this;
    const since = performance.now();
    const length = method === 'GET' ? {} : { 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const sent = request(this.url + path, { method, agent, headers: { ...headers, ...length } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const heard = {
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString('utf8'),
            ms: performance.now() - since,
          };
          if (heard.status < 300) resolve(heard);
          else reject(new Error(`${method} ${path} was answered with ${heard.status}: ${heard.text.slice(0, 500)}`));
        });
      });
      sent.on('error', reject);
      sent.end(method === 'GET' ? undefined : body);
    });
  }

  async json<T>(call: Call): Promise<T> {
    const headers = { 'content-type': 'application/json', ...call.headers };
    return JSON.parse((await this.call({ ...call, headers })).text) as T;
  }

  /** So many at once, each as soon as the one before it is answered. */
  async closedLoop(
    atOnce: number,
    seconds: number,
    next: () => Call,
  ): Promise<{ readonly perSecond: number; readonly times: Times }> {
    const times = new Times();
    const since = performance.now();
    const until = since + seconds * 1_000;
    const one = async (): Promise<void> => {
      while (performance.now() < until) times.add((await this.call(next())).ms);
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    return { perSecond: (times.count * 1_000) / (performance.now() - since), times };
  }

  /** So many a second, whether the ones before are answered or not; each is timed from the moment at which it was due. */
  async openLoop(perSecond: number, seconds: number, next: () => Call): Promise<Times> {
    const times = new Times();
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
    this.agent.destroy();
  }
}
