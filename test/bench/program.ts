import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const dist = join(import.meta.dirname, '..', '..');

/** A program of the build as a process of its own, on a data folder of its own. */
export class Program {
  private readonly dataDir = mkdtempSync(join(tmpdir(), 'leadstream-bench-'));
  private readonly child: ChildProcess;
  private readonly sampler: NodeJS.Timeout;
  /** The most memory that it was seen to hold, in MiB. */
  peakMiB = 0;

  private constructor(file: string, env: Readonly<Record<string, string>>) {
    const { PATH = '' } = process.env;
    this.child = spawn(process.execPath, [join(dist, file)], {
      env: { PATH, DATA_DIR: this.dataDir, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.sampler = setInterval(() => (this.peakMiB = Math.max(this.peakMiB, this.memoryMiB())), 200);
  }

  /** Resolves with the address at which it listens. */
  static async start(
    file: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ program: Program; url: string }> {
    const program = new Program(file, env);
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      program.child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
        if (said.length > 100_000) return;
        said += chunk;
        const found = /"url":"([^"]+)"/.exec(said)?.[1];
        if (found) resolve(found);
      });
      program.child.once('exit', () => reject(new Error(`${file} ended: ${said}`)));
    });
    return { program, url };
  }

  /** Seconds of processor time so far, all threads together. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(stat[11]) + Number(stat[12])) / 100;
  }

  private memoryMiB(): number {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
    } catch {
      return 0;
    }
  }

  async end(): Promise<void> {
    clearInterval(this.sampler);
    this.child.kill();
    await once(this.child, 'close');
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
