import { Injectable } from '@nestjs/common';
import { scheduledTaskNames } from '#automation/scheduled-task';
import { createAutomationView } from '#automation/dead-letters';
import { reactorNames } from '#automation/reactor';
import { Metrics } from '#http/metrics';
import { ViewStore, type ViewReader } from '#read-model/view-store';

const automationNames = [...reactorNames, ...scheduledTaskNames];

/** Reports the number of dead letters of each automation as a metric. `cli status` shows what they are and why. */
@Injectable()
export class DeadLetterMonitor {
  private readonly readers = new Map<string, Promise<ViewReader>>();

  constructor(
    private readonly views: ViewStore,
    metrics: Metrics,
  ) {
    metrics.addLabeledGauge(
      'leadstream_automation_parked',
      'Dead letters of the automation: what it set aside after repeated failures.',
      'automation',
      () => Promise.all(automationNames.map(async (name) => [name, await this.countDeadLetters(name)] as const)),
    );
  }

  private async countDeadLetters(name: string): Promise<number> {
    const opening = this.readers.get(name) ?? this.views.openForReading(createAutomationView({ name }));
    this.readers.set(name, opening);
    const reader = await opening;
    const { built } = await reader.state();
    return built ? reader.count('parked', { where: [] }) : 0;
  }
}
