import type { Position } from '#domain/event-envelope';
import { Unavailable } from '#event-store/event-store';
import { ViewBeingBuilt, ViewsUnavailable, type ViewStore } from '#read-model/view-store';
import type { DueItem, ScheduledTask, SchedulerClock } from './scheduled-task.js';
import { DeadLetters } from './dead-letters.js';
import type { AutomationNotice } from './event-processor.js';

/** How far ahead it looks, and how long it rests when nothing is due until then; in milliseconds. */
const lookEveryMs = 1_000;
const longestPauseMs = 5_000;
/** What fails is left alone for 1, 2, 4, 8 and 16 looks before it is tried again, and then parked. */
const attempts = 6;

/** What has become of a thing that was due when it was looked at last. */
interface Known {
  readonly cause: string;
  readonly underWay: boolean;
  /** It was done: from this position on the view no longer says that it is due. */
  readonly done: Position | null;
  /** How often it failed, or was done in vain. */
  readonly failures: number;
  /** It is left alone until this look; for ever when it is parked. */
  readonly until: number;
}

/**
 * Does what is due by the clock, as a view tells it: the soonest first, several things side by side. It keeps nothing: what was
 * done stands in the log, so whoever begins anew, or works at the same time, finds it done. What fails is tried again with
 * growing pauses and then parked, and holds up nothing else. What the log or the views can't do now is waited out.
 */
export class Scheduler<Item extends DueItem> {
  private readonly known = new Map<string, Known>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly parkingPlace: DeadLetters;
  private looks = 0;
  /** The log or the views were out of reach. */
  private trouble: Error | undefined;

  /** `atOnce`: how many things are done side by side. */
  constructor(
    private readonly duty: ScheduledTask<Item>,
    views: Pick<ViewStore, 'openForWriting'>,
    private readonly time: SchedulerClock,
    private readonly tell: (news: AutomationNotice) => void,
    private readonly atOnce = 8,
  ) {
    this.parkingPlace = new DeadLetters(duty, views);
  }

  /** Runs until `signal` aborts and what is under way has ended; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let troubles = 0;
    while (!signal.aborted) {
      let inMs: number;
      try {
        inMs = await this.look(signal);
        troubles = 0;
      } catch (error) {
        inMs = Math.min(longestPauseMs, lookEveryMs * 2 ** troubles++);
        if (!(error instanceof ViewBeingBuilt)) this.tellOfRetry(error, inMs);
      }
      await this.time.pause(inMs, signal);
    }
    await Promise.all(this.underWay);
    await this.parkingPlace.close();
  }

  /** Begins with all that is due. Says when to look again. */
  private async look(signal: AbortSignal): Promise<number> {
    const { trouble } = this;
    this.trouble = undefined;
    if (trouble) throw trouble;

    this.looks += 1;
    const now = Date.parse(this.time.now());
    const met = new Set<string>();
    let inMs = lookEveryMs;
    for await (const due of this.duty.dueBefore(new Date(now + lookEveryMs).toISOString())) {
      inMs = Math.min(inMs, Date.parse(due.at) - now);
      if (inMs > 0) break;
      inMs = lookEveryMs;
      met.add(due.id);
      if (!this.isToBeDone(due)) continue;
      while (this.underWay.size >= this.atOnce) await Promise.race(this.underWay);
      if (signal.aborted || this.trouble) return 0;
      this.begin(due, signal);
    }
    for (const [id, { underWay }] of this.known) if (!underWay && !met.has(id)) this.known.delete(id);
    return inMs;
  }

  private isToBeDone({ id, cause, checkpoint }: Item): boolean {
    const known = this.known.get(id);
    if (!known) return true;
    if (known.underWay) return false;
    if (known.cause !== cause.id) return true;
    const isSeen = known.done === null || (checkpoint !== null && checkpoint >= known.done);
    return isSeen && this.looks >= known.until;
  }

  private begin(due: Item, signal: AbortSignal): void {
    const before = this.known.get(due.id);
    const failures = before?.cause === due.cause.id ? before.failures : 0;
    const known = { cause: due.cause.id, failures, done: null, until: 0 };
    this.known.set(due.id, { ...known, underWay: true });
    const work = this.attempt(due, failures, signal).then((became) => {
      this.known.set(due.id, { ...known, ...became, underWay: false });
      this.underWay.delete(work);
    });
    this.underWay.add(work);
  }

  private async attempt(due: Item, failures: number, signal: AbortSignal): Promise<Partial<Known>> {
    const again = { failures: failures + 1, until: this.looks + 2 ** failures };
    try {
      if (failures === 0 && (await this.parkingPlace.has(due.cause.id))) return parked;
      const done = await this.duty.run(due, signal);
      return { ...again, failures: Math.min(again.failures, attempts - 1), done };
    } catch (error) {
      if (signal.aborted) return {};
      if (isPassing(error)) this.trouble = error;
      else if (again.failures >= attempts) return this.park(due, error);
      else {
        this.tellOfRetry(error, 2 ** failures * lookEveryMs);
        return again;
      }
      return {};
    }
  }

  private async park({ cause }: Item, error: unknown): Promise<Partial<Known>> {
    const { id: eventId, type, position } = cause;
    const reason = error instanceof Error ? error.message : String(error);
    const told = { eventId, type, position, reason, attempts, since: this.time.now() };
    try {
      await this.parkingPlace.add(told);
    } catch (trouble) {
      this.trouble = trouble as Error;
      return {};
    }
    this.tell({ what: 'parked', automation: this.duty.name, parked: told, error });
    return parked;
  }

  private tellOfRetry(error: unknown, inMs: number): void {
    this.tell({ what: 'retrying', automation: this.duty.name, inMs, error });
  }
}

const parked = { until: Infinity };

const isPassing = (error: unknown): error is Error => error instanceof Unavailable || error instanceof ViewsUnavailable;
