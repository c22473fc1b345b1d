import { expect } from '@jest/globals';
import type { ShownLead } from '#domain/lead/lead.shown';
import type { App } from './app.js';
import { bulk, cancel, jobClosed, retry } from './bulk.js';
import { aBroadcast, receipt, receive, send } from './campaign.js';
import {
  allItems,
  anAgent,
  assign,
  closedLead,
  done,
  followUp,
  inHours,
  openLead,
  reminders,
  setStatus,
  unique,
  writes,
} from './story.js';

/** Something of everything that can happen; the position of the last of it. */
export async function somethingOfEverything(app: App): Promise<string> {
  const [ana, ben] = [await anAgent(app, { name: 'Ana' }), await anAgent(app, { name: 'Ben' })];
  for (let nth = 0; nth < 30; nth++) {
    const lead = await openLead(app, {
      channel: nth % 3 ? 'sms' : 'email',
      profile: { name: `Ana ${nth}`, phone: `+4915${nth}` },
    });
    if (nth % 2) await assign(app, lead.id, nth % 4 === 1 ? ana.id : ben.id);
    if (nth % 3) await followUp(app, lead.id);
    if (nth % 4) done(await app.post(`/v1/leads/${lead.id}/qualification`, { score: nth, model: 'm' }));
    if (nth % 5) await setStatus(app, lead.id, nth % 10 ? 'qualified' : 'lost', { note: 'x', qualificationScore: nth });
    if (nth % 5 === 0) await writes(app, { contactId: lead.contactId, profile: { name: `Anna ${nth}` } });
  }
  const old = await openLead(app, {}, { 'x-occurred-at': inHours(-3) });
  done(await app.post(`/v1/leads/${old.id}/follow-ups`, { dueAt: inHours(-1) }, { 'x-occurred-at': inHours(-2) }));
  await reminders(app, old.id, 1);
  const closed = await closedLead(app);
  await writes(app, { contactId: closed.contactId, occurredAt: closed.createdAt });
  done(await app.patch(`/v1/agents/${ben.id}`, { name: 'Benjamin' }));

  const broadcastId = await aBroadcast(app);
  const messageIds = Array.from({ length: 10 }, () => unique('bm'));
  const contactIds = messageIds.map(() => unique('recipient'));
  await send(
    app,
    broadcastId,
    messageIds.map((messageId, nth) => ({ messageId, contactId: contactIds[nth]! })),
  );
  const states = ['sent', 'delivered', 'read', 'failed'] as const;
  await receive(
    app,
    messageIds.map((messageId, nth) => receipt(messageId, states[nth % 4]!, nth)),
  );
  for (const contactId of contactIds.slice(0, 5)) await writes(app, { contactId, kind: 'broadcast_reply' });
  await someBulks(app, closed.id);
  return (await writes(app, { contactId: closed.contactId, profile: { email: 'new@example.org' } })).position;
}

/** Bulks at once and as jobs: completed, tried again, cancelled, failed. */
async function someBulks(app: App, closedId: string): Promise<void> {
  const ids = (await allItems<ShownLead>(app, '/v1/leads', { active: true })).map(({ id }) => id).slice(0, 10);
  const many = [...ids, closedId, ...Array.from({ length: 500 }, (_, nth) => `nobody-${nth}`)];
  const action = { type: 'change_status', status: 'qualifying', note: 'all of them' };
  await bulk(app, { action, target: { ids: [...ids.slice(0, 3), closedId] } });
  const { body: job } = await bulk(app, { action, target: { ids: many } });
  await jobClosed(app, job);
  await jobClosed(app, (await retry(app, job.bulkId)).body);
  const { body: failed } = await bulk(app, { action, target: { ids: many }, mode: 'all_or_nothing' });
  await jobClosed(app, failed);
  const { body: long } = await bulk(app, { action, target: { ids: Array<string>(5_000).fill('nobody') } });
  done(await cancel(app, long.bulkId));
}

/** What every page says, to the byte, by path. */
export async function everythingTold(app: App, after: string): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  const read = async (path: string): Promise<void> => {
    const { status, text } = await app.get(path, { after, wait: 30_000 });
    expect([path, status]).toEqual([path, 200]);
    told[path] = text;
  };
  for (const sort of ['createdAt', 'updatedAt', 'lastInteractionAt', 'score', 'name', 'status', 'nextFollowUpAt'])
    for (const order of ['', '-']) await read(`/v1/leads?limit=200&count=true&sort=${order}${sort}`);
  for (const filter of [
    'q=ana',
    'q=4915',
    'active=true',
    'status=lost,new',
    'agentId=none',
    'channel=email',
    'scored=true',
  ])
    await read(`/v1/leads?count=true&${filter}`);
  for (const { id, contactId } of await allItems<ShownLead>(app, '/v1/leads', { after }))
    for (const path of [
      `/v1/leads/${id}`,
      `/v1/leads/${id}/history?limit=200`,
      `/v1/leads/${id}/broadcasts`,
      `/v1/contacts/${contactId}/history?order=asc`,
    ])
      await read(path);
  for (const figures of ['funnel', 'time-in-status', 'agents', 'sources'])
    await read(`/v1/stats/${figures}?from=2026-01-01&to=2100-01-01`);
  await read('/v1/agents?limit=200');
  await read('/v1/follow-ups?limit=200');
  await read('/v1/broadcasts?limit=200');
  for (const { id } of await allItems<{ id: string }>(app, '/v1/broadcasts', { after }))
    await read(`/v1/broadcasts/${id}/recipients?limit=200`);
  for (const id of await bulkIds(app))
    for (const path of [`/v1/bulk/${id}`, `/v1/bulk/${id}/results`, `/v1/bulk/${id}/results?format=csv`])
      await read(path);
  return told;
}

/** Of all bulks, from the log. */
async function bulkIds(app: App): Promise<readonly string[]> {
  const events = await allItems<{ data: { bulkId: string } }>(app, '/v1/events', { type: 'BulkRequested' });
  return events.map(({ data }) => data.bulkId);
}
