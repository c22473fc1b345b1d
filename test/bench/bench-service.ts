import { setTimeout as sleep } from 'node:timers/promises';
import { LoadClient } from './load-client.js';
import { ServerProcess } from './server-process.js';

interface Ready {
  readonly checks: { readonly views: { readonly views: readonly { ready: boolean; lagEvents: number | null }[] } };
}

/** What `npm start` runs, with as many connections to it as wanted. */
export class BenchService {
  private constructor(
    readonly program: ServerProcess,
    readonly client: LoadClient,
  ) {}

  static async start(connections: number, env: Readonly<Record<string, string>> = {}): Promise<BenchService> {
    const program = await ServerProcess.start('apps/all-in-one/main.js', env);
    return new BenchService(program, new LoadClient(program.url, connections));
  }

  /** How many events the view that is furthest behind has not taken in; Infinity while one is not built. */
  async lagEvents(): Promise<number> {
    const { text } = await this.client.call({ method: 'GET', path: '/readyz', allowsError: true });
    const { views } = (JSON.parse(text) as Ready).checks.views;
    return Math.max(
      ...(views ?? [{ ready: false }]).map(({ ready, lagEvents }) => (ready ? (lagEvents ?? 0) : Infinity)),
    );
  }

  /** Resolves when every view has everything, with the seconds that took. */
  async waitUntilCaughtUp(): Promise<number> {
    const since = performance.now();
    const elapsed = (): number => performance.now() - since;
    // Asking takes processor time too: it comes the more seldom the longer this takes, and is late by one part in a hundred at most.
    while ((await this.lagEvents()) > 0) await sleep(Math.min(10 + elapsed() / 100, 5_000));
    return elapsed() / 1_000;
  }

  /** A figure of /metrics: of the thread that takes commands. */
  async readMetrics(): Promise<(name: string) => number> {
    const { text } = await this.client.call({ method: 'GET', path: '/metrics' });
    return (name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.program.stop();
  }
}
