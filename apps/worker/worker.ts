import type { Logger } from 'pino';
import type { EventStore } from '#event-store/event-store';
import { views } from '#projections/index';
import { CatchUp, type News } from '#read-model/catch-up';
import type { ViewStore } from '#read-model/view-store';

/** Keeps every view up to date until `signal` aborts. */
export async function keepUp(log: EventStore, store: ViewStore, logger: Logger, signal: AbortSignal): Promise<void> {
  const tell = (news: News): void => {
    const view = `${news.view.name} v${news.view.version}`;
    switch (news.what) {
      case 'built':
        return logger.info({ view }, 'view has caught up with the log');
      case 'stopped':
        return logger.error({ view, ...news.stopped, err: news.error }, 'view stands still');
      case 'retrying':
        return logger.warn({ view, inMs: news.inMs, err: news.error }, 'view goes on after a pause');
    }
  };
  await Promise.all(views.map((view) => new CatchUp(view, store, log, tell).run(signal)));
}
