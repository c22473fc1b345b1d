import { expect } from '@jest/globals';
import type { LeadResource } from '#resources/lead.resource';
import type { App } from './app.js';
import { postBulk, postCancel, waitUntilJobClosed, postRetry } from './bulk-steps.js';
import { postBroadcast, receiptBody, postReceipts, postMessages } from './broadcast-steps.js';
import {
  getAllItems,
  postAgent,
  postAssignment,
  openClosedLead,
  expectSuccess,
  postFollowUp,
  inHours,
  openLead,
  waitForReminders,
  postStatus,
  uniqueId,
  postInteraction,
} from './api-steps.js';

/** Writes events of nearly every type through the API. Returns the position of the last one. */
export async function writeSampleLog(app: App): Promise<string> {
  const [ana, ben] = [await postAgent(app, { name: 'Ana' }), await postAgent(app, { name: 'Ben' })];
  for (let index = 0; index < 30; index++) {
    const lead = await openLead(app, {
      channel: index % 3 ? 'sms' : 'email',
      profile: { name: `Ana ${index}`, phone: `+4915${index}` },
    });
    if (index % 2) await postAssignment(app, lead.id, index % 4 === 1 ? ana.id : ben.id);
    if (index % 3) await postFollowUp(app, lead.id);
    if (index % 4) expectSuccess(await app.post(`/v1/leads/${lead.id}/qualification`, { score: index, model: 'm' }));
    if (index % 5)
      await postStatus(app, lead.id, index % 10 ? 'qualified' : 'lost', { note: 'x', qualificationScore: index });
    if (index % 5 === 0) await postInteraction(app, { contactId: lead.contactId, profile: { name: `Anna ${index}` } });
  }
  const earlierLead = await openLead(app, {}, { 'x-occurred-at': inHours(-3) });
  expectSuccess(
    await app.post(`/v1/leads/${earlierLead.id}/follow-ups`, { dueAt: inHours(-1) }, { 'x-occurred-at': inHours(-2) }),
  );
  await waitForReminders(app, earlierLead.id, 1);
  const closed = await openClosedLead(app);
  await postInteraction(app, { contactId: closed.contactId, occurredAt: closed.createdAt });
  expectSuccess(await app.patch(`/v1/agents/${ben.id}`, { name: 'Benjamin' }));

  const broadcastId = await postBroadcast(app);
  const messageIds = Array.from({ length: 10 }, () => uniqueId('bm'));
  const contactIds = messageIds.map(() => uniqueId('recipient'));
  await postMessages(
    app,
    broadcastId,
    messageIds.map((messageId, index) => ({ messageId, contactId: contactIds[index]! })),
  );
  const statuses = ['sent', 'delivered', 'read', 'failed'] as const;
  await postReceipts(
    app,
    messageIds.map((messageId, index) => receiptBody(messageId, statuses[index % 4]!, index)),
  );
  for (const contactId of contactIds.slice(0, 5)) await postInteraction(app, { contactId, kind: 'broadcast_reply' });
  await writeBulks(app, closed.id);
  return (await postInteraction(app, { contactId: closed.contactId, profile: { email: 'new@example.org' } })).position;
}

/** One bulk that is executed at once, and jobs that complete, are retried, fail and are cancelled. */
async function writeBulks(app: App, closedId: string): Promise<void> {
  const ids = (await getAllItems<LeadResource>(app, '/v1/leads', { active: true })).map(({ id }) => id).slice(0, 10);
  const targets = [...ids, closedId, ...Array.from({ length: 500 }, (_, index) => `nobody-${index}`)];
  const action = { type: 'change_status', status: 'qualifying', note: 'all of them' };
  await postBulk(app, { action, target: { ids: [...ids.slice(0, 3), closedId] } });
  const { body: job } = await postBulk(app, { action, target: { ids: targets } });
  await waitUntilJobClosed(app, job);
  await waitUntilJobClosed(app, (await postRetry(app, job.bulkId)).body);
  const { body: failed } = await postBulk(app, { action, target: { ids: targets }, mode: 'all_or_nothing' });
  await waitUntilJobClosed(app, failed);
  const { body: long } = await postBulk(app, { action, target: { ids: Array<string>(5_000).fill('nobody') } });
  expectSuccess(await postCancel(app, long.bulkId));
}

/** Reads every kind of page. Returns the response bodies, unparsed, by path. */
export async function readEveryPage(app: App, after: string): Promise<Record<string, string>> {
  const bodies: Record<string, string> = {};
  const read = async (path: string): Promise<void> => {
    const { status, text } = await app.get(path, { after, wait: 30_000 });
    expect([path, status]).toEqual([path, 200]);
    bodies[path] = text;
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
  for (const { id, contactId } of await getAllItems<LeadResource>(app, '/v1/leads', { after }))
    for (const path of [
      `/v1/leads/${id}`,
      `/v1/leads/${id}/history?limit=200`,
      `/v1/leads/${id}/broadcasts`,
      `/v1/contacts/${contactId}/history?order=asc`,
    ])
      await read(path);
  for (const statistics of ['funnel', 'time-in-status', 'agents', 'sources'])
    await read(`/v1/stats/${statistics}?from=2026-01-01&to=2100-01-01`);
  await read('/v1/agents?limit=200');
  await read('/v1/follow-ups?limit=200');
  await read('/v1/broadcasts?limit=200');
  for (const { id } of await getAllItems<{ id: string }>(app, '/v1/broadcasts', { after }))
    await read(`/v1/broadcasts/${id}/recipients?limit=200`);
  for (const id of await bulkIds(app))
    for (const path of [`/v1/bulk/${id}`, `/v1/bulk/${id}/results`, `/v1/bulk/${id}/results?format=csv`])
      await read(path);
  return bodies;
}

/** The ids of all bulk jobs, from the log. */
async function bulkIds(app: App): Promise<readonly string[]> {
  const events = await getAllItems<{ data: { bulkId: string } }>(app, '/v1/events', { type: 'BulkRequested' });
  return events.map(({ data }) => data.bulkId);
}
