import { describe, expect, it } from '@jest/globals';
import { Clock } from '#commands/clock';
import type { CommandDispatcher } from '#commands/command-dispatcher';
import { Unavailable } from '#event-store/event-store';
import { BulkRunner, type BulkRunnerNotice } from './bulk-runner.js';

/** A fake list of open jobs, and a dispatcher that runs their blocks. */
class FakeJobs {
  /** The number of blocks left, by job. */
  readonly blocksLeft = new Map<string, number>();
  /** The number of runs that will still fail, by job. */
  readonly failuresLeft = new Map<string, number>();
  readonly runs: string[] = [];
  readonly notices: BulkRunnerNotice[] = [];
  polls = 0;
  /** The error of the next listing. */
  listError: Error | undefined;
  private readonly stop = new AbortController();

  private readonly listOpenJobs = async () => {
    this.polls += 1;
    const { listError } = this;
    this.listError = undefined;
    if (listError) throw listError;
    return [...this.blocksLeft.keys()].map((id) => ({ org: 'default', id }));
  };

  private readonly dispatch: CommandDispatcher = async (_, command, context) => {
    const { bulkId } = command as { readonly bulkId: string };
    expect(context).toMatchObject({
      org: 'default',
      actor: { type: 'system', id: 'bulk-runner' },
      correlation: bulkId,
    });
    const failures = this.failuresLeft.get(bulkId) ?? 0;
    if (failures > 0) {
      this.failuresLeft.set(bulkId, failures - 1);
      throw new Unavailable('down');
    }
    this.runs.push(bulkId);
    const left = (this.blocksLeft.get(bulkId) ?? 0) - 1;
    this.blocksLeft.set(bulkId, left);
    return { createdId: null, version: null, position: 'p', body: { changed: left >= 0 } };
  };

  async runUntil(isDone: () => boolean): Promise<void> {
    const runner = new BulkRunner(this.listOpenJobs, this.dispatch, new Clock(), (notice) => this.notices.push(notice));
    const running = runner.run(this.stop.signal);
    while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1));
    this.stop.abort();
    await running;
  }
}

describe('BulkRunner', () => {
  it('runs bulk jobs in rotation, so that a small job does not wait for a large one', async () => {
    const jobs = new FakeJobs();
    jobs.blocksLeft.set('large', 4).set('small', 1);
    await jobs.runUntil(() => jobs.runs.length >= 5);
    expect(jobs.runs.slice(0, 5)).toEqual(['large', 'small', 'large', 'small', 'large']);
  });

  it('skips a failed bulk job for a while and runs the others', async () => {
    const jobs = new FakeJobs();
    jobs.blocksLeft.set('bad', 1).set('good', 20);
    jobs.failuresLeft.set('bad', 1);
    await jobs.runUntil(() => jobs.runs.includes('bad'));
    expect(jobs.runs.indexOf('bad')).toBeGreaterThan(1);
    expect(jobs.notices).toEqual([{ bulkId: 'bad', inMs: expect.any(Number), error: expect.any(Unavailable) }]);
  });

  it('doubles the retry delay of a bulk job that fails again', async () => {
    const jobs = new FakeJobs();
    jobs.blocksLeft.set('bad', 1);
    jobs.failuresLeft.set('bad', 2);
    await jobs.runUntil(() => jobs.runs.length > 0);
    const [first, second] = jobs.notices.map(({ inMs }) => inMs);
    // The first delay is 200 to 400 ms, the second 400 to 800 ms, at random.
    expect(first).toBeLessThanOrEqual(400);
    expect(second).toBeGreaterThanOrEqual(400);
    expect(jobs.notices).toHaveLength(2);
  });

  it('retries if the open bulk jobs cannot be listed', async () => {
    const jobs = new FakeJobs();
    jobs.blocksLeft.set('job', 1);
    jobs.listError = new Error('no view');
    await jobs.runUntil(() => jobs.runs.length > 0);
    expect(jobs.notices).toEqual([{ bulkId: null, inMs: expect.any(Number), error: expect.any(Error) }]);
  });

  it('pauses between polls while there is no bulk job', async () => {
    const jobs = new FakeJobs();
    const start = performance.now();
    await jobs.runUntil(() => jobs.polls > 2);
    expect(performance.now() - start).toBeGreaterThan(150);
  });
});
