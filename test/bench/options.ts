import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const sizeFlags = {
  leads: 'leads of the generated log; growth takes several, such as 10000,100000',
  'events-per-lead': 'events per lead of the generated log',
  seed: 'seed of the generated log',
  events: 'events per round of log, or events that peers fills each store with',
  recipients: 'recipients of the broadcast of receipts',
  connections: 'HTTP connections; ceiling takes several, such as 8,64',
  rounds: 'how often each contestant is measured',
  seconds: 'duration of one measurement',
  minutes: 'duration of soak',
} as const;
const otherFlags = {
  folder: 'where the generated log is stored and reused; otherwise a folder for temporary files',
  offline: 'leave out peers that would have to be downloaded',
  write: 'write figures and charts into docs/evidence/benchmarks.md',
  help: 'show this text',
} as const;

type Size = keyof typeof sizeFlags;
const sizeNames = Object.keys(sizeFlags) as Size[];

/** A mistake on the command line, as one sentence for the terminal. */
export class UsageError extends Error {}

export function flagsHelp(): string {
  const placeholders: Readonly<Record<string, string>> = {
    ...Object.fromEntries(sizeNames.map((name) => [name, ' <n>'])),
    folder: ' <path>',
  };
  return Object.entries({ ...sizeFlags, ...otherFlags })
    .map(([name, text]) => `  --${`${name}${placeholders[name] ?? ''}`.padEnd(22)}${text}`)
    .join('\n');
}

export class BenchOptions {
  /** Names of the benches to run. If empty, all benches that are not long. */
  readonly names: readonly string[];
  readonly help: boolean;
  readonly offline: boolean;
  readonly write: boolean;
  private readonly folder: string | undefined;
  private readonly values: Readonly<Partial<Record<Size, string>>>;

  /** @throws UsageError for an unknown option or an invalid value */
  constructor(args: readonly string[]) {
    const { values, positionals } = parse(args);
    const { folder, help = false, offline = false, write = false, ...sizes } = values;
    this.names = positionals;
    this.help = help;
    this.offline = offline;
    this.write = write;
    this.folder = folder;
    this.values = sizes;
    // All values are checked here, so that a bench does not fail halfway.
    for (const name of sizeNames) this.sizes(name, []);
  }

  size(name: Size, defaultSize: number): number {
    return this.sizes(name, [defaultSize])[0] ?? defaultSize;
  }

  sizes(name: Size, defaultSizes: readonly number[]): readonly number[] {
    const text = this.values[name];
    if (text === undefined) return defaultSizes;
    const isDuration = name === 'seconds' || name === 'minutes';
    const min = isDuration ? 0.01 : 1;
    const numbers = text.split(',').map(Number);
    if (numbers.every((size) => size >= min && size < 1e9 && (isDuration || Number.isInteger(size)))) return numbers;
    const expected = isDuration ? `a number of at least ${min}` : 'a positive whole number';
    throw new UsageError(`--${name} must be ${expected}, or several separated by commas, but is "${text}".`);
  }

  /** The folder of a generated log of this size. A log that is already there is reused. */
  folderFor(leads: number, eventsPerLead: number): string {
    return resolve(this.folder ?? join(tmpdir(), `leadstream-bench-${leads}-${eventsPerLead}`));
  }
}

const string = { type: 'string' } as const;
const boolean = { type: 'boolean' } as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        leads: string,
        'events-per-lead': string,
        seed: string,
        events: string,
        recipients: string,
        connections: string,
        rounds: string,
        seconds: string,
        minutes: string,
        folder: string,
        offline: boolean,
        write: boolean,
        help: { ...boolean, short: 'h' },
      },
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node appends sentences with advice about its parser.
    const [sentence] = error.message.split(/\.? To specify |\.\s|\n/);
    throw new UsageError(`${sentence}; run \`npm run bench -- --help\` for the options.`);
  }
}
