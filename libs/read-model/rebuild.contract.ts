import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Position } from '#domain/event-envelope';
import { pollUntil } from '#timing/poll';
import { sleep } from '#timing/sleep';
import { ProjectionRunner, type ProjectionNotice } from './projection-runner.js';
import {
  type AgentEventCount,
  agents,
  countAgentEvents,
  positionAt,
  InMemoryLog,
  totals,
} from './in-memory-log.fixture.js';
import { maintainGenerations } from './maintain-generations.js';
import type { TestStorage } from './view-store.contract.js';
import { type RowQuery, ViewBeingBuilt, type ViewStore, type ViewWriter } from './view-store.js';
import type { View } from './view.js';
import { waitForPosition } from './wait-for-position.js';

const agentIds = Array.from({ length: 40 }, (_, index) => `a${index}`);
const query: RowQuery = { where: [], sort: { column: 'id', descending: false }, limit: 1_000 };

/** The expected rows up to a position: for each agent, the number of its events times `step`. */
function countEvents(log: InMemoryLog, position: Position | null, step = 1): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of log.events) {
    if (position === null || event.position > position) break;
    const { agentId } = event.data as { agentId: string };
    if (event.type !== 'AgentReactivated') counts.set(agentId, (counts.get(agentId) ?? 0) + step);
  }
  return counts;
}

