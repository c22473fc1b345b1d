import { describe, expect, it } from '@jest/globals';
import { Clock } from '#commands/clock';
import type { CommandDispatcher } from '#commands/command-dispatcher';
import { Unavailable } from '#event-store/event-store';
import { BulkRunner, type BulkRunnerNotice } from './bulk-runner.js';

/** Jobs by the blocks that are left of them, and how often a turn of one fails. */
class Jobs {
  readonly left = new Map<string, number>();
  readonly failing = new Map<string, number>();
  readonly worked: string[] = [];
  readonly news: BulkRunnerNotice[] = [];
  looks = 0;
  trouble: Error | undefined;
  private readonly stop = new AbortController();

  private readonly open = async () => {
    this.looks += 1;
    const { trouble } = this;
    this.trouble = undefined;
    if (trouble) throw trouble;
    return [...this.left.keys()].map((id) => ({ org: 'default', id }));
  };

  private readonly door: CommandDispatcher = async (_, ask, envelope) => {
    const { bulkId } = ask as { readonly bulkId: string };
    expect(envelope).toMatchObject({
      org: 'default',
      actor: { type: 'system', id: 'bulk-runner' },
      correlation: bulkId,
    });
    const failures = this.failing.get(bulkId) ?? 0;
    if (failures > 0) {
      this.failing.set(bulkId, failures - 1);
      throw new Unavailable('down');
    }
    this.worked.push(bulkId);
    const left = (this.left.get(bulkId) ?? 0) - 1;
    this.left.set(bulkId, left);
    return { createdId: null, version: null, position: 'p', body: { changed: left >= 0 } };
  };

  /** Runs until `done`, and ends. */
  async runUntil(done: () => boolean): Promise<void> {
    const runner = new BulkRunner(this.open, this.door, new Clock(), (it) => this.news.push(it));
    const running = runner.run(this.stop.signal);
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
    this.stop.abort();
    await running;
  }
}

describe('What carries jobs out', () => {
  it('works on them in turns, so that a small one need not wait for a large one', async () => {
    const jobs = new Jobs();
    jobs.left.set('large', 4).set('small', 1);
    await jobs.runUntil(() => jobs.worked.length >= 5);
    expect(jobs.worked.slice(0, 5)).toEqual(['large', 'small', 'large', 'small', 'large']);
  });

  it('lets a job that fails wait, and goes on with the others', async () => {
    const jobs = new Jobs();
    jobs.left.set('bad', 1).set('good', 20);
    jobs.failing.set('bad', 1);
    await jobs.runUntil(() => jobs.worked.includes('bad'));
    expect(jobs.worked.indexOf('bad')).toBeGreaterThan(1);
    expect(jobs.news).toEqual([{ bulkId: 'bad', inMs: expect.any(Number), error: expect.any(Unavailable) }]);
  });

  it('lets it wait longer each time', async () => {
    const jobs = new Jobs();
    jobs.left.set('bad', 1);
    jobs.failing.set('bad', 2);
    await jobs.runUntil(() => jobs.worked.length > 0);
    const [first, second] = jobs.news.map(({ inMs }) => inMs);
    // By chance between half of it and all: several that fail together are not to come back together.
    expect(first).toBeLessThanOrEqual(400);
    expect(second).toBeGreaterThanOrEqual(400);
    expect(jobs.news).toHaveLength(2);
  });

  it('goes on when it could not be told what is open', async () => {
    const jobs = new Jobs();
    jobs.left.set('one', 1);
    jobs.trouble = new Error('no view');
    await jobs.runUntil(() => jobs.worked.length > 0);
    expect(jobs.news).toEqual([{ bulkId: null, inMs: expect.any(Number), error: expect.any(Error) }]);
  });

  it('rests where there is nothing to do', async () => {
    const jobs = new Jobs();
    const since = performance.now();
    await jobs.runUntil(() => jobs.looks > 2);
    expect(performance.now() - since).toBeGreaterThan(150);
  });
});
