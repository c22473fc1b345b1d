import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pollUntil } from '#timing/poll';
import { sleep } from '#timing/sleep';
import { LeaderElection, type Lease, type LeaseNotice, type LeaseTiming } from './lease.js';
import type { TestStorage } from './view-store.contract.js';
import type { ViewStore } from './view-store.js';

/** Faster than in production, but with room for a busy machine. */
const timing: LeaseTiming = { heartbeatIntervalMs: 50, pollIntervalMs: 25, timeoutMs: 600 };

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** A process that works while it is the leader. */
class TestWorker {
  readonly notices: LeaseNotice['type'][] = [];
  private workCount = 0;
  private readonly stopping = new AbortController();
  private readonly election: LeaderElection;
  private running: Promise<void> | undefined;

  constructor(
    readonly lease: Lease,
    private readonly work = untilAborted,
  ) {
    this.election = new LeaderElection(lease, ({ type }) => this.notices.push(type), timing);
  }

  start(): this {
    this.running = this.election.run(async (signal) => {
      this.workCount++;
      await this.work(signal).finally(() => this.workCount--);
    }, this.stopping.signal);
    this.running.catch(() => undefined);
    return this;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  get isWorking(): boolean {
    return this.workCount > 0;
  }

  get isLeader(): boolean {
    return this.election.isLeader;
  }
}

/** Resolves when the condition is true, with the milliseconds that took. */
async function until(isTrue: () => boolean): Promise<number> {
  const startedAt = performance.now();
  await pollUntil(isTrue, { intervalMs: 5 });
  return performance.now() - startedAt;
}

/** A lease whose storage fails or does not respond, as seen by one process. */
class FaultyLease implements Lease {
  fault: 'none' | 'failing' | 'silent' = 'none';
  constructor(private readonly lease: Lease) {}

  read: Lease['read'] = () => this.unlessFaulty(() => this.lease.read());
  compareAndSet: Lease['compareAndSet'] = (from, to) => this.unlessFaulty(() => this.lease.compareAndSet(from, to));
  close = (): Promise<void> => this.lease.close();

