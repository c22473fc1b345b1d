import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invalidField, refuse } from '#domain/refusal';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { buildCommandContext, type CommandContext } from './command-context.js';
import type { CommandResponse } from './command-response.js';
import { createCommandId } from './ids.js';
import { IdempotencyService, ReplayedRefusal } from './idempotency-service.js';

const folder = mkdtempSync(join(tmpdir(), 'idempotency-'));
let log: SqliteLog;
let idempotency: IdempotencyService;
beforeAll(() => {
  log = SqliteLog.open({ file: join(folder, 'log.db') });
  idempotency = new IdempotencyService(log.responses, () => new Date().toISOString());
});
afterAll(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

let keys = 0;
const contextOf = (requestHash: string | null, key = `key-${(keys += 1)}`): CommandContext =>
  buildCommandContext({
    org: 'default',
    actor: { type: 'service', id: 'test' },
    commandId: createCommandId('default', requestHash === null ? null : key),
    requestHash,
    now: '2026-01-01T00:00:00.000Z',
    correlation: 'c',
    causation: 'c',
  });

const responseWith = (version: number): CommandResponse => ({
  createdId: 'lead-1',
  version,
  position: 'p1',
  body: { lead: { id: 'lead-1' }, changed: true },
});

describe('IdempotencyService and responses', () => {
  it('returns the stored response to the same request without executing it again', async () => {
    const context = contextOf('request');
    let runs = 0;
    const work = async (): Promise<CommandResponse> => responseWith((runs += 1));
    const response = responseWith(1);
    await expect(idempotency.runOnce(context, work)).resolves.toStrictEqual({ response, replayed: false });
    await expect(idempotency.runOnce(context, work)).resolves.toStrictEqual({ response, replayed: true });
    expect(runs).toBe(1);
  });

  it('stores no response without an Idempotency-Key', async () => {
    const context = contextOf(null);
    let runs = 0;
    const work = async (): Promise<CommandResponse> => responseWith((runs += 1));
    await idempotency.runOnce(context, work);
    await expect(idempotency.runOnce(context, work)).resolves.toStrictEqual({
      response: responseWith(2),
      replayed: false,
    });
  });

  it('rejects another request under the same Idempotency-Key', async () => {
    const context = contextOf('request', 'shared');
    await idempotency.runOnce(context, async () => responseWith(1));
    const otherRequest = idempotency.runOnce(contextOf('another', 'shared'), async () => responseWith(2));
    await expect(otherRequest).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('rejects a request under a key that is in flight, without waiting', async () => {
    const context = contextOf('request');
    let finish: (response: CommandResponse) => void = () => undefined;
    const first = idempotency.runOnce(context, () => new Promise((resolve) => (finish = resolve)));
    const second = idempotency.runOnce(context, async () => responseWith(2));
    await expect(second).rejects.toMatchObject({ code: 'idempotency_in_flight' });
    const otherRequest = idempotency.runOnce({ ...context, requestHash: 'another' }, async () => responseWith(2));
    await expect(otherRequest).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    for (let tick = 0; tick < 50; tick += 1) await new Promise(setImmediate);
    finish(responseWith(1));
    await expect(first).resolves.toStrictEqual({ response: responseWith(1), replayed: false });
  });
});

describe('IdempotencyService and refusals', () => {
  it('stores a refusal and replays it as a ReplayedRefusal', async () => {
    const context = contextOf('request');
    const refused = idempotency.runOnce(context, () => Promise.reject(refuse('not_found', { what: 'lead' })));
    await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    await expect(refused).rejects.not.toThrow(ReplayedRefusal);
    const repeated = idempotency.runOnce(context, async () => responseWith(1));
    await expect(repeated).rejects.toThrow(ReplayedRefusal);
    await expect(idempotency.runOnce(context, async () => responseWith(1))).rejects.toMatchObject({
      code: 'not_found',
      details: { what: 'lead' },
    });
  });

  it.each([
    ['invalid input', invalidField('dueAt', 'in_past', 'must not be in the past')],
    ['a conflict', refuse('conflict', {})],
  ])('does not store the refusal of %s, so that the same request can succeed later', async (_, refusal) => {
    const context = contextOf('request');
    await expect(idempotency.runOnce(context, () => Promise.reject(refusal))).rejects.toBe(refusal);
    await expect(idempotency.runOnce(context, async () => responseWith(1))).resolves.toStrictEqual({
      response: responseWith(1),
      replayed: false,
    });
  });
});

describe('Records stored by older versions', () => {
  const body = { lead: { id: 'abc-1', version: 1 }, changed: true, version: 1, position: '0000000000000007' };
  const keptAt = '2026-01-01T00:00:00.000Z';
  const position = '0000000000000007';
  const neverRuns = (): never => {
    throw new Error('the stored outcome must be used');
  };

  it('a response stored by an older version is replayed, with `made` as the id of the created resource', async () => {
    const context = contextOf('request');
    await log.responses.saveIfAbsent(
      context.commandId,
      JSON.parse(
        `{"request":"request","answer":{"answered":{"made":"abc-1","version":1,"position":"${position}",` +
          `"body":${JSON.stringify(body)}}},"keptAt":"${keptAt}"}`,
      ) as Parameters<typeof log.responses.saveIfAbsent>[1],
    );
    await expect(idempotency.runOnce(context, neverRuns)).resolves.toStrictEqual({
      response: { createdId: 'abc-1', version: 1, position, body },
      replayed: true,
    });
  });

  it('a refusal stored by an older version is replayed', async () => {
    const context = contextOf('request');
    const answer = { refused: { code: 'agent_inactive', details: { agentId: 'ana' } } };
    await log.responses.saveIfAbsent(context.commandId, { request: 'request', answer, keptAt });
    const replayed = idempotency.runOnce(context, neverRuns);
    await expect(replayed).rejects.toThrow(ReplayedRefusal);
    await expect(replayed).rejects.toMatchObject({ code: 'agent_inactive', details: { agentId: 'ana' } });
  });

  it('responses are stored in the form that older versions stored', async () => {
    const context = contextOf('request');
    await idempotency.runOnce(context, async () => ({ createdId: 'abc-1', version: 1, position, body }));
    expect(await log.responses.find(context.commandId)).toStrictEqual({
      request: 'request',
      answer: { answered: { made: 'abc-1', version: 1, position, body } },
      keptAt: expect.any(String),
    });
  });
});
