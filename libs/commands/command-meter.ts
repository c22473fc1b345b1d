import { isRefusal, type RefusalCode } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';
import type { CommandResponse } from './command-response.js';
import { ReplayedRefusal } from './idempotency-service.js';

/** How a command ended. `unchanged`: things were as asked already. */
export type CommandOutcome = 'ok' | 'unchanged' | 'replayed' | `refused:${RefusalCode}` | 'unavailable' | 'failed';

/** Hears how every command ended, and after how many seconds. */
export abstract class CommandMeter {
  abstract record(type: string, outcome: CommandOutcome, seconds: number): void;

  /** Does the work of a command, and tells. */
  async measure<Told extends { readonly answer: CommandResponse; readonly replayed: boolean }>(
    type: string,
    work: () => Promise<Told>,
  ): Promise<Told> {
    const start = performance.now();
    const end = (outcome: CommandOutcome): void => this.record(type, outcome, (performance.now() - start) / 1_000);
    try {
      const told = await work();
      end(told.replayed ? 'replayed' : told.answer.body.changed === false ? 'unchanged' : 'ok');
      return told;
    } catch (error) {
      end(failureOf(error));
      throw error;
    }
  }
}

/** For a process that nobody asks for figures. */
export const noopCommandMeter: CommandMeter = new (class extends CommandMeter {
  override record(): void {}
})();

function failureOf(error: unknown): CommandOutcome {
  if (error instanceof ReplayedRefusal) return 'replayed';
  if (isRefusal(error)) return `refused:${error.code}`;
  return error instanceof Unavailable ? 'unavailable' : 'failed';
}
