import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lease, type LeaseNotice, type LeaseTiming, LeaderElection } from './lease.js';
import type { TestStorage } from './view-store.contract.js';
import type { ViewStore } from './view-store.js';

/** Faster than usual, and with room for a machine that is busy with other things. */
const pace: LeaseTiming = { heartbeatIntervalMs: 50, pollIntervalMs: 25, timeoutMs: 600 };

/** A process that works whenever it is its turn. */
class Worker {
  readonly news: LeaseNotice['type'][] = [];
  /** How many of its turns go on. */
  working = 0;
  private readonly stopping = new AbortController();
  private readonly turns: LeaderElection;
  private ran: Promise<void> | undefined;

  constructor(
    readonly lease: Lease,
    private readonly work = endOf,
  ) {
    this.turns = new LeaderElection(lease, ({ type }) => this.news.push(type), pace);
  }

  start(): this {
    this.ran = this.turns.run(async (signal) => {
      this.working++;
      await this.work(signal).finally(() => this.working--);
    }, this.stopping.signal);
    this.ran.catch(() => undefined);
    return this;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ran;
  }

  get held(): boolean {
    return this.turns.isLeader;
  }
}

const endOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

async function until(holds: () => boolean): Promise<number> {
  const since = performance.now();
  while (!holds()) await sleep(5);
  return performance.now() - since;
}

/** A lease that stops answering when it is told to: to its process the storage is away, or the process itself stands still. */
class Mute implements Lease {
  mute: 'no' | 'failing' | 'silent' = 'no';
  constructor(private readonly lease: Lease) {}

  read: Lease['read'] = () => this.unlessMute(() => this.lease.read());
  compareAndSet: Lease['compareAndSet'] = (from, to) => this.unlessMute(() => this.lease.compareAndSet(from, to));
  close = (): Promise<void> => this.lease.close();

  private async unlessMute<T>(ask: () => Promise<T>): Promise<T> {
    if (this.mute === 'failing') throw new Error('the storage is away');
    return this.mute === 'silent' ? new Promise(() => undefined) : ask();
  }
}

