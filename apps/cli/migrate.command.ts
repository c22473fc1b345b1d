import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { OperatorError } from '#wiring/operator-error';
import { Progress } from '#wiring/progress';
import { parseSettings, type Settings } from '#wiring/settings';
import { eventStoreUrlHint, parseEventStoreUrl } from '#wiring/settings-table';
import { describeKeyLocation, openIdKey } from '#wiring/id-key';
import { isShared, openLog, redactCredentials, type LogStores } from '#wiring/stores';
import { compareLogs, copyEvents } from './migration.js';
import { pluralize } from './table.js';

interface Options {
  readonly to: string;
  readonly from?: string;
  readonly ahead?: boolean;
  readonly json?: boolean;
}

export const migrate = new Command('migrate')
  .description('copies the event log to another engine and compares every event; if interrupted, run it again')
  .requiredOption('--to <url>', `the target: ${eventStoreUrlHint}; must be empty or an incomplete copy`, parseUrl)
  .option('--from <url>', 'the source (default: EVENT_STORE_URL)', parseUrl)
  .option('--ahead', 'copy while the service runs; stop it and run migrate again without --ahead for the rest')
  .option('--json', 'print one JSON object when done')
  .action(async ({ to, from, ahead = false, json = false }: Options) => {
    const settings = parseSettings({ ...process.env, ...(from && { EVENT_STORE_URL: from }) });
    const source = settings.eventStoreUrl;
    if (normalizeUrl(source) === normalizeUrl(to))
      throw new OperatorError(`${redactCredentials(to)} is both source and target. Set --to to another log.`);
    const migrated = await withLogs(settings, to, ahead, (sourceLog, target) =>
      migrateEvents(sourceLog, target, ahead, json),
    );
    const result = {
      from: redactCredentials(source),
      to: redactCredentials(to),
      ...migrated,
      key: describeKeyLocation(settings),
    };
    console.log(json ? JSON.stringify(result) : formatResult(result, ahead));
  });

function parseUrl(text: string): string {
  if (parseEventStoreUrl(text) === undefined) throw new InvalidArgumentError(`It must be ${eventStoreUrlHint}.`);
  return text;
}

const normalizeUrl = (url: string): string =>
  isShared(url) ? url.replace(/\/+$/, '') : resolve(url.slice('sqlite:'.length));

interface MigrationResult {
  readonly events: number;
  /** How many of the events this run copied. The others were already in the target. */
  readonly copied: number;
  readonly seconds: number;
}

/** Opens both logs. Checks before anything is written that the source can be copied. */
async function withLogs<T>(
  settings: Settings,
  to: string,
  ahead: boolean,
  work: (source: EventStore, target: EventStore) => Promise<T>,
): Promise<T> {
  const { events: source, keyFingerprint } = await openSource(settings, ahead);
  try {
    if ((await source.head()) === source.start)
      throw new OperatorError(
        `${redactCredentials(settings.eventStoreUrl)} is empty. Set --from or EVENT_STORE_URL to the log of the service.`,
      );
    await openIdKey(settings, { events: source, keyFingerprint }, { write: false });
    const targetSettings = { ...settings, eventStoreUrl: to };
    const { events: target } = await openLog(targetSettings, { write: true, urlSetting: '--to' }).catch(
      rethrowFor('target'),
    );
    try {
      if (source.start === target.start)
        throw new OperatorError('Both URLs point to the same log. Set --to to another log.');
      return await work(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Opens the source. An embedded log is locked, unless `ahead`, so that no service writes to it during the migration. */
async function openSource(settings: Settings, ahead: boolean): Promise<LogStores> {
  const log = await openLog(settings, { write: false });
  if (ahead || isShared(settings.eventStoreUrl)) return log;
  await log.events.close();
  return openLog(settings, { write: true }).catch(rethrowFor('source', 'Or copy with --ahead.'));
}

const rethrowFor =
  (role: 'source' | 'target', advice = '') =>
  (error: unknown): never => {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Cannot open the ${role}. ${error.message} ${advice}`.trim(), 1, { cause: error });
  };

async function migrateEvents(
  source: EventStore,
  target: EventStore,
  ahead: boolean,
  isQuiet: boolean,
): Promise<MigrationResult> {
  const startedAt = performance.now();
  const head = await source.head();
  const total = source.countBetween(source.start, head);
  let done = 0;
  const runStep = async <T>(
    verb: 'found' | 'copied' | 'compared',
    count: number | null,
    work: (onProgress: (events: number) => void) => Promise<T>,
  ): Promise<T> => {
    const progress = isQuiet ? undefined : new Progress(count, `events ${verb}`, process.stderr);
    try {
      return await work((events) => {
        done = events;
        progress?.update(events);
      });
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      throw new OperatorError(
        `The migration stopped with ${pluralize(done, 'event')} ${verb}: ${error.message}. Run it again to continue.`,
        1,
        { cause: error },
      );
    } finally {
      progress?.finish();
    }
  };
  const existing = await runStep('found', null, (onProgress) => compareLogs(source, head, target, onProgress));
  const copied = await runStep('copied', total, (onProgress) =>
    copyEvents(source, existing.position, head, target, (events) => onProgress(existing.events + events)),
  );
  const events = existing.events + copied;
  if (!ahead) {
    await runStep('compared', events, (onProgress) => compareLogs(source, head, target, onProgress));
    if ((await source.head()) !== head)
      throw new OperatorError(
        'The source has grown during the migration. Stop every process that writes to it, and run migrate again.',
      );
  }
  return { events, copied, seconds: (performance.now() - startedAt) / 1_000 };
}

function formatResult(
  { to, events, copied, seconds, key }: MigrationResult & { to: string; key: string },
  ahead: boolean,
): string {
  const existing = events - copied;
  const note = existing > 0 ? `; ${pluralize(existing, 'event')} had been copied before` : '';
  const summary = `Copied ${pluralize(copied, 'event')} to ${to} in ${seconds.toFixed(1)} s${note}.`;
  if (ahead)
    return `${summary}\nStop the service, then run migrate again without --ahead to copy the rest and compare both logs.`;
  const secret = key === 'ID_KEY' ? 'the same ID_KEY' : `the content of ${key} as ID_KEY`;
  return `${summary}\nBoth logs contain the same events. Start the service with EVENT_STORE_URL=${to}, ${secret} and a new READ_STORE_URL.`;
}
