import { isRefusal, refuse, Refusal, type RefusalCode } from '#domain/refusal';
import type { IdempotencyStore } from '#event-store/idempotency-store';
import { withDeadline } from '#timing/deadline';
import type { CommandContext } from './command-context.js';
import type { CommandResponse, CommandResult } from './command-response.js';

/** A refusal that was stored and is now returned to a repeated request. */
export class ReplayedRefusal<Code extends RefusalCode = RefusalCode> extends Refusal<Code> {}

/**
 * An outcome as it is stored. The names must stay, because existing data contains them: `made` holds the response's `createdId`.
 */
type StoredOutcome =
  | { readonly answered: Omit<CommandResponse, 'createdId'> & { readonly made: CommandResponse['createdId'] } }
  | { readonly refused: { readonly code: RefusalCode; readonly details: Refusal['details'] } };

/** Refusals that do not depend on the request alone: the same request may succeed later. */
const notStored: ReadonlySet<RefusalCode> = new Set(['validation_failed', 'conflict', 'idempotency_in_flight']);

/**
 * Time limit in milliseconds for all store calls of one command (in a batch: of one item), so that a command fails within
 * five seconds when a store cannot be reached.
 */
export const commandTimeoutMs = 3_500;

/** Runs a command with an Idempotency-Key once; returns the stored response when the same request is repeated. */
export class IdempotencyService {
  /** Request hashes by command id. */
  private readonly inFlight = new Map<string, string>();

  constructor(
    private readonly store: IdempotencyStore,
    private readonly clock: () => string,
  ) {}

  get inFlightCount(): number {
    return this.inFlight.size;
  }

  /**
   * Runs `work`, or returns the stored response of the same request.
   * @throws Refusal `idempotency_key_reused`, `idempotency_in_flight`, or the refusal of `work`, now or when it first ran
   */
  runOnce(context: CommandContext, work: () => Promise<CommandResponse>): Promise<CommandResult> {
    return withDeadline(commandTimeoutMs, () => this.run(context, work));
  }

  private async run(
    { commandId, requestHash }: CommandContext,
    work: () => Promise<CommandResponse>,
  ): Promise<CommandResult> {
    if (requestHash === null) return { response: await work(), replayed: false };

    const inFlight = this.inFlight.get(commandId);
    if (inFlight !== undefined)
      throw refuse(inFlight === requestHash ? 'idempotency_in_flight' : 'idempotency_key_reused', {});
    this.inFlight.set(commandId, requestHash);
    try {
      const found = await this.store.find(commandId);
      if (found) {
        if (found.request !== requestHash) throw refuse('idempotency_key_reused', {});
        return { response: unwrap(found.answer as StoredOutcome, ReplayedRefusal), replayed: true };
      }
      const answer = await runToOutcome(work);
      const stored = await this.store.saveIfAbsent(commandId, { request: requestHash, answer, keptAt: this.clock() });
      if (stored.request !== requestHash) throw refuse('idempotency_key_reused', {});
      return { response: unwrap(stored.answer as StoredOutcome, Refusal), replayed: false };
    } finally {
      this.inFlight.delete(commandId);
    }
  }
}

async function runToOutcome(work: () => Promise<CommandResponse>): Promise<StoredOutcome> {
  try {
    const { createdId, version, position, body } = await work();
    return { answered: { made: createdId, version, position, body } };
  } catch (error) {
    if (!isRefusal(error) || notStored.has(error.code)) throw error;
    return { refused: { code: error.code, details: error.details } };
  }
}

function unwrap(outcome: StoredOutcome, RefusalClass: typeof Refusal): CommandResponse {
  if ('refused' in outcome) throw new RefusalClass(outcome.refused.code, outcome.refused.details);
  const { made, version, position, body } = outcome.answered;
  return { createdId: made, version, position, body };
}
