import { expect, test } from '@jest/globals';
import type { EventOf } from '#domain/event';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import { setupApp, type ResponseBody } from '../support/app.js';
import {
  postAgent,
  postAssignment,
  expectSuccess,
  postFollowUp,
  inHours,
  inMs,
  getLeadHistory,
  getLead,
  openLead,
  waitForReminders,
  postStatus,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp({ QUALIFICATION: 'off' });

const on = (leadId: string, followUpId: string, what: string, body: object = {}) =>
  app.post(`/v1/leads/${leadId}/follow-ups/${followUpId}/${what}`, body);
const dataOf = (entry: HistoryEntry | undefined) => entry?.data as EventOf<'FollowUpReminded'>['data'];
/** A follow-up that was imported, and is overdue by an hour. */
const overdue = async (leadId: string) =>
  expectSuccess(
    await app.post(`/v1/leads/${leadId}/follow-ups`, { dueAt: inHours(-1) }, { 'x-occurred-at': inHours(-2) }),
  ).followUp;
const openedLongAgo = () => openLead(app, {}, { 'x-occurred-at': inHours(-3) });
/** A follow-up that is due in a moment; in a longer one if the machine is so busy that the first is over when it is asked for. */
async function dueSoon(leadId: string): Promise<ResponseBody['followUp']> {
  for (let ms = 200; ; ms *= 2) {
    const response = await app.post(`/v1/leads/${leadId}/follow-ups`, { dueAt: inMs(ms) });
    if (response.body.code !== 'validation_failed') return expectSuccess(response).followUp;
  }
}
/** Resolves when all that was due before has been reminded of: the soonest come first. */
async function allRemindedOf(): Promise<void> {
  const { id } = await openLead(app);
  await dueSoon(id);
  await waitForReminders(app, id, 1);
}

test('a follow-up is reminded of when it is due, once, for whom it is', async () => {
  const [{ id }, ana] = [await openLead(app), await postAgent(app, { name: 'Ana' })];
  await postAssignment(app, id, ana.id);
  const made = await dueSoon(id);
  const [entry] = await waitForReminders(app, id, 1);
  expect(entry).toMatchObject({
    type: 'FollowUpReminded',
    leadId: id,
    actor: { type: 'system', id: 'remind-follow-ups', name: null },
    summary: `Reminder for Ana: follow-up due ${made.dueAt}`,
    data: { followUpId: made.id, dueAt: made.dueAt, assigneeId: ana.id, late: false },
  });
  const { occurredAt, cause, position } = entry!;
  expect(occurredAt >= made.dueAt).toBe(true);
  const created = (await getLeadHistory(app, id, { type: 'FollowUpCreated' }))[0];
  expect(cause).toBe(created?.id);
  expect(await getLead(app, id, position)).toMatchObject({ version: 5, followUps: { open: 1 } });

  await allRemindedOf();
  expect(await waitForReminders(app, id)).toHaveLength(1);
});

test('one that was rescheduled is silent at its old time, and is reminded of at its new one', async () => {
  const { id } = await openLead(app);
  const { followUp: made } = await postFollowUp(app, id, { dueAt: inMs(2_000) });
  const dueAt = inMs(3_500);
  expectSuccess(await on(id, made.id, 'reschedule', { dueAt }));
  expect((await waitForReminders(app, id, 1)).map((reminder) => dataOf(reminder).dueAt)).toEqual([dueAt]);

  const again = inMs(1_500);
  expectSuccess(await on(id, made.id, 'reschedule', { dueAt: again }));
  expect((await waitForReminders(app, id, 2)).map((reminder) => dataOf(reminder).dueAt)).toEqual([dueAt, again]);
});

test('one that is closed, or whose lead is, is silent', async () => {
  const leads = [await openLead(app), await openLead(app), await openLead(app)];
  const [completed, cancelled, closed] = leads.map(({ id }) => id) as [string, string, string];
  const dueAt = inMs(3_000);
  const make = async (id: string) => (await postFollowUp(app, id, { dueAt })).followUp.id;
  expectSuccess(await on(completed, await make(completed), 'complete'));
  expectSuccess(await on(cancelled, await make(cancelled), 'cancel'));
  await make(closed);
  await postStatus(app, closed, 'lost');
  while (new Date().toISOString() < dueAt) await new Promise(setImmediate);
  await allRemindedOf();
  for (const { id } of leads) expect(await waitForReminders(app, id)).toEqual([]);
});

test('many that are due at once are all reminded of, once each', async () => {
  const { id } = await openedLongAgo();
  for (let index = 0; index < 12; index++) await Promise.all(Array.from({ length: 10 }, () => overdue(id)));
  const told = await waitForReminders(app, id, 120);
  expect(new Set(told.map((entry) => dataOf(entry).followUpId)).size).toBe(120);
  await allRemindedOf();
  expect(await waitForReminders(app, id)).toHaveLength(120);
});

test('one that is imported when it is overdue is told as late, and an import may go on behind its reminder', async () => {
  const { id, contactId } = await openedLongAgo();
  const made = await overdue(id);
  expect(dataOf((await waitForReminders(app, id, 1))[0])).toMatchObject({ followUpId: made.id, late: true });
  await postInteraction(app, { contactId }, { 'x-occurred-at': inHours(-1.5) });
  expectSuccess(await on(id, made.id, 'complete'));
});

test('one missed while the service was down is reminded of once, and told as late', async () => {
  const leads = [];
  for (let index = 0; index < 5; index++) leads.push((await openedLongAgo()).id);
  for (const id of leads) await overdue(id);
  const { id } = await openLead(app);
  await dueSoon(id);
  await app.kill();
  await app.start();
  for (const each of leads) expect(dataOf((await waitForReminders(app, each, 1))[0]).late).toBe(true);
  expect(dataOf((await waitForReminders(app, id, 1))[0]).late).toBe(false);
  await app.stop();
  await app.start();
  await allRemindedOf();
  for (const each of [...leads, id]) expect(await waitForReminders(app, each)).toHaveLength(1);
});

test('nothing is reminded of twice when all views are built anew', async () => {
  const [{ id }, old] = [await openLead(app), await openedLongAgo()];
  await overdue(old.id);
  await dueSoon(id);
  await Promise.all([waitForReminders(app, id, 1), waitForReminders(app, old.id, 1)]);
  await app.stop();
  await app.wipeViews();
  await app.start();
  await allRemindedOf();
  for (const each of [id, old.id]) expect(await waitForReminders(app, each)).toHaveLength(1);
});
