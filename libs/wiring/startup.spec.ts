import { afterAll, describe, expect, it, test } from '@jest/globals';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureWritableFolder } from './folders.js';
import { checkPortIsFree, explainListenError } from './listening.js';
import { OperatorError } from './operator-error.js';
import { parseSettings } from './settings.js';
import { settingNames } from './settings-table.js';
import { openLog } from './stores.js';
import { formatForTerminal } from './terminal-log.js';
import { readArguments } from './usage.js';

const folder = mkdtempSync(join(tmpdir(), 'wiring-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The message and exit code of the OperatorError that `work` throws. */
async function failure(work: () => unknown): Promise<{ message: string; exitCode: number }> {
  const error: unknown = await Promise.resolve()
    .then(work)
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof OperatorError)) throw new Error('There was no OperatorError.', { cause: error });
  return { message: error.message, exitCode: error.exitCode };
}

describe('ensureWritableFolder', () => {
  it('ensureWritableFolder creates a folder and its parents', () => {
    const path = join(folder, 'a', 'b');
    ensureWritableFolder(path, 'DATA_DIR');
    expect(statSync(path).isDirectory()).toBe(true);
    ensureWritableFolder(path, 'DATA_DIR');
  });

  it('ensureWritableFolder rejects a path that is or contains a file, and names the setting', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect((await failure(() => ensureWritableFolder(file, 'DATA_DIR'))).message).toBe(
      `The folder ${file} cannot be used: it is a file. Set DATA_DIR to a folder that this process can write to.`,
    );
    expect((await failure(() => ensureWritableFolder(join(file, 'x'), 'READ_STORE_URL'))).message).toMatch(
      /a part of the path is a file\. Set READ_STORE_URL /,
    );
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('ensureWritableFolder does not hang where no folder can be created', async () => {
    expect((await failure(() => ensureWritableFolder('/proc/leadstream/data', 'DATA_DIR'))).message).toMatch(
      /^The folder \/proc\/leadstream\/data cannot be used: it cannot be created there\. Set DATA_DIR /,
    );
  });
});

describe('checkPortIsFree', () => {
  it('checkPortIsFree rejects a port in use in one sentence, and accepts it when it is free', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    expect((await failure(() => checkPortIsFree(address))).message).toBe(
      `Port ${address.port} is in use, perhaps by Leadstream itself. Set PORT to a free port, or to 0 for any.`,
    );
    server.close();
    await once(server, 'close');
    await checkPortIsFree(address);
  });

  test('explainListenError names PORT for a privileged port and HOST for an address of another machine', () => {
    const explain = (code: string) =>
      explainListenError(Object.assign(new Error(), { code, syscall: 'listen' }), { host: '127.0.0.9', port: 80 });
    expect(explain('EACCES')).toMatchObject({ message: expect.stringContaining('Set PORT to a port above 1023.') });
    expect(explain('EADDRNOTAVAIL')).toMatchObject({ message: expect.stringContaining('Set HOST') });
    const bug = new Error('bug');
    expect(explainListenError(bug, { host: '127.0.0.1', port: 80 })).toBe(bug);
  });
});

