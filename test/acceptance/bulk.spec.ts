import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp, type App } from '../support/app.js';
import {
  postBulk,
  postCancel,
  waitUntilJobClosed,
  getJob,
  openLeads,
  resultOutcomes,
  getJobResults,
  postRetry,
} from '../support/bulk-steps.js';
import {
  expectSuccess,
  getAllLeads,
  getLead,
  getLeadHistory,
  idempotencyKey,
  inHours,
  openClosedLead,
  openLead,
  postAgent,
  postAssignment,
  postFollowUp,
  postInteraction,
  postStatus,
  retryWhileUnavailable,
  uniqueId,
  waitUntil,
  withApp,
} from '../support/api-steps.js';

const app = setupApp();
const toQualified = { type: 'change_status', status: 'qualified' };

describe('a bulk request with ids', () => {
  test('a bulk status change writes events to each lead with the bulk’s id as correlation id', async () => {
    const ids = await openLeads(app, 3);
    const action = { type: 'change_status', status: 'qualified', qualificationScore: 70, reason: 'fair', note: 'all' };
    const response = await postBulk(app, { action, target: { ids } }, { 'x-actor': 'agent:ana' });
    expect(response).toMatchObject({
      status: 200,
      body: {
        bulkId: expect.any(String) as unknown,
        summary: { total: 3, ok: 3, unchanged: 0, rejected: 0 },
        results: ids.map((id, index) => ({ index, id, outcome: 'ok', version: 4 })),
      },
    });
    const { bulkId, position } = response.body;
    expect(response.headers.get('x-position')).toBe(position);
    for (const id of ids) {
      expect(await getLead(app, id, position)).toMatchObject({ status: 'qualified', qualification: { score: 70 } });
      const { body } = await app.get<{ items: { event: { type: string; correlationId: string; actor: object } }[] }>(
        `/v1/leads/${id}/replay`,
      );
      expect(body.items.slice(2).map(({ event }) => event)).toMatchObject([
        { type: 'LeadScored', correlationId: bulkId, actor: { type: 'agent', id: 'ana' } },
        { type: 'LeadStatusChanged', correlationId: bulkId, data: { reason: 'fair', note: 'all' } },
      ]);
    }
  });

  test('a bulk assignment is recorded with mode bulk and moves follow-ups; a bulk unassignment removes the agent', async () => {
    const [ana, ben] = [await postAgent(app), await postAgent(app, { name: 'Ben' })];
    const ids = await openLeads(app, 2);
    await postAssignment(app, ids[0]!, ana.id);
    const planned = await postFollowUp(app, ids[0]!);
    const assigned = await postBulk(app, {
      action: { type: 'assign', agentId: ben.id, note: 'take' },
      target: { ids },
    });
    expect([assigned.status, resultOutcomes(assigned)]).toEqual([200, ['ok', 'ok']]);
    expect(
      (await getLeadHistory(app, ids[0]!, { after: assigned.body.position, type: 'LeadAssigned' })).at(-1),
    ).toMatchObject({
      data: { from: ana.id, to: ben.id, mode: 'bulk', note: 'take', followUps: [planned.followUp.id] },
    });
    const unassigned = await postBulk(app, { action: { type: 'unassign' }, target: { ids } });
    expect([unassigned.status, resultOutcomes(unassigned)]).toEqual([200, ['ok', 'ok']]);
    expect(await getLead(app, ids[0]!, unassigned.body.position)).toMatchObject({ agent: null });
  });

  test('a bulk request creates follow-ups, and sets the status with alsoSetStatus', async () => {
    const ids = await openLeads(app, 2);
    const action = { type: 'create_follow_up', dueAt: inHours(24), note: 'call', alsoSetStatus: true };
    const response = await postBulk(app, { action, target: { ids } });
    expect([response.status, resultOutcomes(response)]).toEqual([200, ['ok', 'ok']]);
    for (const id of ids)
      expect(await getLead(app, id, response.body.position)).toMatchObject({
        status: 'follow_up',
        followUps: { open: 1 },
      });
  });

  test('a bulk response lists the outcome of each item in input order', async () => {
    const [open, qualified, closed] = [await openLead(app), await openLead(app), await openClosedLead(app)];
    await postStatus(app, qualified.id, 'qualified');
    const response = await postBulk(app, {
      action: toQualified,
      target: { ids: [closed.id, open.id, 'unknown', qualified.id, `${open.id}0`] },
    });
    expect(response.status).toBe(207);
    expect(resultOutcomes(response)).toEqual([
      'rejected lead_inactive',
      'ok',
      'not_found not_found',
      'unchanged',
      'not_found not_found',
    ]);
    expect(response.body.summary).toEqual({ total: 5, ok: 1, unchanged: 1, rejected: 3 });
    expect(response.body.results[1]).toEqual({ index: 1, id: open.id, outcome: 'ok', version: 3 });
  });

  test('a bulk assignment to a deactivated or unknown agent reports the reason for each item', async () => {
    const { id } = await openLead(app);
    const inactive = await postAgent(app);
    expectSuccess(await app.patch(`/v1/agents/${inactive.id}`, { active: false }));
    const assignTo = (agentId: string) => postBulk(app, { action: { type: 'assign', agentId }, target: { ids: [id] } });
    expect(resultOutcomes(await assignTo(inactive.id))).toEqual(['rejected agent_inactive']);
    expect(resultOutcomes(await assignTo(uniqueId('unknown')))).toEqual(['rejected not_found']);
  });

  test('a bulk request changes a lead once even if its id occurs several times', async () => {
    const [{ id }, closed] = [await openLead(app), await openClosedLead(app)];
    const ids = [id, closed.id, id, closed.id, id];
    const response = await postBulk(app, { action: { type: 'create_follow_up', dueAt: inHours(1) }, target: { ids } });
    expect(resultOutcomes(response)).toEqual([
      'ok',
      'rejected lead_inactive',
      'unchanged',
      'rejected lead_inactive',
      'unchanged',
    ]);
    expect(await getLead(app, id, response.body.position)).toMatchObject({ followUps: { open: 1 } });
  });

  test('a bulk request of 500 leads is carried out immediately, with outcomes in input order', async () => {
    const ids = [...(await openLeads(app, 450)), ...Array.from({ length: 50 }, (_, index) => `unknown-${index}`)];
    const mixed = ids.map((_, index) => ids[(index * 7) % 500]!);
    const response = await postBulk(app, { action: toQualified, target: { ids: mixed } });
    expect(response).toMatchObject({
      status: 207,
      body: { summary: { total: 500, ok: 450, unchanged: 0, rejected: 50 } },
    });
    expect(response.body.results.map((result) => [result.index, result.id])).toEqual(
      mixed.map((id, index) => [index, id]),
    );
  });

  test('a bulk request concurrent with closings leaves each lead in a state that one of them wrote', async () => {
    const ids = await openLeads(app, 60);
    const [response, ...closings] = await Promise.all([
      postBulk(app, { action: toQualified, target: { ids } }),
      ...ids
        .filter((_, index) => index % 2)
        .map(async (id) =>
          expectSuccess(await retryWhileUnavailable(() => app.post(`/v1/leads/${id}/status`, { status: 'lost' }))),
        ),
    ]);
    expect(closings).toHaveLength(30);
    for (const { id, outcome, code } of response.body.results) {
      const types = (await getLeadHistory(app, id, { after: response.body.position, type: 'LeadStatusChanged' })).map(
        ({ data }) => (data as { to: string }).to,
      );
      if (outcome === 'ok') expect(types[0]).toBe('qualified');
      else expect([code, types]).toEqual(['lead_inactive', ['lost']]);
    }
  });

  test('a bulk request repeated under its idempotency key gets the stored response and changes nothing', async () => {
    const [{ id }, closed] = [await openLead(app), await openClosedLead(app)];
    const body = { action: { type: 'create_follow_up', dueAt: inHours(1) }, target: { ids: [id, closed.id] } };
    const key = idempotencyKey();
    const [first, again] = [await postBulk(app, body, key), await postBulk(app, body, key)];
    expect(again).toMatchObject({ status: 207, text: first.text });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await getLead(app, id, first.body.position)).toMatchObject({ followUps: { open: 1 } });
    expect(await postBulk(app, { ...body, mode: 'all_or_nothing' }, key)).toMatchObject(
      refused('idempotency_key_reused'),
    );
  });
});

