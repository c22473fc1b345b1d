import { afterAll, beforeAll } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KnownAgent } from '#domain/agent/agent.decide';
import type { FollowUpResource } from '#resources/follow-up.resource';
import type { LeadResource } from '#resources/lead.resource';
import type { HistoryEntry, PastLead } from '#projections/lead-history/lead-history.query';
import { parseSettings } from '#wiring/settings';
import { openLog, type LogStores } from '#wiring/stores';
import { newEngines, type Engines } from './engines.js';

const programOf = (name: string): string => join(import.meta.dirname, '..', '..', 'dist', 'apps', name, 'main.js');

/** The fields of all responses. A test knows which of them its response has. */
export interface ResponseBody {
  readonly lead: LeadResource;
  readonly leadId: string;
  readonly leadCreated: boolean;
  readonly interactionId: string;
  readonly messageId: string;
  readonly followUp: FollowUpResource;
  readonly agent: KnownAgent & { readonly activeLeads: number | null };
  readonly changed: boolean;
  readonly accepted: boolean;
  readonly cancelledFollowUps: number;
  readonly version: number;
  readonly position: string;
  readonly nextCursor: string | null;
  readonly total: number;
  readonly pastLeads: readonly PastLead[];
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly field: string; readonly code: string; readonly message: string }[];
}

export interface ApiResponse<Body = ResponseBody> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; undefined if it is not JSON. */
  readonly body: Body;
}

export type LeadPage = ResponseBody & { readonly items: readonly LeadResource[] };
export type HistoryPage = ResponseBody & { readonly items: readonly HistoryEntry[] };

export type QueryParams = Readonly<Record<string, string | number | boolean | undefined | null>>;
export type StringMap = Readonly<Record<string, string>>;

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ms: number;
}