/** What the lease of every storage of views must do, alone and under `Turns`. */
export function leaseContract(adapter: string, freshPlace: () => Promise<TestStorage>): void {
  describe(`the lease in ${adapter}`, () => {
    let place: TestStorage;
    let stores: ViewStore[] = [];
    /** As another process would have it. */
    const anotherLease = async (): Promise<Lease> => {
      const store = await place.open();
      stores.push(store);
      return store.lease();
    };
    const clear = async (): Promise<void> => {
      for (const store of stores) await store.close();
      stores = [];
      await place?.remove();
    };
    beforeEach(async () => {
      await clear();
      place = await freshPlace();
    });
    afterAll(clear);

    it('was held by nobody, then by the first one who says so', async () => {
      const [one, other] = [await anotherLease(), await anotherLease()];
      expect([await one.read(), await other.read()]).toEqual([null, null]);
      expect(await one.compareAndSet(null, { holder: 'one', heartbeat: 1 })).toBe(true);
      expect(await other.compareAndSet(null, { holder: 'other', heartbeat: 1 })).toBe(false);
      expect(await other.read()).toEqual({ holder: 'one', heartbeat: 1 });
    });

    it('moves only from what is there: not over another beat, nor over another holder', async () => {
      const lease = await anotherLease();
      const [first, second] = [
        { holder: 'one', heartbeat: 1 },
        { holder: 'one', heartbeat: 2 },
      ];
      await lease.compareAndSet(null, first);
      expect(await lease.compareAndSet(first, second)).toBe(true);
      expect(await lease.compareAndSet(first, { holder: 'other', heartbeat: 2 })).toBe(false);
      expect(await lease.compareAndSet({ holder: 'other', heartbeat: 2 }, first)).toBe(false);
      expect(await lease.compareAndSet({ holder: null, heartbeat: 2 }, first)).toBe(false);
      expect(await lease.read()).toEqual(second);
      const free = { holder: null, heartbeat: 3 };
      expect(await lease.compareAndSet(second, free)).toBe(true);
      expect(await lease.read()).toEqual(free);
      expect(await lease.compareAndSet(free, first)).toBe(true);
    });

    it('goes to one of many who want it at once', async () => {
      const leases = await Promise.all(Array.from({ length: 8 }, anotherLease));
      const wonFrom = async (from: Parameters<Lease['compareAndSet']>[0], heartbeat: number): Promise<number> => {
        const moved = leases.map((lease, nth) => lease.compareAndSet(from, { holder: `${nth}`, heartbeat }));
        return (await Promise.all(moved)).filter(Boolean).length;
      };
      expect(await wonFrom(null, 1)).toBe(1);
      expect(await wonFrom(await leases[0]!.read(), 2)).toBe(1);
    });

    it('lets one of several work, and the next one at once when that one stops', async () => {
      const workers = await Promise.all(
        Array.from({ length: 3 }, async () => new Worker(await anotherLease()).start()),
      );
      const working = (): Worker[] => workers.filter((it) => it.working > 0);
      await until(() => working().length > 0);
      const [first] = working();
      // Long enough for the others to lose patience, if the first one did not show that it is alive.
      await sleep(pace.timeoutMs * 2);
      expect(working()).toEqual([first]);
      expect(first!.held).toBe(true);
      await first!.stop();
      expect(first!.news.slice(-2)).toEqual(['acquired', 'released']);
      expect(await until(() => working().length > 0)).toBeLessThan(pace.timeoutMs);
      expect(working()).not.toContain(first);
      await Promise.all(workers.map((it) => it.stop()));
      expect(working()).toEqual([]);
    });

    it('passes to another when its holder is gone without a word', async () => {
      const dead = await anotherLease();
      await dead.compareAndSet(null, { holder: 'dead', heartbeat: 7 });
      const worker = new Worker(await anotherLease()).start();
      expect(await until(() => worker.working > 0)).toBeGreaterThanOrEqual(pace.timeoutMs - 1);
      expect((await dead.read())!.heartbeat).toBeGreaterThan(7);
      await worker.stop();
    });

    it('waits for work to end before it lets go', async () => {
      let finish = (): void => undefined;
      const last = new Promise<void>((resolve) => (finish = resolve));
      const slow = new Worker(await anotherLease(), async (signal) => {
        await endOf(signal);
        await last;
      }).start();
      await until(() => slow.working > 0);
      const next = new Worker(await anotherLease()).start();
      const stopped = slow.stop();
      await sleep(pace.pollIntervalMs * 3);
      expect(next.working).toBe(0);
      finish();
      await stopped;
      await until(() => next.working > 0);
      await next.stop();
    });

    it.each(['failing', 'silent'] as const)(
      'ends the work of a holder to whom the storage is %s, and it stands by again',
      async (how) => {
        const lease = new Mute(await anotherLease());
        const worker = new Worker(lease).start();
        await until(() => worker.working > 0);
        const other = new Worker(await anotherLease()).start();
        lease.mute = how;
        await until(() => worker.working === 0 && other.working > 0);
        expect(worker.news).toContain('lost');
        lease.mute = 'no';
        await other.stop();
        await until(() => worker.working > 0);
        await worker.stop();
      },
    );

    it('is not taken from a holder because the storage was away for all', async () => {
      const [one, two] = [new Mute(await anotherLease()), new Mute(await anotherLease())];
      const holder = new Worker(one).start();
      await until(() => holder.working > 0);
      const other = new Worker(two).start();
      two.mute = 'failing';
      await until(() => other.news.includes('failing'));
      one.mute = 'failing';
      await until(() => holder.news.includes('failing'));
      await until(() => holder.working === 0);
      // Both see it again: the holder finds itself, the other finds a beat that it has seen for no time.
      two.mute = one.mute = 'no';
      await until(() => holder.working > 0 || other.working > 0);
      expect(other.working).toBe(0);
      await Promise.all([holder.stop(), other.stop()]);
    });

    it('is let go when work fails, and says why', async () => {
      const lease = await anotherLease();
      const work = async (): Promise<void> => {
        throw new Error('a bug');
      };
      const turns = new LeaderElection(lease, () => undefined, pace);
      await expect(turns.run(work, new AbortController().signal)).rejects.toThrow('a bug');
      expect(await lease.read()).toMatchObject({ holder: null });
    });

    it('ends at once for who stands by', async () => {
      await (await anotherLease()).compareAndSet(null, { holder: 'somebody', heartbeat: 1 });
      const worker = new Worker(await anotherLease()).start();
      await until(() => worker.news.length > 0);
      await worker.stop();
      expect(worker.news).toEqual(['waiting']);
    });
  });
}
