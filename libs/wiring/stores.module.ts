import { existsSync } from 'node:fs';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { Clock } from '#commands/clock';
import { CommandMeter } from '#commands/command-meter';
import { DeciderService } from '#commands/decider-service';
import { IdKey } from '#commands/id-key';
import { IdempotencyService } from '#commands/idempotency-service';
import { IdempotencyStore } from '#event-store/idempotency-store';
import { EventStore, Unavailable } from '#event-store/event-store';
import { Readiness, type ReadinessCheck } from '#http/health.controller';
import { Metrics } from '#http/metrics';
import { makeFilesPrivate } from './private-files.js';
import { ProviderSecrets } from './provider-secrets.js';
import { Authenticator, NoAuthentication } from '#http/request';
import type { View } from '#read-model/view';
import { ViewStore } from '#read-model/view-store';
import type { Settings } from './settings.js';
import { openIdKey } from './id-key.js';
import { findLeftovers, rejectEmptyLogWithViews } from './leftovers.js';
import { checkViewsReachable, isShared, logFile, openLog, openViews, type LogStores } from './stores.js';

/** Provides the ports, with the engines of the settings behind them, to every module of a process. */
@Global()
@Module({})
export class StoresModule {
  constructor(events: EventStore, readiness: Readiness) {
    readiness.add('log', () => checkLog(events));
  }

  /**
   * Opens the stores. Call `close` after the last use.
   * @param options.write whether this process appends to the event log
   * @param options.views the views that are built from it
   * @throws OperatorError
   */
  static async open(
    settings: Settings,
    logger: Logger,
    { write, views: builtViews }: { write: boolean; views: readonly View[] },
  ): Promise<{ readonly stores: DynamicModule; close: () => Promise<void> }> {
    const metrics = new Metrics();
    const { log, views, idKey } = await openStores(settings, logger, metrics, write);
    await rejectEmptyLogWithViews(settings, log.events, views, builtViews);
    const clock = new Clock();
    const now = (): string => clock.now();
    const deciders = new DeciderService(log.events, now, () => settings.policy);
    const idempotency = new IdempotencyService(log.responses, now);
    metrics.addGauge(
      'leadstream_command_queue_length',
      'Streams with commands in progress.',
      () => deciders.pendingStreams,
    );
    metrics.addGauge(
      'leadstream_kept_answers_in_flight',
      'Commands with an idempotency key in progress.',
      () => idempotency.inFlightCount,
    );
    metrics.addGauge(
      'leadstream_view_questions_waiting',
      'View queries waiting for their result.',
      () => views.pendingReads,
    );
    const expiry = write ? expireResponses(log.responses, logger) : undefined;
    const providers = [
      { provide: IdKey, useValue: idKey },
      { provide: Clock, useValue: clock },
      { provide: EventStore, useValue: log.events },
      { provide: IdempotencyStore, useValue: log.responses },
      { provide: ViewStore, useValue: views },
      { provide: Authenticator, useClass: NoAuthentication },
      { provide: ProviderSecrets, useValue: settings.providers },
      { provide: DeciderService, useValue: deciders },
      { provide: IdempotencyService, useValue: idempotency },
      { provide: Metrics, useValue: metrics },
      { provide: CommandMeter, useValue: metrics },
    ];
    return {
      stores: { module: StoresModule, providers, exports: providers.map(({ provide }) => provide) },
      close: async () => {
        clearInterval(expiry);
        await views.close();
        await log.events.close();
      },
    };
  }
}

async function checkLog(events: EventStore): Promise<ReadinessCheck & { readonly reason?: string }> {
  try {
    await events.check();
    return { ready: true };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { ready: false, reason: error.message };
  }
}

/** Servers come first: if one is unreachable, nothing has been written to the data folder. */
async function openStores(
  settings: Settings,
  logger: Logger,
  metrics: Metrics,
  write: boolean,
): Promise<{ readonly log: LogStores; readonly views: ViewStore; readonly idKey: IdKey }> {
  makeFilesPrivate(settings, logger);
  const areViewsShared = isShared(settings.readStoreUrl);
  const remoteViews = areViewsShared ? await openViews(settings, { readerThread: true }) : undefined;
  if (remoteViews) await checkViewsReachable(settings, remoteViews);
  const file = logFile(settings);
  const isNew = write && file !== undefined && !existsSync(file);
  const leftovers = write ? findLeftovers(settings) : [];
  const log = await openLog(settings, {
    write,
    leftovers,
    onCommit: (group) => metrics.observeCommit(group),
    onDamage: (damage) => logger.error({ file, damage }, 'the event log is damaged; restore it from a backup'),
  });
  if (isNew) logger.info({ file, dataDir: settings.dataDir }, 'created a new event log');
  const idKey = new IdKey(await openIdKey(settings, log, { write }));
  const views = remoteViews ?? (await openViews(settings, { readerThread: true }));
  return { log, views, idKey };
}

const hourMs = 3_600_000;
/** The API promises 24 hours. */
const retentionMs = 48 * hourMs;

/** Deletes stored responses after their retention time. */
const expireResponses = (responses: IdempotencyStore, logger: Logger): NodeJS.Timeout =>
  setInterval(() => {
    const before = new Date(Date.now() - retentionMs).toISOString();
    responses.deleteBefore(before).then(
      (deleted) => logger.debug({ deleted }, 'deleted expired stored responses'),
      (error: unknown) => logger.warn({ err: error }, 'failed to delete expired stored responses'),
    );
  }, hourMs).unref();
