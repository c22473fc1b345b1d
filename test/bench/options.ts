import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface Options {
  readonly leads: number;
  readonly seed: number;
  readonly eventsPerLead: number;
  readonly folder: string;
  /** Into docs/benchmarks.md. */
  readonly write: boolean;
}

/** What the command line says. @throws Error when it makes no sense */
export function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      leads: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      'events-per-lead': { type: 'string', default: '7' },
      folder: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const leads = positive('leads', values.leads);
  return {
    leads,
    seed: positive('seed', values.seed),
    eventsPerLead: positive('events-per-lead', values['events-per-lead']),
    folder: resolve(values.folder ?? join(tmpdir(), `leadstream-bench-${leads}`)),
    write: values.write,
  };
}

function positive(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`--${name} must be a whole number from 1, not ${text}`);
}