/** Tests of rebuilds that every view store must pass. `hasAtomicBatches` means the same as in `viewStoreContract`. */
export function rebuildContract(
  adapter: string,
  createStorage: () => Promise<TestStorage>,
  { hasAtomicBatches = true }: { readonly hasAtomicBatches?: boolean } = {},
): void {
  describe(`rebuild in ${adapter}`, () => {
    /** Long, because it only has to detect tests that hang. */
    const timeoutMs = 300_000;
    let storage: TestStorage;
    let store: ViewStore;
    let viewCount = 0;
    beforeAll(async () => {
      storage = await createStorage();
      store = await storage.open();
    });
    afterAll(async () => {
      await store.close();
      await storage.remove();
    });

    /** Each event adds `step` to its row. The version of the view is also `step`, so that the rows of two versions differ. */
    const viewOf = (step = 1, name = `agents-${++viewCount}`): View => {
      return { name, version: step, tables: { agents: { ...agents, on: countAgentEvents(step) }, totals } };
    };

    function grow(log: InMemoryLog, events: number): void {
      for (let i = 0; i < events; i++) {
        const n = log.events.length;
        log.appendAgentEvents(
          agentIds[(n * 7) % agentIds.length]!,
          n % 5 ? (n % 3 ? 'AgentDeactivated' : 'AgentReactivated') : 'AgentRegistered',
        );
      }
    }

    function startRunner(view: View, log: InMemoryLog, runnerStore: ViewStore, candidate = false) {
      const abort = new AbortController();
      const notices: ProjectionNotice[] = [];
      const runner = new ProjectionRunner(view, runnerStore, log, (notice) => notices.push(notice), { candidate });
      const ended = runner.run(abort.signal);
      const stop = async () => {
        abort.abort();
        await ended;
      };
      return { notices, ended, stop };
    }

    async function readRows(view: View) {
      const { rows, checkpoint } = await (await store.openForReading(view)).find<AgentEventCount>('agents', query);
      return { checkpoint, rows: new Map(rows.map(({ row }) => [row.id, row.events])) };
    }

    const expectToReach = async (view: View, position: Position) =>
      expect(await waitForPosition(await store.openForReading(view), position, 60_000)).toBe(true);

    /** Starts a runner and waits until it has built the view up to the end of the log. */
    async function startAndBuild(view: View, log: InMemoryLog) {
      const runner = startRunner(view, log, store);
      const reader = await store.openForReading(view);
      await expectToReach(view, await log.head());
      await pollUntil(async () => (await reader.state()).built, { intervalMs: 1 });
      return runner;
    }

    /** Reads pages until it is stopped. Each page must agree with the log and must not be older than the previous page. */
    function startReading(view: View, log: InMemoryLog, readerStore: ViewStore) {
      const wrong: unknown[] = [];
      const reads = { pages: 0, notBuilt: 0 };
      let stopped = false;
      const ended = (async () => {
        const reader = await readerStore.openForReading(view);
        let lastCheckpoint: Position = '';
        while (!stopped) {
          try {
            const { rows, checkpoint } = await reader.find<AgentEventCount>('agents', query);
            reads.pages++;
            const min = countEvents(log, checkpoint, view.version);
            const max = hasAtomicBatches ? min : countEvents(log, await log.head(), view.version);
            const counts = new Map(rows.map(({ row }) => [row.id, row.events]));
            const isRight =
              (checkpoint ?? '') >= lastCheckpoint &&
              [...min].every(([id, count]) => counts.get(id)! >= count) &&
              [...counts].every(([id, count]) => count <= max.get(id)!);
            if (!isRight) wrong.push({ checkpoint, lastCheckpoint, counts });
            lastCheckpoint = checkpoint ?? '';
          } catch (error) {
            if (error instanceof ViewBeingBuilt && reads.pages === 0) reads.notBuilt++;
            else wrong.push(error);
          }
          await sleep(2);
        }
      })();
      const stop = async () => {
        stopped = true;
        await ended;
        expect(wrong).toEqual([]);
        return reads;
      };
      const waitForReads = async () => {
        const goal = reads.pages + 3;
        await pollUntil(() => reads.pages >= goal, { intervalMs: 5 });
      };
      return { stop, waitForReads };
    }

    /** Appends events until it is stopped. Their number is limited, so that a busy machine can catch up. */
    function startGrowing(log: InMemoryLog) {
      let stopped = false;
      const ended = (async () => {
        while (!stopped && log.events.length < 5_000) {
          grow(log, 1 + (log.events.length % 4));
          await sleep(2);
        }
      })();
      return async () => {
        stopped = true;
        await ended;
      };
    }

    it(
      'several rebuilds of a view are promoted while the log grows, without a failed or wrong read',
      async () => {
        const [log, view] = [new InMemoryLog(17), viewOf()];
        grow(log, 500);
        const runner = await startAndBuild(view, log);
        const otherStore = await storage.open();
        const readers = [startReading(view, log, store), startReading(view, log, otherStore)];
        const stopGrowing = startGrowing(log);
        for (let round = 0; round < 3; round++) {
          await Promise.all(readers.map((reader) => reader.waitForReads()));
          // The rebuild runs on another store, as in another process. In the last round, two rebuilds run concurrently.
          const builders = [startRunner(view, log, otherStore, true)];
          if (round === 2) builders.push(startRunner(view, log, store, true));
          for (const { ended, notices } of builders) {
            await ended;
            expect(notices.at(-1)).toMatchObject({ type: 'promoted' });
          }
          await store.removeRetired(view);
        }
        await stopGrowing();
        await expectToReach(view, await log.head());
        for (const reader of readers) await reader.stop();
        await runner.stop();
        expect(await readRows(view)).toEqual({
          checkpoint: await log.head(),
          rows: countEvents(log, await log.head()),
        });
        expect(await store.candidateState(view)).toBeUndefined();
        await otherStore.close();
      },
      timeoutMs,
    );

    it(
      'the old version of a view stays readable and up to date while a new version is built, until it is stopped',
      async () => {
        const [log, name] = [new InMemoryLog(17), `agents-${++viewCount}`];
        const [old, next] = [viewOf(1, name), viewOf(2, name)];
        grow(log, 500);
        const runner = await startAndBuild(old, log);
        const otherStore = await storage.open();
        const stopGrowing = startGrowing(log);
        const readers = [startReading(old, log, store), startReading(next, log, otherStore)];
        const runners = [startRunner(next, log, otherStore), startRunner(next, log, store)];
        for (const reader of readers) await reader.waitForReads();
        await stopGrowing();
        for (const version of [old, next]) await expectToReach(version, await log.head());
        for (const reader of readers) expect((await reader.stop()).pages).toBeGreaterThan(0);
        for (const running of [runner, ...runners]) await running.stop();
        expect((await readRows(old)).rows).toEqual(countEvents(log, await log.head()));
        expect((await readRows(next)).rows).toEqual(countEvents(log, await log.head(), 2));
        expect(await store.versions(name)).toEqual([1, 2]);
        await otherStore.close();
      },
      timeoutMs,
    );

    it(
      'a rebuild continues after it was interrupted before or after any step',
      async () => {
        const log = new InMemoryLog(60);
        grow(log, 200);
        const steps = ['state', 'load', 'save', 'finishBuild', 'promote'] as const;
        /** A store whose writers fail after `stepCount` steps: after the next step if `isStepDone`, otherwise before it. */
        const failAfter = (stepCount: number, isStepDone: boolean, abort: AbortController) => {
          let stepsLeft = stepCount;
          const openForWriting: ViewStore['openForWriting'] = async (view, options) => {
            const writer = await store.openForWriting(view, options);
            for (const step of steps) {
              const work = writer[step].bind(writer) as (...args: unknown[]) => Promise<unknown>;
              const failingWork = async (...args: unknown[]) => {
                if (stepsLeft-- > 0) return work(...args);
                if (isStepDone) await work(...args);
                abort.abort();
                throw new Error('killed');
              };
              (writer as unknown as Record<keyof ViewWriter, unknown>)[step] = failingWork;
            }
            return writer;
          };
          return { openForWriting };
        };
        let interruptions = 0;
        for (const isStepDone of [false, true])
          for (let stepCount = 0; ; stepCount++) {
            const view = viewOf();
            const runner = await startAndBuild(view, log);
            const abort = new AbortController();
            const failingStore = failAfter(stepCount, isStepDone, abort);
            const rebuild = new ProjectionRunner(view, failingStore, log, () => undefined, { candidate: true });
            await rebuild.run(abort.signal);
            const head = await log.head();
            expect(await readRows(view)).toEqual({ checkpoint: head, rows: countEvents(log, head) });
            const wasKilled = abort.signal.aborted;
            if (wasKilled) {
              interruptions++;
              if (await store.candidateState(view)) await startRunner(view, log, store, true).ended;
            }
            await store.removeRetired(view);
            expect(await store.candidateState(view)).toBeUndefined();
            grow(log, 2);
            await expectToReach(view, await log.head());
            expect((await readRows(view)).rows).toEqual(countEvents(log, await log.head()));
            await runner.stop();
            await store.wipe(view);
            if (!wasKilled) break;
          }
        expect(interruptions).toBeGreaterThan(12);
      },
      timeoutMs,
    );

    it('maintainGenerations continues a rebuild that no other process is working on', async () => {
      const [log, view] = [new InMemoryLog(), viewOf()];
      grow(log, 30);
      const runner = await startAndBuild(view, log);
      const abandoned = await store.openForWriting(view, { candidate: true });
      await abandoned.save([], null, positionAt(0));
      await abandoned.close();
      const abort = new AbortController();
      const notices: ProjectionNotice[] = [];
      const maintaining = maintainGenerations(view, store, log, (notice) => notices.push(notice), abort.signal, 20);
      await pollUntil(async () => !(await store.candidateState(view)), { intervalMs: 5 });
      abort.abort();
      await maintaining;
      expect(notices.map(({ type }) => type)).toEqual(['built', 'promoted']);
      await runner.stop();
      expect((await readRows(view)).rows).toEqual(countEvents(log, await log.head()));
    });

    it('a rebuild that stops at an unreadable event leaves the live generation alone, and continues once it is readable', async () => {
      const [log, view] = [new InMemoryLog(), viewOf()];
      grow(log, 30);
      const runner = await startAndBuild(view, log);
      log.unreadable.add(positionAt(20));
      const stopped = startRunner(view, log, store, true);
      await pollUntil(async () => (await store.candidateState(view))?.stopped, { intervalMs: 5 });
      expect(await store.candidateState(view)).toMatchObject({
        checkpoint: positionAt(19),
        stopped: { position: positionAt(20) },
      });
      grow(log, 3);
      await expectToReach(view, positionAt(33));
      expect((await (await store.openForReading(view)).state()).stopped).toBeNull();
      await stopped.stop();
      log.unreadable.clear();
      await startRunner(view, log, store, true).ended;
      await runner.stop();
      expect((await readRows(view)).rows).toEqual(countEvents(log, positionAt(33)));
    });
  });
}
