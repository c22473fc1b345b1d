import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { sleep } from '#timing/sleep';

export interface LeaseRecord {
  /** Null after the holder has released the lease. */
  readonly holder: string | null;
  /** Increased whenever the record changes. */
  readonly heartbeat: number;
}

/**
 * The right to work on the views of a storage, for which all processes compete. It only saves work: two processes that briefly work
 * at the same time do no harm. `read` and `compareAndSet` may throw `ViewsUnavailable`.
 */
export interface Lease {
  /** Null if the lease was never held. */
  read(): Promise<LeaseRecord | null>;
  /** Returns false and changes nothing if the stored record is not `from`. If it throws, the record may have changed. */
  compareAndSet(from: LeaseRecord | null, to: LeaseRecord): Promise<boolean>;
  close(): Promise<void>;
}

/** Reported to an operator. */
export type LeaseNotice =
  | { readonly type: 'waiting' | 'acquired' | 'released' | 'lost' }
  | { readonly type: 'failing'; readonly error: unknown };

export interface LeaseTiming {
  /** How often the holder renews the lease. */
  readonly heartbeatIntervalMs: number;
  /** How often the other processes read the lease. */
  readonly pollIntervalMs: number;
  /** Without a heartbeat for this long, others take the lease, and the holder stops working. */
  readonly timeoutMs: number;
}
const defaultTiming: LeaseTiming = { heartbeatIntervalMs: 1_500, pollIntervalMs: 1_000, timeoutMs: 4_000 };

/**
 * Runs work while this process holds the lease, and waits while another one does. Clocks of different machines are never
 * compared. A holder is considered dead when this process has seen the same heartbeat for `timeoutMs` by its own clock.
 */
export class LeaderElection {
  private readonly id = randomUUID();
  isLeader = false;

  constructor(
    private readonly lease: Lease,
    private readonly notify: (notice: LeaseNotice) => void,
    private readonly timing = defaultTiming,
  ) {}

  /**
   * Runs `work` each time this process becomes the leader, until `signal` aborts. `work` must end soon after its own signal
   * aborts.
   * @throws what `work` throws, after releasing the lease
   */
  async run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      const record = await this.waitForLeadership(signal);
      if (!record) return;
      await this.lead(record, work, signal);
    }
  }

  /** Undefined when `signal` has aborted. */
  private async waitForLeadership(signal: AbortSignal): Promise<LeaseRecord | undefined> {
    let lastSeen: LeaseRecord | null = null;
    let lastChangeAt = 0;
    let hasNotified = false;
    for (; !signal.aborted; await sleep(this.timing.pollIntervalMs, signal)) {
      try {
        const current = await this.withTimeout('reading', this.lease.read());
        if (!isSameRecord(current, lastSeen)) {
          lastSeen = current;
          lastChangeAt = performance.now();
        }
        const isExpired = performance.now() - lastChangeAt >= this.timing.timeoutMs;
        if (current?.holder && current.holder !== this.id && !isExpired) {
          if (!hasNotified) this.notify({ type: 'waiting' });
          hasNotified = true;
          continue;
        }
        const next = this.nextRecord(current);
        if (await this.withTimeout('acquiring', this.lease.compareAndSet(current, next))) return next;
      } catch (error) {
        // The storage may be unavailable to the holder too, so its timeout starts again.
        lastSeen = null;
        this.notify({ type: 'failing', error });
      }
    }
    return undefined;
  }

  private async lead(
    record: LeaseRecord,
    work: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const leadership = new AbortController();
    this.isLeader = true;
    this.notify({ type: 'acquired' });
    const renewing = this.keepRenewing(record, leadership);
    try {
      await work(AbortSignal.any([signal, leadership.signal]));
    } finally {
      this.isLeader = false;
      leadership.abort();
      await renewing;
      await this.release();
    }
  }

  /** Ends when `leadership` aborts, or aborts it when the lease is lost. */
  private async keepRenewing(record: LeaseRecord, leadership: AbortController): Promise<void> {
    let current = record;
    let renewedAt = performance.now();
    const remainingMs = (): number => this.timing.timeoutMs - (performance.now() - renewedAt);
    for (;;) {
      await sleep(this.timing.heartbeatIntervalMs, leadership.signal);
      if (leadership.signal.aborted) return;
      try {
        current = await this.withTimeout('renewing', this.renew(current), remainingMs());
        renewedAt = performance.now();
      } catch (error) {
        this.notify({ type: 'failing', error });
      }
      if (current.holder === this.id && remainingMs() > 0) continue;
      this.notify({ type: 'lost' });
      return leadership.abort();
    }
  }

  /** Returns the stored record, which names another holder if the lease is lost. */
  private async renew(current: LeaseRecord): Promise<LeaseRecord> {
    const next = this.nextRecord(current);
    if (await this.lease.compareAndSet(current, next)) return next;
    // This process may still hold the lease: an earlier renewal may have succeeded although its response was lost.
    return (await this.lease.read()) ?? { holder: null, heartbeat: 0 };
  }

  /** Lets other processes take the lease without waiting for the timeout. */
  private async release(): Promise<void> {
    const releaseIfHeld = async (): Promise<boolean> => {
      const current = await this.lease.read();
      if (current?.holder !== this.id) return false;
      return this.lease.compareAndSet(current, { ...this.nextRecord(current), holder: null });
    };
    const isReleased = await this.withTimeout('releasing', releaseIfHeld()).catch(() => false);
    if (isReleased) this.notify({ type: 'released' });
  }

  private nextRecord(current: LeaseRecord | null): LeaseRecord {
    return { holder: this.id, heartbeat: (current?.heartbeat ?? 0) + 1 };
  }

  /** @throws Error if `work` takes longer. It is not cancelled then. */
  private async withTimeout<T>(action: string, work: Promise<T>, timeoutMs = this.timing.timeoutMs): Promise<T> {
    const timer = new AbortController();
    const timeout = setTimeout(Math.max(timeoutMs, 0), undefined, { signal: timer.signal }).then(
      () => Promise.reject(new Error(`Timed out ${action} the lease.`)),
      // The timer was aborted because `work` has settled, so this promise never settles.
      () => new Promise<never>(() => undefined),
    );
    try {
      return await Promise.race([work, timeout]);
    } finally {
      timer.abort();
    }
  }
}

const isSameRecord = (a: LeaseRecord | null, b: LeaseRecord | null): boolean =>
  a?.holder === b?.holder && a?.heartbeat === b?.heartbeat;
