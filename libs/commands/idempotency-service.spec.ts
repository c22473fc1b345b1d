import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invalidField, refuse } from '#domain/refusal';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { buildCommandContext, type CommandContext } from './command-context.js';
import type { CommandResponse, CommandResult } from './command-response.js';
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

/** Runs `work` as a command whose facts are its response. */
const runOnce = (context: CommandContext, work: () => Promise<CommandResponse>): Promise<CommandResult> =>
  idempotency.runOnce<CommandResponse>(context, {
    run: async () => {
      const response = await work();
      return { response, facts: response };
    },
    replay: async (facts) => facts,
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
    await expect(runOnce(context, work)).resolves.toStrictEqual({ response, replayed: false });
    await expect(runOnce(context, work)).resolves.toStrictEqual({ response, replayed: true });
    expect(runs).toBe(1);
  });

  it('stores no response without an Idempotency-Key', async () => {
    const context = contextOf(null);
    let runs = 0;
    const work = async (): Promise<CommandResponse> => responseWith((runs += 1));
    await runOnce(context, work);
    await expect(runOnce(context, work)).resolves.toStrictEqual({
      response: responseWith(2),
      replayed: false,
    });
  });

  it('rejects another request under the same Idempotency-Key', async () => {
    const context = contextOf('request', 'shared');
    await runOnce(context, async () => responseWith(1));
    const otherRequest = runOnce(contextOf('another', 'shared'), async () => responseWith(2));
    await expect(otherRequest).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('rejects a request under a key that is in flight, without waiting', async () => {
    const context = contextOf('request');
    let finish: (response: CommandResponse) => void = () => undefined;
    const first = runOnce(context, () => new Promise((resolve) => (finish = resolve)));
    const second = runOnce(context, async () => responseWith(2));
    await expect(second).rejects.toMatchObject({ code: 'idempotency_in_flight' });
    const otherRequest = runOnce({ ...context, requestHash: 'another' }, async () => responseWith(2));
    await expect(otherRequest).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    for (let tick = 0; tick < 50; tick += 1) await new Promise(setImmediate);
    finish(responseWith(1));
    await expect(first).resolves.toStrictEqual({ response: responseWith(1), replayed: false });
  });
});

describe('IdempotencyService and refusals', () => {
  it('stores a refusal and replays it as a ReplayedRefusal', async () => {
    const context = contextOf('request');
    const refused = runOnce(context, () => Promise.reject(refuse('not_found', { what: 'lead' })));
    await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    await expect(refused).rejects.not.toThrow(ReplayedRefusal);
    const repeated = runOnce(context, async () => responseWith(1));
    await expect(repeated).rejects.toThrow(ReplayedRefusal);
    await expect(runOnce(context, async () => responseWith(1))).rejects.toMatchObject({
      code: 'not_found',
      details: { what: 'lead' },
    });
  });

  it.each([
    ['invalid input', invalidField('dueAt', 'in_past', 'must not be in the past')],
    ['a conflict', refuse('conflict', {})],
  ])('does not store the refusal of %s, so that the same request can succeed later', async (_, refusal) => {
    const context = contextOf('request');
    await expect(runOnce(context, () => Promise.reject(refusal))).rejects.toBe(refusal);
    await expect(runOnce(context, async () => responseWith(1))).resolves.toStrictEqual({
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
    await expect(runOnce(context, neverRuns)).resolves.toStrictEqual({
      response: { createdId: 'abc-1', version: 1, position, body },
      replayed: true,
    });
  });

  it('a refusal stored by an older version is replayed', async () => {
    const context = contextOf('request');
    const answer = { refused: { code: 'agent_inactive', details: { agentId: 'ana' } } };
    await log.responses.saveIfAbsent(context.commandId, { request: 'request', answer, keptAt });
    const replayed = runOnce(context, neverRuns);
    await expect(replayed).rejects.toThrow(ReplayedRefusal);
    await expect(replayed).rejects.toMatchObject({ code: 'agent_inactive', details: { agentId: 'ana' } });
  });
});

describe('IdempotencyService and its records', () => {
  const body = { lead: { id: 'abc-1', contact: { name: 'Nuria Sample' } }, changed: true };
  const response: CommandResponse = { createdId: 'abc-1', version: 1, position: 'p1', body };

  it('responses are stored in the form that older versions stored', async () => {
    const context = contextOf('request');
    const command = {
      run: async () => ({ response, facts: { from: 0, to: 2 } }),
      replay: async (facts: { from: number; to: number }) => ({ ...response, body: { ...facts } }),
    };
    await idempotency.runOnce(context, command);
    expect(await log.responses.find(context.commandId)).toStrictEqual({
      request: 'request',
      answer: { accepted: { from: 0, to: 2 } },
      keptAt: expect.any(String),
    });
    await expect(idempotency.runOnce(context, command)).resolves.toMatchObject({
      response: { body: { from: 0, to: 2 } },
      replayed: true,
    });
  });

  it('stores nothing for a response without facts', async () => {
    const context = contextOf('request');
    let runs = 0;
    const command = {
      run: async () => {
        runs += 1;
        return { response, facts: null };
      },
      replay: () => Promise.reject(new Error('nothing was stored')),
    };
    await idempotency.runOnce(context, command);
    await expect(idempotency.runOnce(context, command)).resolves.toStrictEqual({ response, replayed: false });
    expect(runs).toBe(2);
    expect(await log.responses.find(context.commandId)).toBeUndefined();
  });

  it('returns the outcome that another process stored first for the same request', async () => {
    const context = contextOf('request');
    const keptAt = '2026-01-01T00:00:00.000Z';
    const command = {
      run: async () => {
        await log.responses.saveIfAbsent(context.commandId, { request: 'request', answer: { accepted: 1 }, keptAt });
        return { response, facts: 2 };
      },
      replay: async (facts: number) => ({ ...response, version: facts }),
    };
    await expect(idempotency.runOnce(context, command)).resolves.toMatchObject({ response: { version: 1 } });
  });
});
