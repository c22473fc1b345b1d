import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is stored of a lease: who holds it, and how often it has been touched. */
export interface LeaseRecord {
  /** Null: whoever held it has let it go. */
  readonly holder: string | null;
  readonly heartbeat: number;
}

/**
 * The right to work on the views of a storage, for all processes to see. It saves work and no more: nothing is wrong when two
 * processes work for a moment. Both methods may throw `ViewsUnavailable`.
 */
export interface Lease {
  /** Null: nobody ever held it. */
  read(): Promise<LeaseRecord | null>;
  /** Compare and set. False: it was not at `from` any more, and is what it was. When it throws, it may have moved. */
  compareAndSet(from: LeaseRecord | null, to: LeaseRecord): Promise<boolean>;
  close(): Promise<void>;
}

/** What an operator wants to hear of. */
export type LeaseNotice =
  | { readonly what: 'standing by' | 'taken' | 'released' | 'lost' }
  | { readonly what: 'failing'; readonly error: unknown };

/** In milliseconds. */
export interface LeaseTiming {
  /** How often the holder shows that it is alive. */
  readonly heartbeatIntervalMs: number;
  /** How often the others look. */
  readonly pollIntervalMs: number;
  /** How long a beat may stand still before the holder is given up, and before it gives itself up. */
  readonly timeoutMs: number;
}
const usualPace: LeaseTiming = { heartbeatIntervalMs: 1_500, pollIntervalMs: 1_000, timeoutMs: 4_000 };

/**
 * Works while it holds the lease, and stands by while another does. Time is only measured here, by this process's own clock: a
 * holder is given up when its beat has been seen to stand still for so long.
 */
export class LeaderElection {
  private readonly me = randomUUID();
  /** Whether it is this process's turn. */
  isLeader = false;

  constructor(
    private readonly lease: Lease,
    private readonly tell: (news: LeaseNotice) => void,
    private readonly pace = usualPace,
  ) {}

  /**
   * Runs `work` in each of its turns, until `signal` aborts. `work` ends soon after its own signal aborts.
   * @throws whatever `work` throws, with the lease released
   */
  async run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      const beat = await this.standBy(signal);
      if (!beat) return;
      await this.take(beat, work, signal);
    }
  }

  /** Undefined: `signal` has aborted. */
  private async standBy(signal: AbortSignal): Promise<LeaseRecord | undefined> {
    let seen: LeaseRecord | null = null;
    let since = 0;
    let told = false;
    for (; !signal.aborted; await pause(this.pace.pollIntervalMs, signal)) {
      try {
        const found = await inTime(this.lease.read(), this.pace.timeoutMs);
        if (!isSame(found, seen)) [seen, since] = [found, performance.now()];
        const isStill = performance.now() - since >= this.pace.timeoutMs;
        if (found?.holder && found.holder !== this.me && !isStill) {
          if (!told) this.tell({ what: 'standing by' });
          told = true;
          continue;
        }
        const mine = this.after(found);
        if (await inTime(this.lease.compareAndSet(found, mine), this.pace.timeoutMs)) return mine;
      } catch (error) {
        // Where nobody can be heard, nobody is given up: the storage may have been away for the holder too.
        seen = null;
        this.tell({ what: 'failing', error });
      }
    }
    return undefined;
  }

  private async take(
    beat: LeaseRecord,
    work: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const turn = new AbortController();
    this.isLeader = true;
    this.tell({ what: 'taken' });
    const beating = this.beat(beat, turn);
    try {
      await work(AbortSignal.any([signal, turn.signal]));
    } finally {
      this.isLeader = false;
      turn.abort();
      await beating;
      await this.release();
    }
  }

  /** Until the turn ends, or ends it. */
  private async beat(last: LeaseRecord, turn: AbortController): Promise<void> {
    let aliveAt = performance.now();
    const remaining = (): number => this.pace.timeoutMs - (performance.now() - aliveAt);
    for (;;) {
      await pause(this.pace.heartbeatIntervalMs, turn.signal);
      if (turn.signal.aborted) return;
      try {
        last = await inTime(this.again(last), remaining());
        aliveAt = performance.now();
      } catch (error) {
        this.tell({ what: 'failing', error });
      }
      if (last.holder === this.me && remaining() > 0) continue;
      this.tell({ what: 'lost' });
      return turn.abort();
    }
  }

  /** What stands there then: another's, when it is lost. */
  private async again(last: LeaseRecord): Promise<LeaseRecord> {
    const next = this.after(last);
    if (await this.lease.compareAndSet(last, next)) return next;
    // It may be ours, of a beat whose answer was not heard.
    return (await this.lease.read()) ?? { holder: null, heartbeat: 0 };
  }

  /** So that others need not wait. */
  private async release(): Promise<void> {
    const free = async (): Promise<boolean> => {
      const found = await this.lease.read();
      return found?.holder === this.me && this.lease.compareAndSet(found, { ...this.after(found), holder: null });
    };
    if (await inTime(free(), this.pace.timeoutMs).catch(() => false)) this.tell({ what: 'released' });
  }

  private after = (beat: LeaseRecord | null): LeaseRecord => ({
    holder: this.me,
    heartbeat: (beat?.heartbeat ?? 0) + 1,
  });
}

const isSame = (one: LeaseRecord | null, other: LeaseRecord | null): boolean =>
  one?.holder === other?.holder && one?.heartbeat === other?.heartbeat;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

/** @throws when it takes longer; it is then not waited for */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const timer = new AbortController();
  const late = sleep(Math.max(ms, 0), undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error('The lease can not be touched in time.')),
    // Never settles once the work has.
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
