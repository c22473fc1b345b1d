import type { Clock } from '#commands/clock';
import type { CommandDispatcher } from '#commands/command-dispatcher';
import { causedBy, systemActor } from '#commands/command-context';
import { backoffMs } from '#timing/backoff';
import { sleep } from '#timing/sleep';

/** A queued or running bulk job. */
interface OpenJob {
  readonly org: string;
  readonly id: string;
}

/** A failure, which is retried in `inMs` milliseconds. */
export interface BulkRunnerNotice {
  /** The job that failed. Null if the open jobs could not be listed. */
  readonly bulkId: string | null;
  readonly inMs: number;
  readonly error: unknown;
}

const pollIntervalMs = 100;
const retryDelay = { firstMs: 400, maxMs: 30_000 };

/** A job that failed and is skipped until `until`, a `performance.now()` timestamp. */
interface FailedJob {
  readonly failures: number;
  readonly until: number;
}

/**
 * Executes open jobs round-robin, one block of items at a time, so that a small job does not wait for a large one. The list of
 * open jobs may be out of date, and other workers may run the same jobs. The stream of the bulk job determines what is left to do.
 */
export class BulkRunner {
  private readonly failedJobs = new Map<string, FailedJob>();

  constructor(
    private readonly listOpenJobs: () => Promise<readonly OpenJob[]>,
    private readonly dispatch: CommandDispatcher,
    private readonly clock: Clock,
    private readonly notify: (notice: BulkRunnerNotice) => void,
  ) {}

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      let pauseMs = 0;
      try {
        const worked = await this.runRound(await this.listOpenJobs(), signal);
        failures = 0;
        if (!worked) pauseMs = pollIntervalMs;
      } catch (error) {
        pauseMs = backoffMs(failures++, retryDelay);
        this.notify({ bulkId: null, inMs: pauseMs, error });
      }
      if (pauseMs > 0) await sleep(pauseMs, signal);
    }
  }

  /** Runs one block of each job. Returns whether there was anything to do. */
  private async runRound(jobs: readonly OpenJob[], signal: AbortSignal): Promise<boolean> {
    this.forgetClosedJobs(jobs);
    let worked = false;
    for (const job of jobs) {
      if (signal.aborted) break;
      const failed = this.failedJobs.get(job.id);
      if (failed && failed.until > performance.now()) continue;
      try {
        if (await this.runBlock(job)) worked = true;
        this.failedJobs.delete(job.id);
      } catch (error) {
        const failures = failed?.failures ?? 0;
        const inMs = backoffMs(failures, retryDelay);
        this.failedJobs.set(job.id, { failures: failures + 1, until: performance.now() + inMs });
        this.notify({ bulkId: job.id, inMs, error });
      }
    }
    return worked;
  }

  private forgetClosedJobs(openJobs: readonly OpenJob[]): void {
    for (const id of this.failedJobs.keys()) if (!openJobs.some((job) => job.id === id)) this.failedJobs.delete(id);
  }

  private async runBlock({ org, id: bulkId }: OpenJob): Promise<boolean> {
    const { body } = await this.dispatch(
      'bulkWork',
      { type: 'WorkOnBulk', bulkId },
      causedBy({ org, id: bulkId, correlation: bulkId }, 'work', systemActor('bulk-runner'), this.clock.now()),
    );
    return body.changed === true;
  }
}
