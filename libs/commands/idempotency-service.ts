import { isRefusal, refuse, Refusal, type RefusalCode } from '#domain/refusal';
import type { IdempotencyStore } from '#event-store/idempotency-store';
import { withDeadline } from '#timing/deadline';
import type { CommandContext } from './command-context.js';

/** What was refused the first time, told again. */
export class ReplayedRefusal<Code extends RefusalCode = RefusalCode> extends Refusal<Code> {}

type Kept<Answer> =
  | { readonly answered: Answer }
  | { readonly refused: { readonly code: RefusalCode; readonly details: Refusal['details'] } };

/** Refusals that say nothing of the request itself: asking again may be answered differently. */
const passing: ReadonlySet<RefusalCode> = new Set(['validation_failed', 'conflict', 'idempotency_in_flight']);

/** With the stores out of reach a command is told so within five seconds, whatever it had to ask of them before. Of a batch: each item. */
export const commandTimeoutMs = 3_500;

/** Answers a repeated command (same Idempotency-Key, same request) as the first time. */
export class IdempotencyService {
  /** Keys being worked on here, and their requests. */
  private readonly inFlight = new Map<string, string>();

  constructor(
    private readonly store: IdempotencyStore,
    private readonly clock: () => string,
  ) {}

  /** Commands with a key being worked on. */
  get inFlightCount(): number {
    return this.inFlight.size;
  }

  /**
   * Does the work unless its answer is kept. Answers must be JSON.
   * @throws Refusal `idempotency_key_reused`, `idempotency_in_flight`, or what the work refused, now or the first time.
   */
  runOnce<Answer>(
    envelope: CommandContext,
    work: () => Promise<Answer>,
  ): Promise<{ answer: Answer; replayed: boolean }> {
    return withDeadline(commandTimeoutMs, () => this.carriedOutOnce(envelope, work));
  }

  private async carriedOutOnce<Answer>(
    envelope: CommandContext,
    work: () => Promise<Answer>,
  ): Promise<{ answer: Answer; replayed: boolean }> {
    const { commandId, requestHash: request } = envelope;
    if (request === null) return { answer: await work(), replayed: false };

    const underWay = this.inFlight.get(commandId);
    if (underWay !== undefined)
      throw refuse(underWay === request ? 'idempotency_in_flight' : 'idempotency_key_reused', {});
    this.inFlight.set(commandId, request);
    try {
      const found = await this.store.find(commandId);
      if (found) {
        if (found.request !== request) throw refuse('idempotency_key_reused', {});
        return { answer: told(found.answer as Kept<Answer>, ReplayedRefusal), replayed: true };
      }
      const outcome = await attempt(work);
      const kept = await this.store.saveIfAbsent(commandId, { request, answer: outcome, keptAt: this.clock() });
      if (kept.request !== request) throw refuse('idempotency_key_reused', {});
      return { answer: told(kept.answer as Kept<Answer>, Refusal), replayed: false };
    } finally {
      this.inFlight.delete(commandId);
    }
  }
}

async function attempt<Answer>(work: () => Promise<Answer>): Promise<Kept<Answer>> {
  try {
    return { answered: await work() };
  } catch (error) {
    if (!isRefusal(error) || passing.has(error.code)) throw error;
    return { refused: { code: error.code, details: error.details } };
  }
}

function told<Answer>(kept: Kept<Answer>, As: typeof Refusal): Answer {
  if ('answered' in kept) return kept.answered;
  throw new As(kept.refused.code, kept.refused.details);
}
