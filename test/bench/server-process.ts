import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const dist = join(import.meta.dirname, '..', '..');

/** A compiled server in a separate process. It gets a temporary data folder unless `env` names another one. */
export class ServerProcess {
  private readonly folder = mkdtempSync(join(tmpdir(), 'leadstream-bench-'));
  private readonly output = join(this.folder, 'output.log');
  private readonly child: ChildProcess;
  private readonly sampler: NodeJS.Timeout;
  /** Runs when the bench fails or is interrupted. */
  private readonly cleanUp = (): void => {
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };
  url = '';
  /** Highest resident memory seen so far. */
  peakMiB = 0;

  private constructor(file: string, env: Readonly<Record<string, string>>) {
    const { PATH = '', NODE_OPTIONS = '' } = process.env;
    // To a file, because reading the log of the server would slow the client down.
    const output = openSync(this.output, 'w');
    this.child = spawn(process.execPath, [join(dist, file)], {
      env: { PATH, NODE_OPTIONS, DATA_DIR: this.folder, PORT: '0', QUALIFICATION: 'off', ...env },
      stdio: ['ignore', output, 'inherit'],
    });
    closeSync(output);
    process.once('exit', this.cleanUp);
    this.sampler = setInterval(() => (this.peakMiB = Math.max(this.peakMiB, this.memoryMiB())), 200).unref();
  }

  /** Resolves when the server listens. @throws Error if it exits before */
  static async start(file: string, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const program = new ServerProcess(file, env);
    for (;;) {
      const output = program.readOutput();
      program.url = /"url":"([^"]+)"/.exec(output)?.[1] ?? '';
      if (program.url) return program;
      if (program.child.exitCode !== null) throw new Error(`${file} exited before it listened: ${output}`);
      await sleep(20);
    }
  }

  readOutput(): string {
    return readFileSync(this.output, 'utf8');
  }

  /** Processor time of all threads so far, in seconds. NaN on systems without /proc. */
  cpuSeconds(): number {
    const stat = this.readProc('stat').split(') ')[1]?.split(' ') ?? [];
    return (Number(stat[11]) + Number(stat[12])) / 100;
  }

  /** Resident memory. NaN on systems without /proc. */
  memoryMiB(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(this.readProc('status'))?.[1] ?? NaN) / 1_024;
  }

  private readProc(name: string): string {
    try {
      return readFileSync(`/proc/${this.child.pid}/${name}`, 'utf8');
    } catch {
      return '';
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.sampler);
    process.off('exit', this.cleanUp);
    const closed = once(this.child, 'close');
    if (this.child.exitCode === null && this.child.kill()) await closed;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
