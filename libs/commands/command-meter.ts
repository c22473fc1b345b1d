import { isRefusal, type RefusalCode } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';
import type { CommandResult } from './command-response.js';
import { ReplayedRefusal } from './idempotency-service.js';

/** `unchanged`: the state was already as requested. */
export type CommandOutcome = 'ok' | 'unchanged' | 'replayed' | `refused:${RefusalCode}` | 'unavailable' | 'failed';

export abstract class CommandMeter {
  abstract record(type: string, outcome: CommandOutcome, seconds: number): void;

  /** Runs the command and records its outcome and duration. */
  async measure(type: string, work: () => Promise<CommandResult>): Promise<CommandResult> {
    const start = performance.now();
    try {
      const result = await work();
      this.record(type, outcomeOf(result), secondsSince(start));
      return result;
    } catch (error) {
      this.record(type, failureOf(error), secondsSince(start));
      throw error;
    }
  }
}

/** For processes without metrics. */
export const noopCommandMeter: CommandMeter = new (class extends CommandMeter {
  override record(): void {}
})();

const secondsSince = (start: number): number => (performance.now() - start) / 1_000;

function outcomeOf({ response, replayed }: CommandResult): CommandOutcome {
  if (replayed) return 'replayed';
  return response.body.changed === false ? 'unchanged' : 'ok';
}

function failureOf(error: unknown): CommandOutcome {
  if (error instanceof ReplayedRefusal) return 'replayed';
  if (isRefusal(error)) return `refused:${error.code}`;
  return error instanceof Unavailable ? 'unavailable' : 'failed';
}
