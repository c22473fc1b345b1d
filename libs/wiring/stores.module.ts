import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { Clock } from '#commands/clock';
import { CommandMeter } from '#commands/command-meter';
import { Handling } from '#commands/handle';
import { IdKey } from '#commands/id-key';
import { KeptAnswers } from '#commands/kept-answers';
import { AnswerStore } from '#event-store/answer-store';
import { EventStore } from '#event-store/event-store';
import { Readiness } from '#http/health.controller';
import { Metrics } from '#http/metrics';
import { ProviderSecrets } from '#http/provider-secrets';
import { Authenticator, OpenDoor } from '#http/request';
import { ViewStore } from '#read-model/view-store';
import type { Settings } from './settings.js';
import { idKeyOf, openLog, openViews } from './stores.js';

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
    const idKey = new IdKey(idKeyOf(settings));
    const metrics = new Metrics();
    const log = await openLog(settings, { write, onCommit: (group) => metrics.committed(group) });
    const views = await openViews(settings, { ownThread: true });
    const clock = new Clock();
    const now = (): string => clock.now();
    const handling = new Handling(log.events, now, () => settings.policy);
    const kept = new KeptAnswers(log.answers, now);
    metrics.gauge('leadstream_command_queue_length', 'Streams with commands under way.', () => handling.busy);
    metrics.gauge('leadstream_kept_answers_in_flight', 'Commands with a key under way.', () => kept.underWay);
    metrics.gauge('leadstream_view_questions_waiting', 'Questions to views not yet answered.', () => views.waiting);
    const forgetting = write ? forgetAnswers(log.answers, logger) : undefined;
    const providers = [
      { provide: IdKey, useValue: idKey },
      { provide: Clock, useValue: clock },
      { provide: EventStore, useValue: log.events },
      { provide: AnswerStore, useValue: log.answers },
      { provide: ViewStore, useValue: views },
      { provide: Authenticator, useClass: OpenDoor },
      { provide: ProviderSecrets, useValue: settings.providers },
      { provide: Handling, useValue: handling },
      { provide: KeptAnswers, useValue: kept },
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
const forgetAnswers = (answers: AnswerStore, logger: Logger): NodeJS.Timeout =>
  setInterval(() => {
    const before = new Date(Date.now() - keepFor * hour).toISOString();
    answers.forgetBefore(before).then(
      (forgotten) => logger.debug({ forgotten }, 'kept answers are forgotten'),
      (error: unknown) => logger.warn({ err: error }, 'kept answers can not be forgotten now'),
    );
  }, hour).unref();
