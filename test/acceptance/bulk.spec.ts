import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/answers.js';
import { anApp } from '../support/app.js';
import { bulk, openLeads, outcomesOf } from '../support/bulk.js';
import {
  anAgent,
  assign,
  closedLead,
  done,
  followUp,
  inHours,
  leadHistory,
  leadNow,
  openLead,
  setStatus,
  unique,
  writes,
} from '../support/story.js';

const app = anApp();
const toQualified = { type: 'change_status', status: 'qualified' };

describe('a bulk of named leads', () => {
  test('changes the status of all, each with events of its own that name the bulk', async () => {
    const ids = await openLeads(app, 3);
    const action = { type: 'change_status', status: 'qualified', qualificationScore: 70, reason: 'fair', note: 'all' };
    const answer = await bulk(app, { action, target: { ids } }, { 'x-actor': 'agent:ana' });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        bulkId: expect.any(String) as unknown,
        summary: { total: 3, ok: 3, unchanged: 0, rejected: 0 },
        results: ids.map((id, index) => ({ index, id, outcome: 'ok', version: 4 })),
      },
    });
    const { bulkId, position } = answer.body;
    expect(answer.headers.get('x-position')).toBe(position);
    for (const id of ids) {
      expect(await leadNow(app, id, position)).toMatchObject({ status: 'qualified', qualification: { score: 70 } });
      const { body } = await app.get<{ items: { event: { type: string; correlationId: string; actor: object } }[] }>(
        `/v1/leads/${id}/replay`,
      );
      expect(body.items.slice(2).map(({ event }) => event)).toMatchObject([
        { type: 'LeadScored', correlationId: bulkId, actor: { type: 'agent', id: 'ana' } },
        { type: 'LeadStatusChanged', correlationId: bulkId, data: { reason: 'fair', note: 'all' } },
      ]);
    }
  });

  test('assigns, on record as bulk, moves follow-ups along, and unassigns', async () => {
    const [ana, ben] = [await anAgent(app), await anAgent(app, { name: 'Ben' })];
    const ids = await openLeads(app, 2);
    await assign(app, ids[0]!, ana.id);
    const planned = await followUp(app, ids[0]!);
    const given = await bulk(app, { action: { type: 'assign', agentId: ben.id, note: 'take' }, target: { ids } });
    expect([given.status, outcomesOf(given)]).toEqual([200, ['ok', 'ok']]);
    expect(
      (await leadHistory(app, ids[0]!, { after: given.body.position, type: 'LeadAssigned' })).at(-1),
    ).toMatchObject({
      data: { from: ana.id, to: ben.id, mode: 'bulk', note: 'take', followUps: [planned.followUp.id] },
    });
    const taken = await bulk(app, { action: { type: 'unassign' }, target: { ids } });
    expect([taken.status, outcomesOf(taken)]).toEqual([200, ['ok', 'ok']]);
    expect(await leadNow(app, ids[0]!, taken.body.position)).toMatchObject({ agent: null });
  });

  test('creates follow-ups, and sets the status if that is asked', async () => {
    const ids = await openLeads(app, 2);
    const action = { type: 'create_follow_up', dueAt: inHours(24), note: 'call', alsoSetStatus: true };
    const answer = await bulk(app, { action, target: { ids } });
    expect([answer.status, outcomesOf(answer)]).toEqual([200, ['ok', 'ok']]);
    for (const id of ids)
      expect(await leadNow(app, id, answer.body.position)).toMatchObject({
        status: 'follow_up',
        followUps: { open: 1 },
      });
  });

  test('answers each item in input order: ok, unchanged, rejected with the code, not found', async () => {
    const [open, same, closed] = [await openLead(app), await openLead(app), await closedLead(app)];
    await setStatus(app, same.id, 'qualified');
    const answer = await bulk(app, {
      action: toQualified,
      target: { ids: [closed.id, open.id, 'nobody', same.id, `${open.id}0`] },
    });
    expect(answer.status).toBe(207);
    expect(outcomesOf(answer)).toEqual([
      'rejected lead_inactive',
      'ok',
      'not_found not_found',
      'unchanged',
      'not_found not_found',
    ]);
    expect(answer.body.summary).toEqual({ total: 5, ok: 1, unchanged: 1, rejected: 3 });
    expect(answer.body.results[1]).toEqual({ index: 1, id: open.id, outcome: 'ok', version: 3 });
  });

  test('says of each item what is wrong with the agent', async () => {
    const { id } = await openLead(app);
    const gone = await anAgent(app);
    done(await app.patch(`/v1/agents/${gone.id}`, { active: false }));
    const toAgent = (agentId: string) => bulk(app, { action: { type: 'assign', agentId }, target: { ids: [id] } });
    expect(outcomesOf(await toAgent(gone.id))).toEqual(['rejected agent_inactive']);
    expect(outcomesOf(await toAgent(unique('nobody')))).toEqual(['rejected not_found']);
  });

  test('changes a lead once, however often it is named', async () => {
    const [{ id }, closed] = [await openLead(app), await closedLead(app)];
    const ids = [id, closed.id, id, closed.id, id];
    const answer = await bulk(app, { action: { type: 'create_follow_up', dueAt: inHours(1) }, target: { ids } });
    expect(outcomesOf(answer)).toEqual([
      'ok',
      'rejected lead_inactive',
      'unchanged',
      'rejected lead_inactive',
      'unchanged',
    ]);
    expect(await leadNow(app, id, answer.body.position)).toMatchObject({ followUps: { open: 1 } });
  });

  test('takes 500 at once, some of which are refused', async () => {
    const ids = [...(await openLeads(app, 450)), ...Array.from({ length: 50 }, (_, nth) => `nobody-${nth}`)];
    const mixed = ids.map((_, nth) => ids[(nth * 7) % 500]!);
    const answer = await bulk(app, { action: toQualified, target: { ids: mixed } });
    expect(answer).toMatchObject({
      status: 207,
      body: { summary: { total: 500, ok: 450, unchanged: 0, rejected: 50 } },
    });
    expect(answer.body.results.map((it) => [it.index, it.id])).toEqual(mixed.map((id, index) => [index, id]));
  });

  test('goes on beside others who close the same leads: each lead ends as one of them left it', async () => {
    const ids = await openLeads(app, 120);
    const [answer, ...closings] = await Promise.all([
      bulk(app, { action: toQualified, target: { ids } }),
      ...ids.filter((_, nth) => nth % 2).map((id) => setStatus(app, id, 'lost')),
    ]);
    expect(closings).toHaveLength(60);
    for (const { id, outcome, code } of answer.body.results) {
      const types = (await leadHistory(app, id, { after: answer.body.position, type: 'LeadStatusChanged' })).map(
        ({ data }) => (data as { to: string }).to,
      );
      if (outcome === 'ok') expect(types[0]).toBe('qualified');
      else expect([code, types]).toEqual(['lead_inactive', ['lost']]);
    }
  });

  test('under a key is answered the same again, and does nothing more', async () => {
    const [{ id }, closed] = [await openLead(app), await closedLead(app)];
    const body = { action: { type: 'create_follow_up', dueAt: inHours(1) }, target: { ids: [id, closed.id] } };
    const key = { 'idempotency-key': unique('bulk') };
    const [first, again] = [await bulk(app, body, key), await bulk(app, body, key)];
    expect(again).toMatchObject({ status: 207, text: first.text });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await leadNow(app, id, first.body.position)).toMatchObject({ followUps: { open: 1 } });
    expect(await bulk(app, { ...body, mode: 'all_or_nothing' }, key)).toMatchObject(refused('idempotency_key_reused'));
  });
});

