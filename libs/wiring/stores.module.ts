import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { Clock } from '#commands/clock';
import { CommandMeter } from '#commands/command-meter';
import { DeciderService } from '#commands/decider-service';
import { IdKey } from '#commands/id-key';
import { IdempotencyService } from '#commands/idempotency-service';
import { IdempotencyStore } from '#event-store/idempotency-store';
import { EventStore } from '#event-store/event-store';
import { Readiness } from '#http/health.controller';
import { Metrics } from '#http/metrics';
import { ProviderSecrets } from './provider-secrets.js';
import { Authenticator, NoAuthentication } from '#http/request';
import { ViewStore } from '#read-model/view-store';
import type { Settings } from './settings.js';
import { loadIdKey, openLog, openViews } from './stores.js';

/** What every process has: the ports with their engines behind them, opened once and closed last. */
@Global()
@Module({})
export class StoresModule {
  constructor(events: EventStore, readiness: Readiness) {
    readiness.add('log', async () => ({ ready: (await events.head()) !== '' }));
  }

  /** `close` when nothing asks any more. */
  static async open(
    settings: Settings,
    logger: Logger,
    { write }: { write: boolean },
  ): Promise<{ readonly stores: DynamicModule; close: () => Promise<void> }> {
    const idKey = new IdKey(loadIdKey(settings));
    const metrics = new Metrics();
    const log = await openLog(settings, { write, onCommit: (group) => metrics.observeCommit(group) });
    const views = await openViews(settings, { readerThread: true });
    const clock = new Clock();
    const now = (): string => clock.now();
    const handling = new DeciderService(log.events, now, () => settings.policy);
    const kept = new IdempotencyService(log.responses, now);
    metrics.addGauge(
      'leadstream_command_queue_length',
      'Streams with commands under way.',
      () => handling.pendingStreams,
    );
    metrics.addGauge('leadstream_kept_answers_in_flight', 'Commands with a key under way.', () => kept.inFlightCount);
    metrics.addGauge(
      'leadstream_view_questions_waiting',
      'Questions to views not yet answered.',
      () => views.pendingReads,
    );
    const forgetting = write ? forgetAnswers(log.responses, logger) : undefined;
    const providers = [
      { provide: IdKey, useValue: idKey },
      { provide: Clock, useValue: clock },
      { provide: EventStore, useValue: log.events },
      { provide: IdempotencyStore, useValue: log.responses },
      { provide: ViewStore, useValue: views },
      { provide: Authenticator, useClass: NoAuthentication },
      { provide: ProviderSecrets, useValue: settings.providers },
      { provide: DeciderService, useValue: handling },
      { provide: IdempotencyService, useValue: kept },
      { provide: Metrics, useValue: metrics },
      { provide: CommandMeter, useValue: metrics },
    ];
    return {
      stores: { module: StoresModule, providers, exports: providers.map(({ provide }) => provide) },
      close: async () => {
        clearInterval(forgetting);
        await views.close();
        await log.events.close();
      },
    };
  }
}

const hour = 3_600_000;
/** In hours. Callers are promised 24. */
const keepFor = 48;

/** Kept answers are forgotten after their time. */
const forgetAnswers = (answers: IdempotencyStore, logger: Logger): NodeJS.Timeout =>
  setInterval(() => {
    const before = new Date(Date.now() - keepFor * hour).toISOString();
    answers.deleteBefore(before).then(
      (forgotten) => logger.debug({ forgotten }, 'kept answers are forgotten'),
      (error: unknown) => logger.warn({ err: error }, 'kept answers can not be forgotten now'),
    );
  }, hour).unref();
