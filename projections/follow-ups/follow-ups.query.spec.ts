import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as ask from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { followUpsView } from './follow-ups.projection.js';
import { countFollowUps, listFollowUps, listRemindersDueBefore } from './follow-ups.query.js';

const due = (followUpId: string, clock: string) => ask.createFollowUp({ followUpId, dueAt: ask.time(clock) });
const many = Array.from({ length: 101 }, (_, nth) => due(`m-${nth}`, `16:00:00.${String(900 - nth)}`));
const log = mergeIntoLog(
  ask.givenAgent(ask.registerAgent()).events,
  ask
    .given(ask.opened, due('f-late', '18:00'), ask.assign('ana'), due('f-soon', '15:00'), due('f-done', '14:00'))
    .and(ask.completeFollowUp({ followUpId: 'f-done' })).events,
  ask.given(ask.opened, due('f-other', '15:30'), ...many).events.map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(followUpsView, log);
});
afterAll(() => view.close());

const now = ask.time('16:00');

it('Follow-ups of one organization come by when they are due, with their assignees’ names and whether they are overdue', async () => {
  const { items, checkpoint } = await listFollowUps(view.reader, ask.org, [], now, { limit: 10 });
  const [leadId, contactId] = [ask.leadId(1), 'contact-1'];
  expect(items).toMatchObject([
    { id: 'f-done', leadId, contactId, assignee: { id: 'ana', name: 'Agent One' }, state: 'completed', overdue: false },
    { id: 'f-soon', leadId, contactId, assignee: { id: 'ana', name: 'Agent One' }, state: 'open', overdue: true },
    { id: 'f-late', leadId, contactId, assignee: null, state: 'open', overdue: false },
  ]);
  expect(checkpoint).toBe(log.at(-1)?.position);
  expect(await countFollowUps(view.reader, ask.org, [])).toBe(3);
});

it('Follow-ups can be filtered, and come by pages', async () => {
  const open = [{ column: 'state', in: ['open'] }];
  const first = await listFollowUps(view.reader, ask.org, open, now, { limit: 1 });
  expect(first.items.map((it) => it.id)).toEqual(['f-soon']);
  const second = await listFollowUps(view.reader, ask.org, open, now, { limit: 1, after: first.last! });
  expect(second).toMatchObject({ items: [{ id: 'f-late' }], last: null });
  expect(await countFollowUps(view.reader, ask.org, open)).toBe(2);
});

it('Reminders of all organizations come by when they are due, however many', async () => {
  const before = async (clock: string) => {
    const ids: string[] = [];
    for await (const { row, checkpoint } of listRemindersDueBefore(view.reader, ask.time(clock))) {
      expect(checkpoint).toBe(log.at(-1)?.position);
      ids.push(row.id);
    }
    return ids;
  };
  const theirs = many.map((it) => it.followUpId).toReversed();
  expect(await before('18:00:00.001')).toEqual(['f-soon', 'f-other', ...theirs, 'f-late']);
  expect(await before('18:00')).toEqual(['f-soon', 'f-other', ...theirs]);
  expect(await before('15:00')).toEqual([]);
});
