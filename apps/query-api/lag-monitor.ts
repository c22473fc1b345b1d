import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Position } from '#domain/event-envelope';
import { EventStore } from '#event-store/event-store';
import { Readiness } from '#http/health.controller';
import { Metrics } from '#http/metrics';
import { ViewReaders } from '#http/view-readers';
import { views } from '#projections/index';
import type { ProjectionFailure } from '#read-model/view-store';
import type { View } from '#read-model/view';

/** How far a view is behind the log. */
export interface Lag {
  readonly view: string;
  readonly version: number;
  readonly ready: boolean;
  /** Since when there has been something that the view does not show, in seconds, to about a second; 0: it shows everything. */
  readonly lagSeconds: number;
  /** How many events the view has not taken in; null where the engine can't tell without reading them. */
  readonly lagEvents: number | null;
  readonly stopped: ProjectionFailure | null;
}

/** More seconds behind than this is not ready. */
const most = 30;

/** Tells lag in seconds: positions are opaque, so it remembers when the log's head was where. */
@Injectable()
export class LagMonitor implements OnModuleInit, OnApplicationShutdown {
  /** One look at the head a second; older than needed they are dropped. */
  private looks: { readonly at: number; readonly head: Position }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: EventStore,
    private readonly reading: ViewReaders,
    readiness: Readiness,
    metrics: Metrics,
  ) {
    readiness.add('views', async () => {
      const lags = await this.lags();
      return { ready: lags.every((it) => it.ready), views: lags };
    });
    const perView = (name: string, help: string, figure: (lag: Lag) => number | null): void =>
      metrics.addLabeledGauge(name, help, 'view', async () =>
        (await this.lags()).flatMap((lag) => {
          const value = figure(lag);
          return value === null ? [] : [[lag.view, value] as const];
        }),
      );
    perView('leadstream_view_lag_seconds', 'How long the view has been behind the log.', (lag) => lag.lagSeconds);
    perView('leadstream_view_lag_events', 'How many events the view is behind the log.', (lag) => lag.lagEvents);
    perView('leadstream_view_stopped', '1: the view stands still.', (lag) => (lag.stopped ? 1 : 0));
  }

  onModuleInit(): void {
    this.timer = setInterval(() => void this.look().catch(() => undefined), 1_000).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  async lags(): Promise<readonly Lag[]> {
    await this.look();
    return Promise.all(views.map((view) => this.lagOf(view)));
  }

  private async lagOf(view: View): Promise<Lag> {
    const reader = await this.reading.getReader(view);
    const { checkpoint, stopped, built } = await reader.state();
    const at = checkpoint ?? this.log.start;
    const missed = this.looks.find(({ head }) => head > at);
    const lagSeconds = missed ? Math.round((Date.now() - missed.at) / 100) / 10 : 0;
    const lagEvents = this.log.countBetween(at, await this.log.head());
    const ready = built && stopped === null && lagSeconds <= most;
    return { view: view.name, version: view.version, ready, lagSeconds, lagEvents, stopped };
  }

  private async look(): Promise<void> {
    const head = await this.log.head();
    const newest = this.looks.at(-1);
    if (newest?.head !== head) this.looks.push({ at: Date.now(), head });
    if (this.looks.length > 3_600) this.looks = this.looks.slice(-1_800);
  }
}