describe('a bulk request with mode all_or_nothing', () => {
  test('all_or_nothing changes all leads if no item would be rejected', async () => {
    const ids = await openLeads(app, 3);
    const response = await postBulk(app, { action: toQualified, target: { ids }, mode: 'all_or_nothing' });
    expect([response.status, resultOutcomes(response)]).toEqual([200, ['ok', 'ok', 'ok']]);
  });

  test('all_or_nothing changes nothing if an item would be rejected, and returns what the outcome of each item would be', async () => {
    const [open, qualified, closed] = [await openLead(app), await openLead(app), await openClosedLead(app)];
    await postStatus(app, qualified.id, 'qualified');
    const ids = [open.id, qualified.id, closed.id, 'unknown'];
    const response = await postBulk(app, { action: toQualified, target: { ids }, mode: 'all_or_nothing' });
    expect(response).toMatchObject(refused('bulk_rejected'));
    expect(resultOutcomes(response)).toEqual(['ok', 'unchanged', 'rejected lead_inactive', 'not_found not_found']);
    expect(response.body.summary).toEqual({ total: 4, ok: 1, unchanged: 1, rejected: 2 });
    expect(await getLead(app, open.id, (await postInteraction(app)).position)).toMatchObject({ status: 'new' });
  });
});

describe('a bulk request that was carried out immediately', () => {
  test('a finished bulk request can be read, its results downloaded and its failed items retried', async () => {
    const [open, closed] = [await openLead(app), await openClosedLead(app)];
    const ids = [closed.id, open.id];
    const { body } = await postBulk(app, { action: toQualified, target: { ids } });
    const { bulkId, position, results } = body;
    const expected = {
      id: bulkId,
      state: 'completed',
      mode: 'best_effort',
      total: 2,
      done: 2,
      ok: 1,
      unchanged: 0,
      rejected: 1,
    };
    expect(await getJob(app, bulkId, { after: position })).toMatchObject({
      ...expected,
      action: toQualified,
      retries: 0,
    });
    expect(await getJobResults(app, bulkId)).toEqual(results);
    const again = await postRetry(app, bulkId);
    expect(again).toMatchObject({ status: 202, body: { bulkId, state: 'queued', changed: true } });
    expect(again.headers.get('location')).toBe(`/v1/bulk/${bulkId}`);
    expect(await waitUntilJobClosed(app, again.body)).toMatchObject({ ...expected, retries: 1 });
  });
});

