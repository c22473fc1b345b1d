import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Handling } from '#commands/handle';
import { IdKey } from '#commands/id-key';
import { KeptAnswers } from '#commands/kept-answers';
import { AnswerStore } from '#event-store/answer-store';
import { EventStore } from '#event-store/event-store';
import { Readiness } from '#http/health.controller';
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
    { write }: { write: boolean },
  ): Promise<{ readonly stores: DynamicModule; close: () => Promise<void> }> {
    const idKey = new IdKey(idKeyOf(settings));
    const log = await openLog(settings, { write });
    const views = await openViews(settings, { ownThread: true });
    const clock = new Clock();
    const now = (): string => clock.now();
    const providers = [
      { provide: IdKey, useValue: idKey },
      { provide: Clock, useValue: clock },
      { provide: EventStore, useValue: log.events },
      { provide: AnswerStore, useValue: log.answers },
      { provide: ViewStore, useValue: views },
      { provide: Authenticator, useClass: OpenDoor },
      { provide: Handling, useValue: new Handling(log.events, now) },
      { provide: KeptAnswers, useValue: new KeptAnswers(log.answers, now) },
    ];
    return {
      stores: { module: StoresModule, providers, exports: providers.map(({ provide }) => provide) },
      close: async () => {
        await views.close();
        await log.events.close();
      },
    };
  }
}