/** An app in a separate process with separate data. After a stop or kill, it can be started again on the same data. */
export class App {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'leadstream-'));
  url = '';
  /** Standard output and standard error of all runs. */
  output = '';
  /** The highest position of its responses to commands: pass it as `after` to read what was written. */
  latestPosition: string | undefined;
  private child: ChildProcess | undefined;
  private createdEngines: Promise<Engines> | undefined;

  constructor(
    private readonly settings: StringMap = {},
    private readonly name = 'all-in-one',
  ) {}

  /** Undefined while the app is not running. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  engines = (): Promise<Engines> => (this.createdEngines ??= newEngines(this.dataDir));

  /** The settings for other processes on the same data. */
  async env(): Promise<StringMap> {
    return { DATA_DIR: this.dataDir, ...(await this.engines()).env, ...this.settings };
  }

  /** Opens the log. Writing is possible only while the app is not running. */
  async openLog({ write = false } = {}): Promise<LogStores> {
    return openLog(parseSettings(await this.env()), { write });
  }

  /** Wipes all views. Only while the app is not running. */
  async wipeViews(): Promise<void> {
    await (await this.engines()).wipeViews();
  }

  /** Resolves when the app listens and, by default, is ready. @throws Error with the output if it exits instead */
  async start({ ready = true } = {}): Promise<this> {
    const { exited, listening } = await this.run();
    const url = await Promise.race([listening, exited.then(() => undefined)]);
    if (url === undefined) throw new Error(`The app exited instead of listening:\n${this.output}`);
    this.url = url;
    if (ready) await this.waitUntilReady();
    return this;
  }

  /** Resolves when the app is ready, after a start or an outage. @throws Error with the readiness checks if it is not in time */
  async waitUntilReady({ withinMs = 200_000 } = {}): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const { status, text } = await this.get('/readyz');
      if (status === 200) return;
      if (performance.now() > deadline) throw new Error(`The app is not ready after ${withinMs} ms: ${text}`);
      await sleep(10);
    }
  }

  /** Starts an app that must exit instead of listening. Returns its exit and its output. @throws Error if it listens */
  async startExpectingExit(): Promise<ProcessExit & { readonly output: string }> {
    const from = this.output.length;
    const { exited, listening } = await this.run();
    const exit = await Promise.race([exited, listening.then(() => undefined)]);
    if (!exit) {
      await this.kill();
      throw new Error(`The app started:\n${this.output.slice(from)}`);
    }
    return { ...exit, output: this.output.slice(from) };
  }

  /** Resolves when the output contains the text. */
  async waitForOutput(text: string): Promise<void> {
    const { child } = this;
    while (child && !this.output.includes(text)) await once(child.stdout!, 'data');
  }

  /** Sends SIGTERM. */
  stop = (): Promise<ProcessExit> => this.signal('SIGTERM');

  /** Sends SIGKILL. */
  kill = (): Promise<ProcessExit> => this.signal('SIGKILL');

  /** Kills the app if it is running, and removes the data. */
  async dispose(): Promise<void> {
    if (this.child) await this.kill();
    await (await this.createdEngines)?.remove();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Sends text and bytes as they are, anything else as JSON, and no body for undefined. */
  async call<Body = ResponseBody>(
    method: string,
    path: string,
    body?: unknown,
    headers: StringMap = {},
  ): Promise<ApiResponse<Body>> {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      const { exitCode, signalCode } = this.child ?? {};
      const exit = exitCode ?? signalCode;
      throw exit === null || exit === undefined
        ? cause
        : new Error(`The app has exited (${exit}):\n${this.output.slice(-2_000)}`, { cause });
    });
    const text = await response.text();
    const position = method === 'GET' ? null : response.headers.get('x-position');
    if (position !== null && position > (this.latestPosition ?? '')) this.latestPosition = position;
    return { status: response.status, headers: response.headers, text, body: parseJson(text) as Body };
  }

  /** With `after`, waits for the position as long as the API allows, because the machine may be busy. */
  get<Body = ResponseBody>(path: string, query: QueryParams = {}, headers: StringMap = {}): Promise<ApiResponse<Body>> {
    const parameters = Object.entries(/^p/.test(String(query['after'])) ? { wait: 30_000, ...query } : query).flatMap(
      ([name, value]) => (value === undefined || value === null ? [] : [[name, String(value)] as const]),
    );
    const search = new URLSearchParams(Object.fromEntries(parameters)).toString();
    return this.call('GET', search ? `${path}${path.includes('?') ? '&' : '?'}${search}` : path, undefined, headers);
  }

  post = (path: string, body?: unknown, headers?: StringMap): Promise<ApiResponse> =>
    this.call('POST', path, body, headers);
  patch = (path: string, body?: unknown, headers?: StringMap): Promise<ApiResponse> =>
    this.call('PATCH', path, body, headers);
  delete = (path: string, body?: unknown, headers?: StringMap): Promise<ApiResponse> =>
    this.call('DELETE', path, body, headers);

  private async run(): Promise<{ exited: Promise<ProcessExit>; listening: Promise<string> }> {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [programOf(this.name)], {
      // The scorer would add events. Tests of the scorer switch it on.
      env: { PATH, PORT: '0', QUALIFICATION: 'off', ...(await this.env()) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    const from = this.output.length;
    const listening = new Promise<string>((resolve) => {
      const onOutput = (chunk: string): void => {
        this.output += chunk;
        const line = /^\{.*"url":"([^"]+)".*"msg":"listening"\}$/m.exec(this.output.slice(from));
        if (line?.[1]) resolve(line[1]);
      };
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', onOutput);
    });
    return { exited: waitForExit(child), listening };
  }

  private async signal(signal: NodeJS.Signals): Promise<ProcessExit> {
    const { child } = this;
    if (!child) throw new Error('The app is not running.');
    const exited = waitForExit(child);
    child.kill(signal);
    const exit = await exited;
    this.child = undefined;
    return exit;
  }
}

/** Starts an app before the tests of a file, and removes it after them. */
export function setupApp(env: StringMap = {}): App {
  const app = new App(env);
  beforeAll(() => app.start());
  afterAll(() => app.dispose());
  return app;
}

/** Waits for `close`, which follows `exit` when the output is complete. */
async function waitForExit(child: ChildProcess): Promise<ProcessExit> {
  const startedAt = performance.now();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode, ms: performance.now() - startedAt };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
