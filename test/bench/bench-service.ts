import { setTimeout as sleep } from 'node:timers/promises';
import { LoadClient } from './load-client.js';
import { ServerProcess } from './server-process.js';

interface ReadinessResponse {
  readonly checks: { readonly views: { readonly views: readonly { ready: boolean; lagEvents: number | null }[] } };
}

/** The service that `npm start` runs, and a client with the given number of connections to it. */
export class BenchService {
  private constructor(
    readonly program: ServerProcess,
    readonly client: LoadClient,
  ) {}

  static async start(connections: number, env: Readonly<Record<string, string>> = {}): Promise<BenchService> {
    const program = await ServerProcess.start('apps/all-in-one/main.js', env);
    return new BenchService(program, new LoadClient(program.url, connections));
  }

  /** Lag of the slowest view, in events. Infinity while a view is not built. */
  async lagEvents(): Promise<number> {
    const { text } = await this.client.call({ method: 'GET', path: '/readyz', allowsError: true });
    const { views } = (JSON.parse(text) as ReadinessResponse).checks.views;
    return Math.max(
      ...(views ?? [{ ready: false }]).map(({ ready, lagEvents }) => (ready ? (lagEvents ?? 0) : Infinity)),
    );
  }

  /** Resolves when every view has processed every event, with the seconds that took. */
  async waitUntilCaughtUp(): Promise<number> {
    const since = performance.now();
    const elapsed = (): number => performance.now() - since;
    // Polling takes processor time from the service, so the interval grows with the wait. The result is at most 1 % too high.
    while ((await this.lagEvents()) > 0) await sleep(Math.min(10 + elapsed() / 100, 5_000));
    return elapsed() / 1_000;
  }

  /** Returns a function that looks up a metric of the thread that handles commands. */
  async readMetrics(): Promise<(name: string) => number> {
    const { text } = await this.client.call({ method: 'GET', path: '/metrics' });
    return (name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.program.stop();
  }
}
