import { beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const program = join(import.meta.dirname, '..', '..', 'dist', 'test', 'bench', 'main.js');
const timeoutMs = 120_000;

interface BenchRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runBench(...args: readonly string[]): Promise<BenchRun> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, stdout, stderr };
}

/** Too small to measure speed. These sizes only show that each bench runs, measures and reports. */
const minimalSizes = [
  ...['--seconds', '0.1', '--rounds', '1', '--connections', '2', '--events', '100', '--recipients', '200'],
  ...['--minutes', '0.02', '--leads', '50', '--events-per-lead', '8', '--offline'],
];
let allBenches: BenchRun;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'leadstream-bench-smoke-'));
  allBenches = await runBench(...minimalSizes, '--folder', folder);
  rmSync(folder, { recursive: true, force: true });
}, timeoutMs);

test('all benches complete without an error', () => expect(allBenches).toMatchObject({ code: 0, stderr: '' }));

test.each([
  ['log', /50 in flight +\d/],
  ['peers', /Events of a full replay +\d/],
  ['ceiling', /\n2 +[\d,]+ \(.*×/],
  ['lag', /\n1,000 +[\d,.]+ ms \/ [\d,.]+ ms/],
  ['receipts', /Time until the counters are final +\d/],
  ['export', /\nxlsx +[\d,]+ +\d/],
  ['growth', /Lead: history +[\d,.]+ ms/],
  ['soak', /Memory of the process +\d+ MiB +\d+ MiB/],
])('the bench %s reports its figures', (name, figures) => {
  const [, section = ''] = allBenches.stdout.split(`\n${name}: `);
  expect(section).toMatch(figures);
});

test('an unknown bench, an unknown option and an invalid size are reported in one sentence with exit code 2', async () => {
  const usageError = (text: string) => ({ code: 2, stdout: '', stderr: expect.stringMatching(`^.*${text}.*\\n$`) });
  expect(await runBench('celing')).toMatchObject(usageError('no bench celing'));
  expect(await runBench('log', '--round', '1')).toMatchObject(usageError("Unknown option '--round'"));
  expect(await runBench('log', '--rounds', 'many')).toMatchObject(usageError('--rounds'));
});

test.each([[['--help']], [['log', '--help']], [['-h']]])('%j prints the usage and runs no bench', async (args) => {
  const run = await runBench(...args);
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(run.stdout).toMatch(/^Usage: npm run bench -- .*\n/);
  for (const text of ['\n  log ', '\n  engines ', '\n  --rounds <n> ', '\n  --write '])
    expect(run.stdout).toContain(text);
  expect(run.stdout).not.toContain('processors');
});
