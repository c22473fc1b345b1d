import { expect, test } from '@jest/globals';
import type { EventOf } from '#domain/event';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import { setupApp, type ResponseBody } from '../support/app.js';
import {
  expectSuccess,
  getLead,
  getLeadHistory,
  inHours,
  inMs,
  occurredAtHeader,
  openLead,
  postAgent,
  postAssignment,
  postFollowUp,
  postFollowUpAction,
  postInteraction,
  postStatus,
  waitForReminders,
} from '../support/api-steps.js';

const app = setupApp();

const dataOf = (entry: HistoryEntry | undefined) => entry?.data as EventOf<'FollowUpReminded'>['data'];
/** Imports a follow-up that is overdue by an hour. */
const postOverdue = async (leadId: string) =>
  expectSuccess(await app.post(`/v1/leads/${leadId}/follow-ups`, { dueAt: inHours(-1) }, occurredAtHeader(inHours(-2))))
    .followUp;
const openOldLead = () => openLead(app, {}, occurredAtHeader(inHours(-3)));
/** Creates a follow-up due in 200 ms. Doubles the delay if a busy machine handles the request only after that time. */
async function postDueSoon(leadId: string): Promise<ResponseBody['followUp']> {
  for (let ms = 200; ; ms *= 2) {
    const response = await app.post(`/v1/leads/${leadId}/follow-ups`, { dueAt: inMs(ms) });
    if (response.body.code !== 'validation_failed') return expectSuccess(response).followUp;
  }
}
/** Resolves when all earlier due follow-ups have their reminders, because the earliest are reminded first. */
async function waitUntilAllReminded(): Promise<void> {
  const { id } = await openLead(app);
  await postDueSoon(id);
  await waitForReminders(app, id, 1);
}

test('a due follow-up gets one reminder, for its assignee', async () => {
  const [{ id }, ana] = [await openLead(app), await postAgent(app, { name: 'Ana' })];
  await postAssignment(app, id, ana.id);
  const created = await postDueSoon(id);
  const [entry] = await waitForReminders(app, id, 1);
  expect(entry).toMatchObject({
    type: 'FollowUpReminded',
    leadId: id,
    actor: { type: 'system', id: 'remind-follow-ups', name: null },
    summary: `Reminder for Ana: follow-up due ${created.dueAt}`,
    data: { followUpId: created.id, dueAt: created.dueAt, assigneeId: ana.id, late: false },
  });
  const { occurredAt, cause, position } = entry!;
  expect(occurredAt >= created.dueAt).toBe(true);
  const creation = (await getLeadHistory(app, id, { type: 'FollowUpCreated' }))[0];
  expect(cause).toBe(creation?.id);
  expect(await getLead(app, id, position)).toMatchObject({ version: 5, followUps: { open: 1 } });

  await waitUntilAllReminded();
  expect(await waitForReminders(app, id)).toHaveLength(1);
});

test('a rescheduled follow-up gets its reminder at the new time and none at the old one', async () => {
  const { id } = await openLead(app);
  const { followUp: created } = await postFollowUp(app, id, { dueAt: inMs(2_000) });
  const dueAt = inMs(3_500);
  expectSuccess(await postFollowUpAction(app, id, created.id, 'reschedule', { dueAt }));
  expect((await waitForReminders(app, id, 1)).map((reminder) => dataOf(reminder).dueAt)).toEqual([dueAt]);

  const secondDueAt = inMs(1_500);
  expectSuccess(await postFollowUpAction(app, id, created.id, 'reschedule', { dueAt: secondDueAt }));
  expect((await waitForReminders(app, id, 2)).map((reminder) => dataOf(reminder).dueAt)).toEqual([dueAt, secondDueAt]);
});

test('a closed follow-up and a follow-up of a closed lead get no reminder', async () => {
  const leads = [await openLead(app), await openLead(app), await openLead(app)];
  const [completed, cancelled, closed] = leads.map(({ id }) => id) as [string, string, string];
  const dueAt = inMs(3_000);
  const create = async (id: string) => (await postFollowUp(app, id, { dueAt })).followUp.id;
  expectSuccess(await postFollowUpAction(app, completed, await create(completed), 'complete'));
  expectSuccess(await postFollowUpAction(app, cancelled, await create(cancelled), 'cancel'));
  await create(closed);
  await postStatus(app, closed, 'lost');
  while (new Date().toISOString() < dueAt) await new Promise(setImmediate);
  await waitUntilAllReminded();
  for (const { id } of leads) expect(await waitForReminders(app, id)).toEqual([]);
});

test('120 follow-ups due at the same time get one reminder each', async () => {
  const { id } = await openOldLead();
  for (let index = 0; index < 12; index++) await Promise.all(Array.from({ length: 10 }, () => postOverdue(id)));
  const reminders = await waitForReminders(app, id, 120);
  expect(new Set(reminders.map((entry) => dataOf(entry).followUpId)).size).toBe(120);
  await waitUntilAllReminded();
  expect(await waitForReminders(app, id)).toHaveLength(120);
});

test('an overdue imported follow-up gets a late reminder, and the import can continue with earlier times', async () => {
  const { id, contactId } = await openOldLead();
  const created = await postOverdue(id);
  expect(dataOf((await waitForReminders(app, id, 1))[0])).toMatchObject({ followUpId: created.id, late: true });
  await postInteraction(app, { contactId }, occurredAtHeader(inHours(-1.5)));
  expectSuccess(await postFollowUpAction(app, id, created.id, 'complete'));
});

test('a follow-up that fell due while the service was down gets one late reminder', async () => {
  const leads = [];
  for (let index = 0; index < 5; index++) leads.push((await openOldLead()).id);
  for (const id of leads) await postOverdue(id);
  const { id } = await openLead(app);
  await postDueSoon(id);
  await app.kill();
  await app.start();
  for (const leadId of leads) expect(dataOf((await waitForReminders(app, leadId, 1))[0]).late).toBe(true);
  expect(dataOf((await waitForReminders(app, id, 1))[0]).late).toBe(false);
  await app.stop();
  await app.start();
  await waitUntilAllReminded();
  for (const leadId of [...leads, id]) expect(await waitForReminders(app, leadId)).toHaveLength(1);
});

test('rebuilding all views does not repeat reminders', async () => {
  const [{ id }, old] = [await openLead(app), await openOldLead()];
  await postOverdue(old.id);
  await postDueSoon(id);
  await Promise.all([waitForReminders(app, id, 1), waitForReminders(app, old.id, 1)]);
  await app.stop();
  await app.wipeViews();
  await app.start();
  await waitUntilAllReminded();
  for (const leadId of [id, old.id]) expect(await waitForReminders(app, leadId)).toHaveLength(1);
});