describe('a bulk request with more than 500 ids', () => {
  test('a bulk request with more than 500 ids becomes a job whose results are available in input order', async () => {
    const open = await openLeads(app, 60);
    const closed = await openClosedLead(app);
    const ids = [
      ...open,
      closed.id,
      ...Array.from({ length: 500 }, (_, index) => `unknown-${index}`),
      '=1+1',
      open[0]!,
    ];
    const response = await postBulk(
      app,
      { action: { ...toQualified, note: 'n' }, target: { ids } },
      { 'x-actor': 'agent:ana' },
    );
    const { bulkId, position } = response.body;
    expect(response).toMatchObject({ status: 202, body: { state: 'queued', total: 563, done: 0 } });
    expect(response.headers.get('location')).toBe(`/v1/bulk/${bulkId}`);
    expect((await getJob(app, bulkId, { after: position })).total).toBe(563);
    const job = await waitUntilJobClosed(app, response.body);
    expect(job).toMatchObject({
      id: bulkId,
      state: 'completed',
      total: 563,
      done: 563,
      ok: 60,
      unchanged: 1,
      rejected: 502,
      action: { ...toQualified, note: 'n' },
      requestedBy: { type: 'agent', id: 'ana' },
    });
    const results = await getJobResults(app, bulkId);
    expect(results.map(({ index, id }) => [index, id])).toEqual(ids.map((id, index) => [index, id]));
    expect(results[0]).toEqual({ index: 0, id: open[0], outcome: 'ok', version: 3 });
    expect(results[60]).toEqual({ index: 60, id: closed.id, outcome: 'rejected', code: 'lead_inactive' });
    expect(results.at(-1)).toMatchObject({ outcome: 'unchanged', version: 3 });

    const csv = await app.get(`/v1/bulk/${bulkId}/results`, {}, { accept: 'text/csv' });
    expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
    const lines = csv.text.split('\r\n');
    expect(lines.slice(0, 2)).toEqual(['index,id,outcome,code,version', `0,${open[0]},ok,,3`]);
    expect(lines.at(-3)).toBe("561,'=1+1,not_found,not_found,");
    expect((await app.get(`/v1/bulk/${bulkId}/results`, { format: 'csv' })).text).toBe(csv.text);
  });

  test('an all_or_nothing job fails without a change if an item would be rejected, and a retry starts again', async () => {
    const open = await openLeads(app, 30);
    const ids = [...open, ...Array.from({ length: 480 }, (_, index) => `unknown-${index}`)];
    const { body } = await postBulk(app, { action: toQualified, target: { ids }, mode: 'all_or_nothing' });
    const { bulkId } = body;
    const failed = { state: 'failed', total: 510, done: 0, ok: 30, unchanged: 0, rejected: 480 };
    expect(await waitUntilJobClosed(app, body)).toMatchObject(failed);
    expect((await getJobResults(app, bulkId)).slice(28, 32)).toMatchObject(
      ['ok', 'ok', 'not_found', 'not_found'].map((outcome) => ({ outcome })),
    );
    expect(await getLead(app, open[0]!, (await postInteraction(app)).position)).toMatchObject({ status: 'new' });
    const again = await postRetry(app, bulkId);
    expect(again).toMatchObject({ status: 202, body: { state: 'queued', ok: 0, rejected: 0 } });
    expect(await waitUntilJobClosed(app, again.body)).toMatchObject({ ...failed, retries: 1 });
  });
});

