import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { parseEventStoreUrl, eventStoreUrlHint, parseSettings, type Settings } from '#wiring/settings';
import { loadIdKey, isShared, openLog } from '#wiring/stores';
import { compareLogs, copyEvents, isIdKeyOfLog } from './migration.js';
import { Progress } from './progress.js';
import { openExistingLog, redactCredentials } from './stores.js';
import { pluralize } from './table.js';
import { CliError } from './cli-error.js';

interface Asked {
  readonly to: string;
  readonly from?: string;
  readonly ahead?: boolean;
  readonly json?: boolean;
}

export const migrate = new Command('migrate')
  .description(
    'copies the whole log to another engine and compares every event; cut off, it goes on when it is run again',
  )
  .requiredOption('--to <url>', `where to: ${eventStoreUrlHint}; empty, or cut off before`, aLog)
  .option('--from <url>', 'where from (default: EVENT_STORE_URL)', aLog)
  .option('--ahead', 'copies what is there while the service still runs; the rest when it is stopped, without this')
  .option('--json', 'one JSON object when it is done, for programs')
  .action(async ({ to, from, ahead = false, json = false }: Asked) => {
    const settings = parseSettings({ ...process.env, ...(from && { EVENT_STORE_URL: from }) });
    const source = settings.eventStoreUrl;
    if (plain(source) === plain(to)) throw new CliError(`${redactCredentials(to)} can't be copied to itself.`);
    const moved = await withLogs(settings, to, ahead, (one, other) => move(one, other, ahead, json));
    const told = { from: redactCredentials(source), to: redactCredentials(to), ...moved, key: keyPlace(settings) };
    console.log(json ? JSON.stringify(told) : inWords(told, ahead));
  });

function aLog(text: string): string {
  if (parseEventStoreUrl(text) === undefined) throw new InvalidArgumentError(`It must be ${eventStoreUrlHint}.`);
  return text;
}

const plain = (url: string): string => (isShared(url) ? url.replace(/\/+$/, '') : resolve(url.slice('sqlite:'.length)));

interface Moved {
  readonly events: number;
  /** How many of them now; the others were there before. */
  readonly copied: number;
  readonly seconds: number;
}

/** Opens both, and looks whether they are such as can be copied, before anything is written. */
async function withLogs<T>(
  settings: Settings,
  to: string,
  ahead: boolean,
  work: (one: EventStore, other: EventStore) => Promise<T>,
): Promise<T> {
  const key = loadIdKey(settings, { create: false });
  const one = await openSource(settings, ahead);
  try {
    if ((await one.head()) === one.start)
      throw new CliError(
        `There is nothing in ${redactCredentials(settings.eventStoreUrl)}: is that the log of the service?`,
      );
    if (!(await isIdKeyOfLog(one, key)))
      throw new CliError(
        `${keyPlace(settings)} is not the key of this log: no contact would be found with it. Set ID_KEY or DATA_DIR to what the service uses.`,
      );
    const { events: other } = await openLog({ ...settings, eventStoreUrl: to }, { write: true }).catch(about('target'));
    try {
      if (one.start === other.start) throw new CliError('Both URLs are of the very same log.');
      return await work(one, other);
    } finally {
      await other.close();
    }
  } finally {
    await one.close();
  }
}

/** An embedded log is locked, so that no service writes to it meanwhile. */
async function openSource(settings: Settings, ahead: boolean): Promise<EventStore> {
  const log = await openExistingLog(settings).catch(about('source'));
  if (ahead || isShared(settings.eventStoreUrl)) return log;
  await log.close();
  return (await openLog(settings, { write: true }).catch(about('source', inUse))).events;
}

const inUse = 'If the service still runs, stop it, or copy --ahead.';

/** Which of the two it is that can't be opened. */
const about =
  (role: string, hint = '') =>
  (error: unknown): never => {
    const { name, message } = error as Error;
    if (!['Unavailable', 'UnusableLogFile', 'TypeError'].includes(name)) throw error;
    throw new CliError(`The ${role} of the copy: ${message}. ${hint}`.trim(), { cause: error });
  };

async function move(one: EventStore, other: EventStore, ahead: boolean, quiet: boolean): Promise<Moved> {
  const began = performance.now();
  const head = await one.head();
  const total = one.countBetween(one.start, head);
  let done = 0;
  const following = async <T>(what: string, of: number | null, work: (tell: (n: number) => void) => Promise<T>) => {
    const progress = quiet ? undefined : new Progress(of, `events ${what}`, process.stderr);
    try {
      return await work((events) => {
        done = events;
        progress?.update(events);
      });
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const so = `It stopped with ${pluralize(done, 'event')} ${what}`;
      throw new CliError(`${so}: ${error.message}. Run it again to go on.`, { cause: error });
    } finally {
      progress?.finish();
    }
  };
  const there = await following('there already', null, (tell) => compareLogs(one, head, other, tell));
  const copied = await following('copied', total, (tell) =>
    copyEvents(one, there.position, head, other, (events) => tell(there.events + events)),
  );
  const events = there.events + copied;
  if (!ahead) {
    await following('compared', events, (tell) => compareLogs(one, head, other, tell));
    if ((await one.head()) !== head)
      throw new CliError('The source has grown meanwhile: stop what writes to it, and run this again.');
  }
  return { events, copied, seconds: (performance.now() - began) / 1_000 };
}

/** Where the secret behind contacts' keys is; it is never shown. */
const keyPlace = ({ idKey, dataDir }: Settings): string => (idKey === null ? join(dataDir, 'id.key') : 'ID_KEY');

function inWords({ to, events, copied, seconds, key }: Moved & { to: string; key: string }, ahead: boolean): string {
  const found = events - copied > 0 ? `, ${pluralize(events - copied, 'event')} were there before` : '';
  const said = `${pluralize(copied, 'event')} copied to ${to}${found}, in ${seconds.toFixed(1)} s.`;
  if (ahead)
    return `${said}\nStop the service and run this again without --ahead: it copies the rest and compares all.`;
  const secret = key === 'ID_KEY' ? 'the same ID_KEY' : `the content of ${key} as ID_KEY`;
  return `${said}\nBoth logs were compared: every event is the same. Start the service with EVENT_STORE_URL=${to}, ${secret}, and without the views of the old log.`;
}
