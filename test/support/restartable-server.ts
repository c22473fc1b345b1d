import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeEventStoreDbServer } from './fake-eventstoredb-server.js';
import { FakeMongodbServer } from './fake-mongodb-server.js';

/** A server that a test may take down, without a goodbye, and start again; what it holds outlives that. */
export interface RestartableServer {
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it for good. */
  end(): Promise<void>;
}

/** The program that `TEST_ESDB_SERVER` names, else one that is played in this process. */
export async function startEventStoreDb(): Promise<RestartableServer> {
  const program = process.env['TEST_ESDB_SERVER'];
  if (program) return new Program(program, (port) => `esdb://127.0.0.1:${port}?tls=false`, isHealthy).started();
  const server = await FakeEventStoreDbServer.start();
  const stop = async (): Promise<void> => server.stop();
  return { url: server.url, start: () => server.start(), stop, end: stop };
}

/** The program that `TEST_MONGODB_SERVER` names, else one that is played in this process. */
export async function startMongodb(): Promise<RestartableServer> {
  const program = process.env['TEST_MONGODB_SERVER'];
  if (program) return new Program(program, (port) => `mongodb://127.0.0.1:${port}`, isListening).started();
  const server = await FakeMongodbServer.start({ scans: false });
  const stop = () => server.stop();
  return { url: server.url(), start: () => server.start(), stop, end: stop };
}

/** A process of its own: the program is given a port of this machine and a folder, and runs until it is killed. */
class Program implements RestartableServer {
  private readonly folder = mkdtempSync(join(tmpdir(), 'leadstream-server-'));
  private readonly port = 20_000 + Math.floor(Math.random() * 10_000);
  private child: ChildProcess | undefined;

  constructor(
    private readonly file: string,
    private readonly urlAt: (port: number) => string,
    private readonly isThere: (port: number) => Promise<boolean>,
  ) {}

  get url(): string {
    return this.urlAt(this.port);
  }

  async started(): Promise<this> {
    await this.start();
    return this;
  }

  /** @throws Error when it ends instead */
  async start(): Promise<void> {
    const child = spawn(this.file, [String(this.port), this.folder], { stdio: 'ignore' });
    this.child = child;
    while (!(await this.isThere(this.port))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${this.file} has ended.`);
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

/** An EventStoreDB listens long before it takes anything. */
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