describe('a bulk request with a filter', () => {
  test('a bulk filter selects the current leads, and is rejected if their number differs from expectedCount', async () => {
    const agent = await postAgent(app);
    const ids = await openLeads(app, 12);
    for (const id of ids) await postAssignment(app, id, agent.id);
    await postStatus(app, ids[3]!, 'lost');
    const filter = { agentId: agent.id, active: true };
    expect(await postBulk(app, { action: toQualified, target: { filter, expectedCount: 12 } })).toMatchObject(
      refused('selection_changed', { expectedCount: 12, count: 11 }),
    );
    const response = await postBulk(app, { action: toQualified, target: { filter, expectedCount: 11 } });
    expect(response).toMatchObject({ status: 202, body: { state: 'queued', total: 11 } });
    expect(await waitUntilJobClosed(app, response.body)).toMatchObject({ state: 'completed', done: 11, ok: 11 });
    const done = ids.filter((id) => id !== ids[3]);
    expect((await getJobResults(app, response.body.bulkId)).map(({ id }) => id).sort()).toEqual(done.toSorted());
  });

  test('a bulk filter takes the list’s parameters, also as numbers and arrays, and is evaluated once', async () => {
    const word = uniqueId('zephyr').replace('-', '');
    const [first] = await openLeads(app, 2, { profile: { name: word } });
    await postStatus(app, first!, 'contacted', { qualificationScore: 80 });
    const select = (filter: object, expectedCount: number) =>
      postBulk(app, { action: toQualified, target: { filter: { q: word, ...filter }, expectedCount } });
    for (const filter of [{ scoreMin: 80 }, { scoreMin: '80' }, { status: ['contacted', 'lost'] }, { scored: true }])
      expect(await select(filter, 5)).toMatchObject(refused('selection_changed', { count: 1 }));
    const key = idempotencyKey();
    const body = {
      action: { type: 'change_status', status: 'lost' },
      target: { filter: { q: word }, expectedCount: 2 },
    };
    const accepted = await postBulk(app, body, key);
    expect(await waitUntilJobClosed(app, accepted.body)).toMatchObject({ done: 2, ok: 2 });
    expect(await postBulk(app, body, key)).toMatchObject({ status: 202, text: accepted.text });
    expect(await select({}, 0)).toMatchObject({ status: 202, body: { state: 'completed', total: 0, done: 0 } });
  });
});

