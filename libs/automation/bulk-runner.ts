import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#commands/clock';
import type { CommandDispatcher } from '#commands/command-dispatcher';
import { causedBy, systemActor } from '#commands/command-context';

/** A bulk's job that is not at its end. */
interface OpenJob {
  readonly org: string;
  readonly id: string;
}

/** What an operator wants to hear of. */
export interface BulkRunnerNotice {
  /** Null: what is open can't be told. */
  readonly bulkId: string | null;
  readonly inMs: number;
  readonly error: unknown;
}

/** In milliseconds. */
const lookEvery = 100;
const backOff = { first: 200, longest: 30_000 };

/** A job that failed waits, longer each time, and does not keep the others. */
interface Waiting {
  readonly attempts: number;
  readonly until: number;
}

/**
 * Carries open jobs out, a block of items at a time, in turns: so a small job need not wait for a large one. What is open, and
 * cancelled, the bulk's own stream decides at each turn: the list of open jobs may be behind, and other workers may do the same.
 */
export class BulkRunner {
  private readonly waiting = new Map<string, Waiting>();

  constructor(
    private readonly open: () => Promise<readonly OpenJob[]>,
    private readonly door: CommandDispatcher,
    private readonly clock: Clock,
    private readonly tell: (news: BulkRunnerNotice) => void,
  ) {}

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      let pauseMs = 0;
      try {
        const worked = await this.turn(await this.open(), signal);
        failures = 0;
        if (!worked) pauseMs = lookEvery;
      } catch (error) {
        pauseMs = pauseAfter(++failures);
        this.tell({ bulkId: null, inMs: pauseMs, error });
      }
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One block of each; whether there was anything to do. */
  private async turn(jobs: readonly OpenJob[], signal: AbortSignal): Promise<boolean> {
    let worked = false;
    for (const id of this.waiting.keys()) if (!jobs.some((it) => it.id === id)) this.waiting.delete(id);
    for (const job of jobs) {
      if (signal.aborted) break;
      const before = this.waiting.get(job.id);
      if (before && before.until > performance.now()) continue;
      try {
        if (await this.work(job)) worked = true;
        this.waiting.delete(job.id);
      } catch (error) {
        const attempts = (before?.attempts ?? 0) + 1;
        const inMs = pauseAfter(attempts);
        this.waiting.set(job.id, { attempts, until: performance.now() + inMs });
        this.tell({ bulkId: job.id, inMs, error });
      }
    }
    return worked;
  }

  private async work({ org, id: bulkId }: OpenJob): Promise<boolean> {
    const { body } = await this.door(
      'bulkWork',
      { type: 'WorkOnBulk', bulkId },
      causedBy({ org, id: bulkId, correlation: bulkId }, 'work', systemActor('bulk-runner'), this.clock.now()),
    );
    return body.changed === true;
  }
}

function pauseAfter(attempts: number): number {
  const full = Math.min(backOff.longest, backOff.first * 2 ** attempts);
  return Math.round(full * (0.5 + Math.random() / 2));
}
