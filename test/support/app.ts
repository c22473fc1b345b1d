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

/** The built apps; `npm start` runs all-in-one. */
const programOf = (name: string): string => join(import.meta.dirname, '..', '..', 'dist', 'apps', name, 'main.js');

/** Everything that an answer may say; which of it is there, the test knows that asked. */
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
  /** The text as JSON; undefined when it is none. */
  readonly body: Body;
}

export type LeadPage = ResponseBody & { readonly items: readonly LeadResource[] };
export type HistoryPage = ResponseBody & { readonly items: readonly HistoryEntry[] };

export type QueryParams = Readonly<Record<string, string | number | boolean | undefined | null>>;
export type StringMap = Readonly<Record<string, string>>;

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ms: number;
}

/** The app as a process of its own on data of its own. Stopped or killed, it can be started on the same data again. */
export class App {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'leadstream-'));
  url = '';
  /** What all its runs wrote to standard output and standard error. */
  output = '';
  /** Where the newest of the commands stands that it has answered: whoever reads what was written waits for that. */
  latestPosition: string | undefined;
  private child: ChildProcess | undefined;
  private made: Promise<Engines> | undefined;

  constructor(
    private readonly given: StringMap = {},
    private readonly name = 'all-in-one',
  ) {}

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** What its log and its views lie on. */
  engines = (): Promise<Engines> => (this.made ??= newEngines(this.dataDir));

  /** Its settings, for others that work on the same data. */
  async env(): Promise<StringMap> {
    return { DATA_DIR: this.dataDir, ...(await this.engines()).env, ...this.given };
  }

  /** Its log: to be read at any time, to be written to while it does not run. */
  async openLog({ write = false } = {}): Promise<LogStores> {
    return openLog(parseSettings(await this.env()), { write });
  }

  /** Wipes all views, while it does not run. */
  async wipeViews(): Promise<void> {
    await (await this.engines()).wipeViews();
  }

  /** Resolves when it listens and, unless told otherwise, is ready. @throws when it ends instead, with what it said */
  async start({ ready = true } = {}): Promise<this> {
    const { exited, listening } = await this.run();
    const url = await Promise.race([listening, exited.then(() => undefined)]);
    if (url === undefined) throw new Error(`The app ended instead of listening:\n${this.output}`);
    this.url = url;
    if (ready) await this.waitUntilReady();
    return this;
  }

  /** Resolves when it is ready by itself: it has started, or what was away is back. @throws when it is not in time, saying what is missing */
  async waitUntilReady({ withinMs = 200_000 } = {}): Promise<void> {
    const latest = performance.now() + withinMs;
    for (;;) {
      const { status, text } = await this.get('/readyz');
      if (status === 200) return;
      if (performance.now() > latest) throw new Error(`The app is not ready after ${withinMs} ms: ${text}`);
      await sleep(10);
    }
  }

  /** For an app that must not come up: how it ends, and what it says. */
  async startExpectingExit(): Promise<ProcessExit & { readonly said: string }> {
    const from = this.output.length;
    const { exited, listening } = await this.run();
    const end = await Promise.race([exited, listening.then(() => undefined)]);
    if (!end) {
      await this.kill();
      throw new Error(`The app came up:\n${this.output.slice(from)}`);
    }
    return { ...end, said: this.output.slice(from) };
  }

  /** Resolves once it has said this. */
  async waitForOutput(text: string): Promise<void> {
    const { child } = this;
    while (child && !this.output.includes(text)) await once(child.stdout!, 'data');
  }

  /** SIGTERM, and how the process ended. */
  stop = (): Promise<ProcessExit> => this.signal('SIGTERM');

  /** SIGKILL: no time for anything. */
  kill = (): Promise<ProcessExit> => this.signal('SIGKILL');

  /** Kills what still runs and removes the data. */
  async dispose(): Promise<void> {
    if (this.child) await this.kill();
    await (await this.made)?.remove();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** A body that is text or bytes is sent as it is, anything else as JSON; undefined sends none. */
  async call<Body = ResponseBody>(
    method: string,
    path: string,
    body?: unknown,
    headers: StringMap = {},
  ): Promise<ApiResponse<Body>> {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      const { exitCode, signalCode } = this.child ?? {};
      const gone = exitCode ?? signalCode;
      throw gone == null ? cause : new Error(`The app is gone (${gone}):\n${this.output.slice(-2_000)}`, { cause });
    });
    const text = await response.text();
    const position = method === 'GET' ? null : response.headers.get('x-position');
    if (position !== null && position > (this.latestPosition ?? '')) this.latestPosition = position;
    return { status: response.status, headers: response.headers, text, body: parsed(text) as Body };
  }

  /** Who names a position waits for it as long as one may, unless told otherwise: a busy machine takes its time. */
  get<Body = ResponseBody>(path: string, query: QueryParams = {}, headers: StringMap = {}): Promise<ApiResponse<Body>> {
    const asked = Object.entries(/^p/.test(String(query['after'])) ? { wait: 30_000, ...query } : query).flatMap(
      ([name, value]) => (value === undefined || value === null ? [] : [[name, String(value)] as const]),
    );
    const search = new URLSearchParams(Object.fromEntries(asked)).toString();
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
      // The scorer would answer in between: stories about it switch it on.
      env: { PATH, PORT: '0', QUALIFICATION: 'off', ...(await this.env()) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    const from = this.output.length;
    const listening = new Promise<string>((resolve) => {
      const hear = (chunk: string): void => {
        this.output += chunk;
        const line = /^\{.*"url":"([^"]+)".*"msg":"listening"\}$/m.exec(this.output.slice(from));
        if (line?.[1]) resolve(line[1]);
      };
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
    });
    return { exited: ended(child), listening };
  }

  private async signal(signal: NodeJS.Signals): Promise<ProcessExit> {
    const { child } = this;
    if (!child) throw new Error('The app does not run.');
    const exited = ended(child);
    child.kill(signal);
    const end = await exited;
    this.child = undefined;
    return end;
  }
}

/** An app for all tests of a file. */
export function setupApp(env: StringMap = {}): App {
  const app = new App(env);
  beforeAll(() => app.start());
  afterAll(() => app.dispose());
  return app;
}

/** `close` comes after `exit`, when all that was said has been heard. */
async function ended(child: ChildProcess): Promise<ProcessExit> {
  const since = performance.now();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode, ms: performance.now() - since };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