  private async unlessFaulty<T>(call: () => Promise<T>): Promise<T> {
    if (this.fault === 'failing') throw new Error('the storage is unavailable');
    return this.fault === 'silent' ? new Promise(() => undefined) : call();
  }
}

/** Tests that the lease of every view store must pass, by itself and as used by `LeaderElection`. */
export function leaseContract(adapter: string, createStorage: () => Promise<TestStorage>): void {
  describe(`lease in ${adapter}`, () => {
    let storage: TestStorage;
    let stores: ViewStore[] = [];
    /** Opens the lease through a separate store, as another process does. */
    const openLease = async (): Promise<Lease> => {
      const store = await storage.open();
      stores.push(store);
      return store.lease();
    };
    const clear = async (): Promise<void> => {
      for (const store of stores) await store.close();
      stores = [];
      await storage?.remove();
    };
    beforeEach(async () => {
      await clear();
      storage = await createStorage();
    });
    afterAll(clear);

    it('a lease has no holder at first, and is then held by the first process that acquires it', async () => {
      const [first, second] = [await openLease(), await openLease()];
      expect([await first.read(), await second.read()]).toEqual([null, null]);
      expect(await first.compareAndSet(null, { holder: 'one', heartbeat: 1 })).toBe(true);
      expect(await second.compareAndSet(null, { holder: 'other', heartbeat: 1 })).toBe(false);
      expect(await second.read()).toEqual({ holder: 'one', heartbeat: 1 });
    });

    it('a lease changes only if the expected record is stored, with the same holder and heartbeat', async () => {
      const lease = await openLease();
      const first = { holder: 'one', heartbeat: 1 };
      const second = { holder: 'one', heartbeat: 2 };
      await lease.compareAndSet(null, first);
      expect(await lease.compareAndSet(first, second)).toBe(true);
      expect(await lease.compareAndSet(first, { holder: 'other', heartbeat: 2 })).toBe(false);
      expect(await lease.compareAndSet({ holder: 'other', heartbeat: 2 }, first)).toBe(false);
      expect(await lease.compareAndSet({ holder: null, heartbeat: 2 }, first)).toBe(false);
      expect(await lease.read()).toEqual(second);
      const released = { holder: null, heartbeat: 3 };
      expect(await lease.compareAndSet(second, released)).toBe(true);
      expect(await lease.read()).toEqual(released);
      expect(await lease.compareAndSet(released, first)).toBe(true);
    });

    it('a lease is acquired by exactly one of many processes that try at the same time', async () => {
      const leases = await Promise.all(Array.from({ length: 8 }, openLease));
      const countWinners = async (from: Parameters<Lease['compareAndSet']>[0], heartbeat: number): Promise<number> => {
        const attempts = leases.map((lease, index) => lease.compareAndSet(from, { holder: `${index}`, heartbeat }));
        return (await Promise.all(attempts)).filter(Boolean).length;
      };
      expect(await countWinners(null, 1)).toBe(1);
      expect(await countWinners(await leases[0]!.read(), 2)).toBe(1);
    });

    it('only one of several workers works at a time, and another takes over as soon as it stops', async () => {
      const workers = await Promise.all(
        Array.from({ length: 3 }, async () => new TestWorker(await openLease()).start()),
      );
      const working = (): TestWorker[] => workers.filter(({ isWorking }) => isWorking);
      await until(() => working().length > 0);
      const [first] = working();
      // Long enough for the others to take over if the first worker sent no heartbeats.
      await sleep(timing.timeoutMs * 2);
      expect(working()).toEqual([first]);
      expect(first!.isLeader).toBe(true);
      await first!.stop();
      expect(first!.notices.slice(-2)).toEqual(['acquired', 'released']);
      expect(await until(() => working().length > 0)).toBeLessThan(timing.timeoutMs);
      expect(working()).not.toContain(first);
      await Promise.all(workers.map((worker) => worker.stop()));
      expect(working()).toEqual([]);
    });

    it('a lease passes to another worker after the timeout if its holder has died', async () => {
      const dead = await openLease();
      await dead.compareAndSet(null, { holder: 'dead', heartbeat: 7 });
      const worker = new TestWorker(await openLease()).start();
      expect(await until(() => worker.isWorking)).toBeGreaterThanOrEqual(timing.timeoutMs - 1);
      expect((await dead.read())!.heartbeat).toBeGreaterThan(7);
      await worker.stop();
    });

    it('a worker releases its lease only after its work has ended', async () => {
      let finishWork = (): void => undefined;
      const workFinished = new Promise<void>((resolve) => (finishWork = resolve));
      const slow = new TestWorker(await openLease(), async (signal) => {
        await untilAborted(signal);
        await workFinished;
      }).start();
      await until(() => slow.isWorking);
      const next = new TestWorker(await openLease()).start();
      const stopped = slow.stop();
      await sleep(timing.pollIntervalMs * 3);
      expect(next.isWorking).toBe(false);
      finishWork();
      await stopped;
      await until(() => next.isWorking);
      await next.stop();
    });

    it.each(['failing', 'silent'] as const)(
      'a worker whose storage is %s loses its lease, ends its work and waits for the lease again',
      async (fault) => {
        const lease = new FaultyLease(await openLease());
        const worker = new TestWorker(lease).start();
        await until(() => worker.isWorking);
        const standby = new TestWorker(await openLease()).start();
        lease.fault = fault;
        await until(() => !worker.isWorking && standby.isWorking);
        expect(worker.notices).toContain('lost');
        lease.fault = 'none';
        await standby.stop();
        await until(() => worker.isWorking);
        await worker.stop();
      },
    );

    it('a standby does not take over a lease after an outage of the storage for all processes', async () => {
      const [holderLease, standbyLease] = [new FaultyLease(await openLease()), new FaultyLease(await openLease())];
      const holder = new TestWorker(holderLease).start();
      await until(() => holder.isWorking);
      const standby = new TestWorker(standbyLease).start();
      standbyLease.fault = 'failing';
      await until(() => standby.notices.includes('failing'));
      holderLease.fault = 'failing';
      await until(() => holder.notices.includes('failing'));
      await until(() => !holder.isWorking);
      // Both can read the lease again. The holder finds its own record; for the standby the timeout starts again.
      standbyLease.fault = 'none';
      holderLease.fault = 'none';
      await until(() => holder.isWorking || standby.isWorking);
      expect(standby.isWorking).toBe(false);
      await Promise.all([holder.stop(), standby.stop()]);
    });

    it('a lease is released when the work throws, and the caller gets the error', async () => {
      const lease = await openLease();
      const work = async (): Promise<void> => {
        throw new Error('a bug');
      };
      const election = new LeaderElection(lease, () => undefined, timing);
      await expect(election.run(work, new AbortController().signal)).rejects.toThrow('a bug');
      expect(await lease.read()).toMatchObject({ holder: null });
    });

    it('a worker that waits for a lease stops at once', async () => {
      await (await openLease()).compareAndSet(null, { holder: 'somebody', heartbeat: 1 });
      const worker = new TestWorker(await openLease()).start();
      await until(() => worker.notices.length > 0);
      await worker.stop();
      expect(worker.notices).toEqual(['waiting']);
    });
  });
}
