import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '#timing/sleep';
import { FakeEventStoreDbServer } from './fake-eventstoredb-server.js';
import { FakeMongodbServer } from './fake-mongodb-server.js';

/** A server that a test can kill and start again with the same data. */
export interface RestartableServer {
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and removes its data. */
  end(): Promise<void>;
}

/** The program that `TEST_ESDB_SERVER` names, otherwise a fake in this process. */
export async function startEventStoreDb(): Promise<RestartableServer> {
  const program = process.env['TEST_ESDB_SERVER'];
  if (program) return ServerProcess.start(program, (port) => `esdb://127.0.0.1:${port}?tls=false`, isHealthy);
  const server = await FakeEventStoreDbServer.start();
  const stop = async (): Promise<void> => server.stop();
  return { url: server.url, start: () => server.start(), stop, end: stop };
}

/** The program that `TEST_MONGODB_SERVER` names, otherwise a fake in this process. */
export async function startMongodb(): Promise<RestartableServer> {
  const program = process.env['TEST_MONGODB_SERVER'];
  if (program) return ServerProcess.start(program, (port) => `mongodb://127.0.0.1:${port}`, isListening);
  const server = await FakeMongodbServer.start({ scans: false });
  const stop = () => server.stop();
  return { url: server.url(), start: () => server.start(), stop, end: stop };
}

/** A program that gets a port and a data folder as arguments and runs until it is killed. */
class ServerProcess implements RestartableServer {
  private readonly folder = mkdtempSync(join(tmpdir(), 'leadstream-server-'));
  private readonly port = 20_000 + Math.floor(Math.random() * 10_000);
  private child: ChildProcess | undefined;

  private constructor(
    private readonly program: string,
    private readonly urlOf: (port: number) => string,
    private readonly isReady: (port: number) => Promise<boolean>,
  ) {}

  static async start(
    program: string,
    urlOf: (port: number) => string,
    isReady: (port: number) => Promise<boolean>,
  ): Promise<ServerProcess> {
    const server = new ServerProcess(program, urlOf, isReady);
    await server.start();
    return server;
  }

  get url(): string {
    return this.urlOf(this.port);
  }

  /** @throws Error if the program exits */
  async start(): Promise<void> {
    const child = spawn(this.program, [String(this.port), this.folder], { stdio: 'ignore' });
    this.child = child;
    while (!(await this.isReady(this.port))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${this.program} has exited.`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    this.child = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** An EventStoreDB listens long before it accepts calls. */
const isHealthy = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  );

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