describe('a job', () => {
  test('cancelling a bulk job keeps its results and starts no further block', async () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `unknown-${index}`);
    const { body } = await postBulk(app, { action: toQualified, target: { ids } });
    const response = await postCancel(app, body.bulkId);
    expect(response).toMatchObject({ status: 200, body: { bulkId: body.bulkId, state: 'cancelled', changed: true } });
    const { done } = await getJob(app, body.bulkId, { after: response.body.position });
    expect(done).toBeLessThan(20_000);
    expect(await postCancel(app, body.bulkId)).toMatchObject({ status: 200, body: { changed: false } });
    expect(await postRetry(app, body.bulkId)).toMatchObject(refused('bulk_closed', { state: 'cancelled' }));
  });

  test('retrying a bulk job carries out only the items that were rejected or in conflict', async () => {
    const agent = await postAgent(app);
    expectSuccess(await app.patch(`/v1/agents/${agent.id}`, { active: false }));
    const open = await openLeads(app, 3);
    const ids = [
      ...open,
      (await openClosedLead(app)).id,
      ...Array.from({ length: 500 }, (_, index) => `unknown-${index}`),
      open[0]!,
    ];
    const { body } = await postBulk(app, { action: { type: 'assign', agentId: agent.id }, target: { ids } });
    expect(await waitUntilJobClosed(app, body)).toMatchObject({ done: 505, ok: 0, rejected: 505 });
    expectSuccess(await app.patch(`/v1/agents/${agent.id}`, { active: true }));
    const again = await postRetry(app, body.bulkId);
    expect(again).toMatchObject({ status: 202, body: { state: 'queued', retries: 1 } });
    expect(await waitUntilJobClosed(app, again.body)).toMatchObject({
      done: 505,
      ok: 3,
      unchanged: 1,
      rejected: 501,
      retries: 1,
    });
    const results = await getJobResults(app, body.bulkId);
    expect([...results.slice(0, 5), results.at(-1)!].map(({ outcome }) => outcome)).toEqual([
      ...['ok', 'ok', 'ok', 'rejected', 'not_found', 'unchanged'],
    ]);
  });

  test('a finished bulk job cannot be cancelled, and one without failed items is not retried', async () => {
    const { body } = await postBulk(app, { action: toQualified, target: { ids: [(await openLead(app)).id] } });
    expect(await postCancel(app, body.bulkId)).toMatchObject(refused('bulk_closed', { state: 'completed' }));
    expect(await postRetry(app, body.bulkId)).toMatchObject({
      status: 200,
      body: { changed: false, state: 'completed' },
    });
  });

  test.each(['', '/results'])('GET /v1/bulk/{id}%s of an unknown job returns not_found', async (path) =>
    expect(await app.get(`/v1/bulk/${uniqueId('unknown')}${path}`)).toMatchObject(refused('not_found')),
  );
  test.each(['/cancel', '/retry'])('POST /v1/bulk/{id}%s of an unknown job returns not_found', async (path) =>
    expect(await app.post(`/v1/bulk/${uniqueId('unknown')}${path}`)).toMatchObject(refused('not_found')),
  );
});

describe('a bulk request during which the process is killed', () => {
  const createFollowUp = { type: 'create_follow_up', dueAt: inHours(24), alsoSetStatus: true };
  const expectOneFollowUpEach = async (freshApp: App, ids: readonly string[], after: string): Promise<void> => {
    const leads = await getAllLeads(freshApp, { after, wait: 30_000 });
    expect(leads.map(({ id }) => id).sort()).toEqual(ids.toSorted());
    for (const { version, status, followUps } of leads)
      expect({ version, status, open: followUps.open }).toEqual({ version: 4, status: 'follow_up', open: 1 });
  };
  const waitForChanged = (freshApp: App, minCount: number): Promise<void> =>
    waitUntil(async () => {
      const { body } = await freshApp.get('/v1/leads', { status: 'follow_up', count: true, limit: 1 });
      return body.total >= minCount;
    }, 0);

  test('a bulk job continues after the process was killed, and changes every lead once', async () => {
    await withApp(async (freshApp) => {
      const ids = await openLeads(freshApp, 260);
      const { body } = await postBulk(freshApp, {
        action: createFollowUp,
        target: { ids: [...ids, ...Array<string>(250).fill('x')] },
      });
      // The first kill is within a block, the second within the next block.
      for (const changed of [20, 215]) {
        await waitForChanged(freshApp, changed);
        await freshApp.kill();
        await freshApp.start();
      }
      expect(await waitUntilJobClosed(freshApp, body)).toMatchObject({
        state: 'completed',
        done: 510,
        ok: 260,
        rejected: 250,
      });
      expect((await getJobResults(freshApp, body.bulkId)).map(({ id }) => id).slice(0, 260)).toEqual(ids);
      await expectOneFollowUpEach(
        freshApp,
        ids,
        (await freshApp.get('/v1/leads', { limit: 1 })).headers.get('x-position')!,
      );
    });
  }, 240_000);

  test('a bulk request that is repeated under its key after a kill changes every lead once', async () => {
    await withApp(async (freshApp) => {
      const ids = await openLeads(freshApp, 150);
      const body = { action: createFollowUp, target: { ids }, mode: 'all_or_nothing' };
      const key = idempotencyKey();
      const interrupted = postBulk(freshApp, body, key).catch(() => undefined);
      await waitForChanged(freshApp, 10);
      await freshApp.kill();
      await interrupted;
      await freshApp.start();
      const response = await retryWhileUnavailable(() => postBulk(freshApp, body, key));
      expect(response).toMatchObject({ status: 200, body: { summary: { total: 150, ok: 150 } } });
      await expectOneFollowUpEach(freshApp, ids, response.body.position);
    });
  }, 240_000);
});

