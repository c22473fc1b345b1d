import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invalidField, refuse } from '#domain/refusal';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import type { CommandContext } from './command-context.js';
import { createCommandId } from './ids.js';
import { IdempotencyService, ReplayedRefusal } from './idempotency-service.js';

const folder = mkdtempSync(join(tmpdir(), 'kept-'));
let log: SqliteLog;
let kept: IdempotencyService;
beforeAll(() => {
  log = SqliteLog.open({ file: join(folder, 'log.db') });
  kept = new IdempotencyService(log.responses, () => new Date().toISOString());
});
afterAll(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

let keys = 0;
const envelope = (request: string | null, key = `key-${(keys += 1)}`): CommandContext => ({
  org: 'default',
  actor: { type: 'service', id: 'test' },
  commandId: createCommandId('default', request === null ? null : key),
  requestHash: request,
  now: '2026-01-01T00:00:00.000Z',
  backdated: false,
  correlation: 'c',
  causation: 'c',
  expectedVersion: null,
});

describe('An answer', () => {
  it('is told again to the same request, and the work is not done again', async () => {
    const asked = envelope('request');
    let works = 0;
    const work = async (): Promise<number> => (works += 1);
    await expect(kept.runOnce(asked, work)).resolves.toStrictEqual({ answer: 1, replayed: false });
    await expect(kept.runOnce(asked, work)).resolves.toStrictEqual({ answer: 1, replayed: true });
    expect(works).toBe(1);
  });

  it('is not kept without a key', async () => {
    const asked = envelope(null);
    let works = 0;
    const work = async (): Promise<number> => (works += 1);
    await kept.runOnce(asked, work);
    await expect(kept.runOnce(asked, work)).resolves.toStrictEqual({ answer: 2, replayed: false });
  });

  it('is nothing for another request under the same key', async () => {
    const asked = envelope('request', 'shared');
    await kept.runOnce(asked, async () => 1);
    const other = kept.runOnce(envelope('another', 'shared'), async () => 2);
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('is not waited for: the same request meanwhile is told that it is under way', async () => {
    const asked = envelope('request');
    let finish: (value: number) => void = () => undefined;
    const first = kept.runOnce(asked, () => new Promise<number>((resolve) => (finish = resolve)));
    await expect(kept.runOnce(asked, async () => 2)).rejects.toMatchObject({ code: 'idempotency_in_flight' });
    const other = kept.runOnce({ ...asked, requestHash: 'another' }, async () => 2);
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    finish(1);
    await expect(first).resolves.toStrictEqual({ answer: 1, replayed: false });
  });
});

describe('A refusal', () => {
  it('is kept as an answer is', async () => {
    const asked = envelope('request');
    const refused = kept.runOnce(asked, () => Promise.reject(refuse('not_found', { what: 'lead' })));
    await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    const again = kept.runOnce(asked, async () => 'late');
    await expect(again).rejects.toThrow(ReplayedRefusal);
    await expect(kept.runOnce(asked, async () => 'late')).rejects.toMatchObject({
      code: 'not_found',
      details: { what: 'lead' },
    });
  });

  it.each([
    ['bad input', invalidField('dueAt', 'in_past', 'must not be in the past')],
    ['a conflict', refuse('conflict', {})],
  ])('of %s is not kept', async (_, refusal) => {
    const asked = envelope('request');
    await expect(kept.runOnce(asked, () => Promise.reject(refusal))).rejects.toBe(refusal);
    await expect(kept.runOnce(asked, async () => 'well')).resolves.toStrictEqual({ answer: 'well', replayed: false });
  });
});
