import { beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const program = join(import.meta.dirname, '..', '..', 'dist', 'test', 'bench', 'main.js');
const patience = 120_000;

interface Run {
  readonly code: number | null;
  readonly said: string;
  readonly complained: string;
}

async function bench(...args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: patience });
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, said, complained };
}

/** Too small to say anything of speed: that each bench still runs, measures and tells. */
const smallest = [
  ...['--seconds', '0.1', '--rounds', '1', '--connections', '2', '--events', '100', '--recipients', '200'],
  ...['--minutes', '0.02', '--leads', '50', '--events-per-lead', '8', '--offline'],
];
let all: Run;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'leadstream-bench-smoke-'));
  all = await bench(...smallest, '--folder', folder);
  rmSync(folder, { recursive: true, force: true });
}, patience);

test('the benches run to their end', () => expect(all).toMatchObject({ code: 0, complained: '' }));

test.each([
  ['log', /50 in flight +\d/],
  ['peers', /Events of a replay of all +\d/],
  ['ceiling', /\n2 +[\d,]+ \(.*×/],
  ['lag', /\n1,000 +[\d,.]+ ms \/ [\d,.]+ ms/],
  ['receipts', /and the counters are final +\d/],
  ['export', /\nxlsx +[\d,]+ +\d/],
  ['growth', /One lead: its history +[\d,.]+ ms/],
  ['soak', /Memory of the process +\d+ MiB +\d+ MiB/],
])('%s measures', (name, told) => {
  const [, section = ''] = all.said.split(`\n${name}: `);
  expect(section).toMatch(told);
});

test('a bench that there is not, and a size that can not be, are told', async () => {
  expect(await bench('celing')).toMatchObject({ code: 1, complained: expect.stringContaining('no bench celing') });
  const many = await bench('log', '--rounds', 'many');
  expect(many).toMatchObject({ code: 1, complained: expect.stringContaining('--rounds') });
});