describe('an invalid bulk request', () => {
  const target = { ids: ['a'] };
  test.each([
    ['an unknown action', { action: { type: 'sell' }, target }, 'action.type'],
    ['an action without a type', { action: {}, target }, 'action.type'],
    ['no action', { target }, 'action'],
    ['change_status without status and score', { action: { type: 'change_status' }, target }, 'action.status'],
    ['an unknown status', { action: { type: 'change_status', status: 'sold' }, target }, 'action.status'],
    [
      'a score out of range',
      { action: { type: 'change_status', qualificationScore: 101 }, target },
      'action.qualificationScore',
    ],
    ['a field of another action', { action: { ...toQualified, agentId: 'ana' }, target }, 'action.agentId'],
    ['assign without an agent', { action: { type: 'assign' }, target }, 'action.agentId'],
    ['a due time in the past', { action: { type: 'create_follow_up', dueAt: inHours(-1) }, target }, 'action.dueAt'],
    [
      'a due time without an offset',
      { action: { type: 'create_follow_up', dueAt: '2030-01-01T10:00:00' }, target },
      'action.dueAt',
    ],
    ['no target', { action: toQualified }, 'target'],
    ['no ids', { action: toQualified, target: { ids: [] } }, 'target.ids'],
    ['an id that is not a string', { action: toQualified, target: { ids: ['a', 7] } }, 'target.ids'],
    [
      'ids and a filter',
      { action: toQualified, target: { ids: ['a'], filter: {}, expectedCount: 1 } },
      'target.filter',
    ],
    ['a filter without expectedCount', { action: toQualified, target: { filter: {} } }, 'target.expectedCount'],
    [
      'ids with expectedCount',
      { action: toQualified, target: { ids: ['a'], expectedCount: 1 } },
      'target.expectedCount',
    ],
    ['neither ids nor filter', { action: toQualified, target: {} }, 'target.ids'],
    [
      'an unknown filter',
      { action: toQualified, target: { filter: { shoeSize: 42 }, expectedCount: 1 } },
      'target.filter.shoeSize',
    ],
    [
      'a page size in the filter',
      { action: toQualified, target: { filter: { limit: 5 }, expectedCount: 1 } },
      'target.filter.limit',
    ],
    [
      'an unknown value in the filter',
      { action: toQualified, target: { filter: { status: 'sold' }, expectedCount: 1 } },
      'target.filter.status',
    ],
    [
      'an expectedCount above the maximum',
      { action: toQualified, target: { filter: {}, expectedCount: 100_001 } },
      'target.expectedCount',
    ],
    ['an unknown mode', { action: toQualified, target, mode: 'some' }, 'mode'],
    ['an unknown field', { action: toQualified, target, shoeSize: 42 }, 'shoeSize'],
  ])('a bulk request with %s is rejected, naming the field', async (_, body, field) =>
    expect(await postBulk(app, body)).toMatchObject(invalid(field)),
  );
});
