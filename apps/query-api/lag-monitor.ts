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
  /** Seconds since the oldest event that the view has not applied, accurate to about a second. 0 if it has applied all. */
  readonly lagSeconds: number;
  /** Number of events that the view has not applied. Null if the engine cannot count them without reading them. */
  readonly lagEvents: number | null;
  readonly stopped: ProjectionFailure | null;
}

/** A view with a greater lag is not ready. */
const maxLagSeconds = 30;
const sampleIntervalMs = 1_000;
/** One hour. When it is exceeded, the older half is dropped. */
const maxSamples = 3_600;

/** Measures lag in seconds. Positions are opaque, so it records the position of the log's head at regular intervals. */
@Injectable()
export class LagMonitor implements OnModuleInit, OnApplicationShutdown {
  private samples: { readonly at: number; readonly head: Position }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: EventStore,
    private readonly readers: ViewReaders,
    readiness: Readiness,
    metrics: Metrics,
  ) {
    readiness.add('views', async () => {
      const lags = await this.lags();
      return { ready: lags.every((lag) => lag.ready), views: lags };
    });
    const addViewGauge = (name: string, help: string, valueOf: (lag: Lag) => number | null): void =>
      metrics.addLabeledGauge(name, help, 'view', async () =>
        (await this.lags()).flatMap((lag) => {
          const value = valueOf(lag);
          return value === null ? [] : [[lag.view, value] as const];
        }),
      );
    addViewGauge('leadstream_view_lag_seconds', 'Time that the view is behind the log.', (lag) => lag.lagSeconds);
    addViewGauge('leadstream_view_lag_events', 'Events that the view is behind the log.', (lag) => lag.lagEvents);
    addViewGauge('leadstream_view_stopped', '1 if the view has stopped on an event, otherwise 0.', (lag) =>
      lag.stopped ? 1 : 0,
    );
  }

  onModuleInit(): void {
    this.timer = setInterval(() => void this.sampleHead().catch(() => undefined), sampleIntervalMs).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  async lags(): Promise<readonly Lag[]> {
    await this.sampleHead();
    return Promise.all(views.map((view) => this.lagOf(view)));
  }

  private async lagOf(view: View): Promise<Lag> {
    const reader = await this.readers.getReader(view);
    const { checkpoint, stopped, built } = await reader.state();
    const position = checkpoint ?? this.log.start;
    const firstMissed = this.samples.find(({ head }) => head > position);
    const lagSeconds = firstMissed ? Math.round((Date.now() - firstMissed.at) / 100) / 10 : 0;
    const lagEvents = this.log.countBetween(position, await this.log.head());
    const ready = built && stopped === null && lagSeconds <= maxLagSeconds;
    return { view: view.name, version: view.version, ready, lagSeconds, lagEvents, stopped };
  }

  private async sampleHead(): Promise<void> {
    const head = await this.log.head();
    if (this.samples.at(-1)?.head !== head) this.samples.push({ at: Date.now(), head });
    if (this.samples.length > maxSamples) this.samples = this.samples.slice(-maxSamples / 2);
  }
}
