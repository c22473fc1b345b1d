import { Injectable } from '@nestjs/common';
import { scheduledTaskNames } from '#automation/scheduled-task';
import { createAutomationView } from '#automation/dead-letters';
import { reactorNames } from '#automation/reactor';
import { Metrics } from '#http/metrics';
import { ViewStore, type ViewReader } from '#read-model/view-store';

/** Tells how much each automation has set aside, so that somebody looks: `cli status` says what and why. */
@Injectable()
export class DeadLetterMonitor {
  private readonly readers = new Map<string, Promise<ViewReader>>();

  constructor(
    private readonly views: ViewStore,
    metrics: Metrics,
  ) {
    metrics.addLabeledGauge(
      'leadstream_automation_parked',
      'What the automation set aside: it kept failing.',
      'automation',
      () =>
        Promise.all(
          [...reactorNames, ...scheduledTaskNames].map(async (name) => [name, await this.parkedBy(name)] as const),
        ),
    );
  }

  private async parkedBy(name: string): Promise<number> {
    const reader = this.readers.get(name) ?? this.views.openForReading(createAutomationView({ name }));
    this.readers.set(name, reader);
    const { built } = await (await reader).state();
    return built ? (await reader).count('parked', { where: [] }) : 0;
  }
}
