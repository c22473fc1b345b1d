import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const dist = join(import.meta.dirname, '..', '..');

/** A program of the build as a process of its own that listens, on a data folder of its own unless it is given one. */
export class ServerProcess {
  private readonly own = mkdtempSync(join(tmpdir(), 'leadstream-bench-'));
  private readonly output = join(this.own, 'output.log');
  private readonly child: ChildProcess;
  private readonly sampler: NodeJS.Timeout;
  /** A bench that fails, or is broken off, leaves nothing behind. */
  private readonly clear = (): void => {
    this.child.kill('SIGKILL');
    rmSync(this.own, { recursive: true, force: true });
  };
  url = '';
  /** The most memory that it was seen to hold, in MiB. */
  peakMiB = 0;

  private constructor(file: string, env: Readonly<Record<string, string>>) {
    const { PATH = '', NODE_OPTIONS = '' } = process.env;
    // To a file: the bench has better things to do than to read what a server logs.
    const output = openSync(this.output, 'w');
    this.child = spawn(process.execPath, [join(dist, file)], {
      env: { PATH, NODE_OPTIONS, DATA_DIR: this.own, PORT: '0', QUALIFICATION: 'off', ...env },
      stdio: ['ignore', output, 'inherit'],
    });
    closeSync(output);
    process.once('exit', this.clear);
    this.sampler = setInterval(() => (this.peakMiB = Math.max(this.peakMiB, this.memoryMiB())), 200).unref();
  }

  /** Resolves when it listens. */
  static async start(file: string, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const program = new ServerProcess(file, env);
    for (;;) {
      const said = program.readOutput();
      program.url = /"url":"([^"]+)"/.exec(said)?.[1] ?? '';
      if (program.url) return program;
      if (program.child.exitCode !== null) throw new Error(`${file} ended: ${said}`);
      await sleep(20);
    }
  }

  readOutput(): string {
    return readFileSync(this.output, 'utf8');
  }

  /** Seconds of processor time so far, all threads together; NaN where there is no /proc. */
  cpuSeconds(): number {
    const stat = this.proc('stat').split(') ')[1]?.split(' ') ?? [];
    return (Number(stat[11]) + Number(stat[12])) / 100;
  }

  memoryMiB(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(this.proc('status'))?.[1] ?? NaN) / 1_024;
  }

  private proc(name: string): string {
    try {
      return readFileSync(`/proc/${this.child.pid}/${name}`, 'utf8');
    } catch {
      return '';
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.sampler);
    process.off('exit', this.clear);
    const closed = once(this.child, 'close');
    if (this.child.exitCode === null && this.child.kill()) await closed;
    rmSync(this.own, { recursive: true, force: true });
  }
}
