import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { followUpsView } from './follow-ups.projection.js';
import { countFollowUps, listFollowUps, listRemindersDueBefore } from './follow-ups.query.js';

const dueAt = (followUpId: string, clock: string) =>
  commands.createFollowUp({ followUpId, dueAt: commands.time(clock) });
/** More follow-ups than fit on one page. */
const manyFollowUps = Array.from({ length: 101 }, (_, index) => dueAt(`m-${index}`, `16:00:00.${String(900 - index)}`));
const log = mergeIntoLog(
  commands.givenAgent(commands.registerAgent()).events,
  commands
    .given(
      commands.opened,
      dueAt('f-late', '18:00'),
      commands.assign('ana'),
      dueAt('f-soon', '15:00'),
      dueAt('f-done', '14:00'),
    )
    .and(commands.completeFollowUp({ followUpId: 'f-done' })).events,
  commands
    .given(commands.opened, dueAt('f-other', '15:30'), ...manyFollowUps)
    .events.map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(followUpsView, log);
});
afterAll(() => view.close());

const now = commands.time('16:00');

describe('Follow-ups query', () => {
  it('lists the follow-ups of an organization, soonest due first, with assignee names and overdue flags', async () => {
    const { items, checkpoint } = await listFollowUps(view.reader, commands.org, [], now, { limit: 10 });
    const lead = { leadId: commands.leadId(1), contactId: 'contact-1' };
    const assignee = { id: 'ana', name: 'Agent One' };
    expect(items).toMatchObject([
      { id: 'f-done', ...lead, assignee, state: 'completed', overdue: false },
      { id: 'f-soon', ...lead, assignee, state: 'open', overdue: true },
      { id: 'f-late', ...lead, assignee: null, state: 'open', overdue: false },
    ]);
    expect(checkpoint).toBe(log.at(-1)?.position);
    expect(await countFollowUps(view.reader, commands.org, [])).toBe(3);
  });

  it('filters follow-ups by state, and pages through them', async () => {
    const open = [{ column: 'state', in: ['open'] }];
    const firstPage = await listFollowUps(view.reader, commands.org, open, now, { limit: 1 });
    expect(firstPage.items.map(({ id }) => id)).toEqual(['f-soon']);
    const nextPage = await listFollowUps(view.reader, commands.org, open, now, { limit: 1, after: firstPage.last! });
    expect(nextPage).toMatchObject({ items: [{ id: 'f-late' }], last: null });
    expect(await countFollowUps(view.reader, commands.org, open)).toBe(2);
  });

  it('lists the pending reminders of all organizations due before a time, soonest first, across pages', async () => {
    const remindersBefore = async (clock: string) => {
      const ids: string[] = [];
      for await (const { row, checkpoint } of listRemindersDueBefore(view.reader, commands.time(clock))) {
        expect(checkpoint).toBe(log.at(-1)?.position);
        ids.push(row.id);
      }
      return ids;
    };
    const manyIds = manyFollowUps.map(({ followUpId }) => followUpId).toReversed();
    expect(await remindersBefore('18:00:00.001')).toEqual(['f-soon', 'f-other', ...manyIds, 'f-late']);
    expect(await remindersBefore('18:00')).toEqual(['f-soon', 'f-other', ...manyIds]);
    expect(await remindersBefore('15:00')).toEqual([]);
  });
});