describe('all or nothing', () => {
  test('does all when none would be refused', async () => {
    const ids = await openLeads(app, 3);
    const answer = await bulk(app, { action: toQualified, target: { ids }, mode: 'all_or_nothing' });
    expect([answer.status, outcomesOf(answer)]).toEqual([200, ['ok', 'ok', 'ok']]);
  });

  test('does nothing when one would be, and says of each what would have come of it', async () => {
    const [open, same, closed] = [await openLead(app), await openLead(app), await closedLead(app)];
    await setStatus(app, same.id, 'qualified');
    const ids = [open.id, same.id, closed.id, 'nobody'];
    const answer = await bulk(app, { action: toQualified, target: { ids }, mode: 'all_or_nothing' });
    expect(answer).toMatchObject(refused('bulk_rejected'));
    expect(outcomesOf(answer)).toEqual(['ok', 'unchanged', 'rejected lead_inactive', 'not_found not_found']);
    expect(answer.body.summary).toEqual({ total: 4, ok: 1, unchanged: 1, rejected: 2 });
    expect(await leadNow(app, open.id, (await writes(app)).position)).toMatchObject({ status: 'new' });
  });
});

describe('what can not be a bulk is refused, naming the field', () => {
  const target = { ids: ['a'] };
  test.each([
    ['an unknown action', { action: { type: 'sell' }, target }, 'action.type'],
    ['an action without a type', { action: {}, target }, 'action.type'],
    ['no action', { target }, 'action'],
    ['neither status nor score', { action: { type: 'change_status' }, target }, 'action.status'],
    ['a status that is none', { action: { type: 'change_status', status: 'sold' }, target }, 'action.status'],
    [
      'a score that is none',
      { action: { type: 'change_status', qualificationScore: 101 }, target },
      'action.qualificationScore',
    ],
    ['a field of another action', { action: { ...toQualified, agentId: 'ana' }, target }, 'action.agentId'],
    ['nobody to assign to', { action: { type: 'assign' }, target }, 'action.agentId'],
    ['a due time in the past', { action: { type: 'create_follow_up', dueAt: inHours(-1) }, target }, 'action.dueAt'],
    [
      'a due time without an offset',
      { action: { type: 'create_follow_up', dueAt: '2030-01-01T10:00:00' }, target },
      'action.dueAt',
    ],
    ['no target', { action: toQualified }, 'target'],
    ['no ids', { action: toQualified, target: { ids: [] } }, 'target.ids'],
    ['an id that is none', { action: toQualified, target: { ids: ['a', 7] } }, 'target.ids'],
    ['an unknown mode', { action: toQualified, target, mode: 'some' }, 'mode'],
    ['an unknown field', { action: toQualified, target, shoeSize: 42 }, 'shoeSize'],
  ])('%s', async (_, body, field) => expect(await bulk(app, body)).toMatchObject(invalid(field)));
});