describe('openLog', () => {
  const open = (EVENT_STORE_URL: string) =>
    openLog(parseSettings({ EVENT_STORE_URL, ID_KEY: 'a key of 16 letters', DATA_DIR: join(folder, 'unused') }), {
      write: true,
    });

  test.each([
    ['esdb://127.0.0.1:9#bad-name', /letters and digits.*EVENT_STORE_URL/],
    ['esdb://127.0.0.1:9?foo=1', /option.*EVENT_STORE_URL/],
    ['esdb://admin:changeit@127.0.0.1:9?tls=maybe', /EVENT_STORE_URL/],
  ])('openLog rejects %s in one sentence, without the password', async (url, sentence) => {
    const { message } = await failure(() => open(url));
    expect(message).toMatch(sentence);
    expect(message).not.toMatch(/\n|changeit/);
    expect(existsSync(join(folder, 'unused'))).toBe(false);
  });

  it('openLog reports an unreachable EventStoreDB with its address, without the password', async () => {
    const { message } = await failure(() => open('esdb://admin:changeit@127.0.0.1:9?tls=false'));
    expect(message).toMatch(
      /^[^\n]+ Check EVENT_STORE_URL \(esdb:\/\/127\.0\.0\.1:9\) and that the server is running\.$/,
    );
  });

  it('openLog reports that another process writes to the log, which may be the running service', async () => {
    const url = `sqlite:${join(folder, 'locked', 'events.db')}`;
    const { events } = await open(url);
    expect((await failure(() => open(url))).message).toMatch(
      /may be the running service: stop it, or set EVENT_STORE_URL/,
    );
    await events.close();
  });

  it('openLog creates nothing when it opens a missing log for reading', async () => {
    const before = readdirSync(folder);
    const settings = parseSettings({ DATA_DIR: join(folder, 'missing') });
    expect((await failure(() => openLog(settings, { write: false }))).message).toMatch(
      /^There is no event log at sqlite:/,
    );
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('readArguments', () => {
  it('readArguments returns undefined without arguments, and a usage text with every setting for --help', () => {
    expect(readArguments('all-in-one', [])).toBeUndefined();
    const usage = readArguments('all-in-one', ['--help']);
    for (const name of settingNames) expect(usage).toContain(`  ${name}`);
    expect(readArguments('worker', ['-h'])).toMatch(/^Usage: npm start worker\n/);
  });

  it('readArguments rejects any other argument with exit code 2, and names the setting that it resembles', async () => {
    expect(await failure(() => readArguments('all-in-one', ['--port', '4000']))).toEqual({
      message: 'Unknown argument --port. Set PORT in the environment instead. --help lists them.',
      exitCode: 2,
    });
    const other = await failure(() => readArguments('all-in-one', ['now']));
    expect(other).toMatchObject({ message: expect.stringMatching(/^Unknown argument now\./), exitCode: 2 });
  });
});

describe('formatForTerminal', () => {
  const format = (record: object): string | undefined => formatForTerminal(JSON.stringify({ level: 30, ...record }));

  it('formatForTerminal prints the address, the documentation and the demo in three lines', () => {
    const record = { app: 'all-in-one', url: 'http://127.0.0.1:3000', dataDir: '/data', msg: 'listening' };
    expect(format(record)?.split('\n')).toEqual([
      'Leadstream is running at http://127.0.0.1:3000 with its data in /data',
      'API documentation: http://127.0.0.1:3000/docs',
      'To load sample data, run in another terminal: npm run demo',
    ]);
    expect(format({ ...record, app: 'query-api' })?.split('\n')).toHaveLength(2);
  });

  it('formatForTerminal prints a request as method, path, status and milliseconds', () => {
    const request = { method: 'GET', route: '/v1/leads/:id', status: 200, ms: 1.5, msg: 'any' };
    expect(format(request)).toBe('GET /v1/leads/:id 200 1.5 ms');
    expect(format({ ...request, route: null, status: 404 })).toBe('GET (unknown path) 404 1.5 ms');
  });

  it('formatForTerminal prints a warning as one line, and an error with its stack trace', () => {
    const err = { message: 'It rains.', stack: 'Error: It rains.\n    at x' };
    expect(format({ level: 40, msg: 'retrying', err })).toBe('warning: retrying: It rains.');
    expect(format({ level: 50, msg: 'worker failed', err })).toBe(`error: worker failed: It rains.\n${err.stack}`);
  });

  it('formatForTerminal prints debug lines, and omits other information', () => {
    expect(format({ level: 20, msg: 'details' })).toBe('details');
    expect(format({ msg: 'worker started' })).toBeUndefined();
  });
});
