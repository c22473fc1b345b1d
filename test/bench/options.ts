import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const flags = {
  /** Of the generated log; growth takes several, as in 10000,100000. */
  leads: { type: 'string' },
  'events-per-lead': { type: 'string' },
  seed: { type: 'string' },
  /** Where the generated log is kept, and found again. */
  folder: { type: 'string' },
  connections: { type: 'string' },
  /** How long one turn takes. */
  seconds: { type: 'string' },
  /** How many turns everybody has. */
  rounds: { type: 'string' },
  /** How many events a log is filled with. */
  events: { type: 'string' },
  recipients: { type: 'string' },
  minutes: { type: 'string' },
  /** Nothing is fetched from the registry: peers are left out. */
  offline: { type: 'boolean' },
  /** Into docs/benchmarks.md. */
  write: { type: 'boolean' },
} as const;

type Size = Exclude<keyof typeof flags, 'folder' | 'offline' | 'write'>;

/** What the command line says. */
export class BenchOptions {
  /** The benches asked for by name; none: all that are not too long for that. */
  readonly names: readonly string[];
  readonly offline: boolean;
  readonly write: boolean;
  private readonly values: Readonly<Partial<Record<Size | 'folder', string>>>;

  /** @throws Error when it makes no sense */
  constructor(args: readonly string[]) {
    const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true });
    const { offline = false, write = false, ...sizes } = values;
    this.names = positionals;
    this.offline = offline;
    this.write = write;
    this.values = sizes;
    for (const name of Object.keys(flags) as (keyof typeof flags)[])
      if (name !== 'folder' && name !== 'offline' && name !== 'write') this.sizes(name, []);
  }

  size(name: Size, otherwise: number): number {
    return this.sizes(name, [otherwise])[0] ?? otherwise;
  }

  sizes(name: Size, otherwise: readonly number[]): readonly number[] {
    const text = this.values[name];
    if (text === undefined) return otherwise;
    const numbers = text.split(',').map(Number);
    const least = name === 'seconds' || name === 'minutes' ? 0.01 : 1;
    if (numbers.every((it) => it >= least && it < 1e9 && (least < 1 || Number.isInteger(it)))) return numbers;
    throw new Error(`--${name} must be a number from ${least}, or several with commas between, not ${text}`);
  }

  /** Where a log of so many leads is kept: what is there already is used again. */
  folderFor(leads: number, eventsPerLead: number): string {
    return resolve(this.values.folder ?? join(tmpdir(), `leadstream-bench-${leads}-${eventsPerLead}`));
  }
}
