import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Position } from '#domain/event';
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

const names = Array.from({ length: 40 }, (_, nth) => `a${nth}`);
const query: RowQuery = { where: [], sort: { column: 'id', descending: false }, limit: 1_000 };

/** How many events each agent has seen up to a position, `each` counting for so many: the view, folded by hand. */
function foldedBy(log: InMemoryLog, position: Position | null, each = 1): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of log.events) {
    if (position === null || event.position > position) break;
    const { agentId } = event.data as { agentId: string };
    if (event.type !== 'AgentReactivated') counts.set(agentId, (counts.get(agentId) ?? 0) + each);
  }
  return counts;
}

/** What every storage of views must do while a view is rebuilt, with the worker that does it. `wholeBatches`: as in the other contract. */
export function rebuildContract(
  adapter: string,
  freshPlace: () => Promise<TestStorage>,
  { hasAtomicBatches: wholeBatches = true }: { readonly hasAtomicBatches?: boolean } = {},
): void {
  describe(`a rebuild in ${adapter}`, () => {
    /** Says only that it does not hang. */
    const patience = 300_000;
    let place: TestStorage;
    let store: ViewStore;
    let made = 0;
    beforeAll(async () => {
      place = await freshPlace();
      store = await place.open();
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });

    /** Each event counts `each`: another version is another view of the same log. */
    const viewOf = (each = 1, name = `agents-${++made}`): View => {
      return { name, version: each, tables: { agents: { ...agents, on: countAgentEvents(each) }, totals } };
    };

    function grow(log: InMemoryLog, events: number): void {
      for (let i = 0; i < events; i++) {
        const n = log.events.length;
        log.appendAgentEvents(
          names[(n * 7) % names.length]!,
          n % 5 ? (n % 3 ? 'AgentDeactivated' : 'AgentReactivated') : 'AgentRegistered',
        );
      }
    }

    function working(view: View, log: InMemoryLog, on: ViewStore, beside = false) {
      const calling = new AbortController();
      const news: ProjectionNotice[] = [];
      const catchUp = new ProjectionRunner(view, on, log, (each) => news.push(each), { candidate: beside });
      const ended = catchUp.run(calling.signal);
      const stop = async () => {
        calling.abort();
        await ended;
      };
      return { catchUp, news, ended, stop };
    }

    async function rowsOf(view: View, on = store) {
      const { rows, checkpoint } = await (await on.openForReading(view)).find<AgentEventCount>('agents', query);
      return { checkpoint, rows: new Map(rows.map(({ row }) => [row.id, row.events])) };
    }

    const reaches = async (view: View, position: Position) =>
      expect(await waitForPosition(await store.openForReading(view), position, 60_000)).toBe(true);

    /** Built, with all that the log has. */
    async function built(view: View, log: InMemoryLog) {
      const worker = working(view, log, store);
      const reader = await store.openForReading(view);
      await reaches(view, await log.head());
      while (!(await reader.state()).built) await setImmediate();
      return worker;
    }

    /** Reads until it is stopped: each page must be what the log says, and no older than the one before. */
    function reading(view: View, log: InMemoryLog, on: ViewStore) {
      const wrong: unknown[] = [];
      const seen = { pages: 0, refused: 0 };
      let stopped = false;
      const ended = (async () => {
        const reader = await on.openForReading(view);
        let last: Position = '';
        while (!stopped) {
          try {
            const { rows, checkpoint } = await reader.find<AgentEventCount>('agents', query);
            seen.pages++;
            const least = foldedBy(log, checkpoint, view.version);
            const most = wholeBatches ? least : foldedBy(log, await log.head(), view.version);
            const counts = new Map(rows.map(({ row }) => [row.id, row.events]));
            const isRight =
              (checkpoint ?? '') >= last &&
              [...least].every(([id, count]) => counts.get(id)! >= count) &&
              [...counts].every(([id, count]) => count <= most.get(id)!);
            if (!isRight) wrong.push({ checkpoint, last, counts });
            last = checkpoint ?? '';
          } catch (error) {
            if (error instanceof ViewBeingBuilt && seen.pages === 0) seen.refused++;
            else wrong.push(error);
          }
          await setTimeout(2);
        }
      })();
      const stop = async () => {
        stopped = true;
        await ended;
        expect(wrong).toEqual([]);
        return seen;
      };
      const hasRead = async () => {
        for (const from = seen.pages; seen.pages < from + 3;) await setTimeout(5);
      };
      return { stop, hasRead };
    }

    /** Until it is stopped, or so long that a busy machine would not catch up with it. */
    function growing(log: InMemoryLog) {
      let stopped = false;
      const ended = (async () => {
        while (!stopped && log.events.length < 5_000) {
          grow(log, 1 + (log.events.length % 4));
          await setTimeout(2);
        }
      })();
      return async () => {
        stopped = true;
        await ended;
      };
    }

    it(
      'takes over again and again, while the log grows and all read, without one failed or wrong read',
      async () => {
        const [log, view] = [new InMemoryLog(17), viewOf()];
        grow(log, 500);
        const worker = await built(view, log);
        const elsewhere = await place.open();
        const readers = [reading(view, log, store), reading(view, log, elsewhere)];
        const quiet = growing(log);
        for (let round = 0; round < 3; round++) {
          await Promise.all(readers.map((it) => it.hasRead()));
          // In another process, as it were, and in one round by two at once.
          const builders = [working(view, log, elsewhere, true)];
          if (round === 2) builders.push(working(view, log, store, true));
          for (const { ended, news } of builders) {
            await ended;
            expect(news.at(-1)).toMatchObject({ what: 'switched' });
          }
          await store.removeRetired(view);
        }
        await quiet();
        await reaches(view, await log.head());
        for (const reader of readers) await reader.stop();
        await worker.stop();
        expect(await rowsOf(view)).toEqual({ checkpoint: await log.head(), rows: foldedBy(log, await log.head()) });
        expect(await store.candidateState(view)).toBeUndefined();
        await elsewhere.close();
      },
      patience,
    );

    it(
      'of a new version goes on beside the old one, which serves and is fed until it is stopped',
      async () => {
        const [log, name] = [new InMemoryLog(17), `agents-${++made}`];
        const [old, next] = [viewOf(1, name), viewOf(2, name)];
        grow(log, 500);
        const worker = await built(old, log);
        const elsewhere = await place.open();
        const quiet = growing(log);
        const readers = [reading(old, log, store), reading(next, log, elsewhere)];
        const workers = [working(next, log, elsewhere), working(next, log, store)];
        for (const each of readers) await each.hasRead();
        await quiet();
        for (const each of [old, next]) await reaches(each, await log.head());
        for (const each of readers) expect((await each.stop()).pages).toBeGreaterThan(0);
        for (const each of [worker, ...workers]) await each.stop();
        expect((await rowsOf(old)).rows).toEqual(foldedBy(log, await log.head()));
        expect((await rowsOf(next)).rows).toEqual(foldedBy(log, await log.head(), 2));
        expect(await store.versions(name)).toEqual([1, 2]);
        await elsewhere.close();
      },
      patience,
    );

    it(
      'goes on when it is interrupted before or after any step',
      async () => {
        const log = new InMemoryLog(60);
        grow(log, 200);
        const steps = ['state', 'load', 'save', 'finishBuild', 'promote'] as const;
        /** Dies at the nth step, done or not. */
        const dying = (on: ViewStore, nth: number, done: boolean, calling: AbortController) => {
          let left = nth;
          const openForWriting: ViewStore['openForWriting'] = async (view, options) => {
            const writer = await on.openForWriting(view, options);
            for (const step of steps) {
              const work = writer[step].bind(writer) as (...args: unknown[]) => Promise<unknown>;
              const dies = async (...args: unknown[]) => {
                if (left-- > 0) return work(...args);
                if (done) await work(...args);
                calling.abort();
                throw new Error('killed');
              };
              (writer as unknown as Record<keyof ViewWriter, unknown>)[step] = dies;
            }
            return writer;
          };
          return { openForWriting };
        };
        let interrupted = 0;
        for (const done of [false, true])
          for (let nth = 0; ; nth++) {
            const view = viewOf();
            const worker = await built(view, log);
            const calling = new AbortController();
            const dies = dying(store, nth, done, calling);
            await new ProjectionRunner(view, dies, log, () => undefined, { candidate: true }).run(calling.signal);
            const head = await log.head();
            expect(await rowsOf(view)).toEqual({ checkpoint: head, rows: foldedBy(log, head) });
            const wasKilled = calling.signal.aborted;
            if (wasKilled) {
              interrupted++;
              if (await store.candidateState(view)) await working(view, log, store, true).ended;
            }
            await store.removeRetired(view);
            expect(await store.candidateState(view)).toBeUndefined();
            grow(log, 2);
            await reaches(view, await log.head());
            expect((await rowsOf(view)).rows).toEqual(foldedBy(log, await log.head()));
            await worker.stop();
            await store.wipe(view);
            if (!wasKilled) break;
          }
        expect(interrupted).toBeGreaterThan(12);
      },
      patience,
    );

    it('that nobody carries on is carried on by a worker, which leaves alone what stands still for good reason', async () => {
      const [log, view] = [new InMemoryLog(), viewOf()];
      grow(log, 30);
      const worker = await built(view, log);
      const left = await store.openForWriting(view, { candidate: true });
      await left.save([], null, positionAt(0));
      await left.close();
      const calling = new AbortController();
      const news: ProjectionNotice[] = [];
      const tending = maintainGenerations(view, store, log, (each) => news.push(each), calling.signal, 20);
      while (await store.candidateState(view)) await setTimeout(5);
      calling.abort();
      await tending;
      expect(news.map(({ what }) => what)).toEqual(['built', 'switched']);
      await worker.stop();
      expect((await rowsOf(view)).rows).toEqual(foldedBy(log, await log.head()));
    });

    it('that stands still leaves what serves alone, and goes on when that is put right', async () => {
      const [log, view] = [new InMemoryLog(), viewOf()];
      grow(log, 30);
      const worker = await built(view, log);
      log.unreadable.add(positionAt(20));
      const stuck = working(view, log, store, true);
      while (!(await store.candidateState(view))?.stopped) await setTimeout(5);
      expect(await store.candidateState(view)).toMatchObject({
        checkpoint: positionAt(19),
        stopped: { position: positionAt(20) },
      });
      grow(log, 3);
      await reaches(view, positionAt(33));
      expect((await (await store.openForReading(view)).state()).stopped).toBeNull();
      await stuck.stop();
      log.unreadable.clear();
      await working(view, log, store, true).ended;
      await worker.stop();
      expect((await rowsOf(view)).rows).toEqual(foldedBy(log, positionAt(33)));
    });
  });
}
