import { isDeepStrictEqual } from 'node:util';
import { isRefusal, refuse, Refusal, type RefusalCode } from '#domain/refusal';
import type { IdempotencyStore } from '#event-store/idempotency-store';
import { withDeadline } from '#timing/deadline';
import type { CommandContext } from './command-context.js';
import type { CommandResponse, CommandResult, ReplayableResponse } from './command-response.js';

/** A refusal that was stored and is now returned to a repeated request. */
export class ReplayedRefusal<Code extends RefusalCode = RefusalCode> extends Refusal<Code> {}

/**
 * An outcome as it is stored, without personal data. The names must stay, because existing data contains them. `answered` is
 * a whole response, as older versions stored it; `made` is its `createdId`.
 */
type StoredOutcome =
  | { readonly accepted: unknown }
  | { readonly answered: Omit<CommandResponse, 'createdId'> & Readonly<Record<'made', CommandResponse['createdId']>> }
  | { readonly refused: { readonly code: RefusalCode; readonly details: Refusal['details'] } };

/** Refusals that do not depend on the request alone: the same request may succeed later. */
const notStored: ReadonlySet<RefusalCode> = new Set(['validation_failed', 'conflict', 'idempotency_in_flight']);

/**
 * Time limit in milliseconds for all store calls of one command (in a batch: of one item), so that a command fails within
 * five seconds when a store cannot be reached.
 */
export const commandTimeoutMs = 3_500;

export interface ReplayableCommand<Facts> {
  run(): Promise<ReplayableResponse<Facts>>;
  /** Builds the response again from the facts that `run` returned, possibly in another process. */
  replay(facts: Facts): Promise<CommandResponse>;
}

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
   * Runs the command, or returns the response that the same request got.
   * @throws Refusal `idempotency_key_reused`, `idempotency_in_flight`, or the refusal of the command, now or when it first ran
   */
  runOnce<Facts>(context: CommandContext, command: ReplayableCommand<Facts>): Promise<CommandResult> {
    return withDeadline(commandTimeoutMs, () => this.run(context, command));
  }

  private async run<Facts>(
    { commandId, requestHash }: CommandContext,
    command: ReplayableCommand<Facts>,
  ): Promise<CommandResult> {
    if (requestHash === null) return { response: (await command.run()).response, replayed: false };

    const inFlight = this.inFlight.get(commandId);
    if (inFlight !== undefined)
      throw refuse(inFlight === requestHash ? 'idempotency_in_flight' : 'idempotency_key_reused', {});
    this.inFlight.set(commandId, requestHash);
    try {
      const found = await this.store.find(commandId);
      if (found) {
        if (found.request !== requestHash) throw refuse('idempotency_key_reused', {});
        return { response: await replay(found.answer, command, ReplayedRefusal), replayed: true };
      }
      return { response: await this.runAndStore(commandId, requestHash, command), replayed: false };
    } finally {
      this.inFlight.delete(commandId);
    }
  }

  private async runAndStore<Facts>(
    commandId: string,
    requestHash: string,
    command: ReplayableCommand<Facts>,
  ): Promise<CommandResponse> {
    let response: CommandResponse | undefined;
    let answer: StoredOutcome;
    try {
      const done = await command.run();
      if (done.facts === null) return done.response;
      response = done.response;
      answer = { accepted: done.facts };
    } catch (error) {
      if (!isRefusal(error) || notStored.has(error.code)) throw error;
      answer = { refused: { code: error.code, details: error.details } };
    }
    const stored = await this.store.saveIfAbsent(commandId, { request: requestHash, answer, keptAt: this.clock() });
    if (stored.request !== requestHash) throw refuse('idempotency_key_reused', {});
    // Another process may have run the same request and stored its outcome first.
    if (response && isDeepStrictEqual(stored.answer, answer)) return response;
    return replay(stored.answer, command, Refusal);
  }
}

async function replay<Facts>(
  answer: unknown,
  command: ReplayableCommand<Facts>,
  RefusalClass: typeof Refusal,
): Promise<CommandResponse> {
  const outcome = answer as StoredOutcome;
  if ('refused' in outcome) throw new RefusalClass(outcome.refused.code, outcome.refused.details);
  if ('accepted' in outcome) return command.replay(outcome.accepted as Facts);
  const { version, position, body } = outcome.answered;
  return { createdId: outcome.answered['made'], version, position, body };
}
