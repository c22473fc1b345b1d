import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { qualificationDueView } from './qualification-due.projection.js';
import { listUnreadBefore } from './qualification-due.query.js';

const lead = (contactKey: string, clock: string, ...steps: readonly commands.ContactStep[]) =>
  commands.given(commands.at(clock, commands.interaction({ contactKey })), ...steps).events;
/** More leads than fit on one page. */
const manyLeads = Array.from({ length: 101 }, (_, index) => lead(`many${index}`, `08:00:00.${String(900 - index)}`));
const log = mergeIntoLog(
  lead('c1', '10:00'),
  lead('c2', '09:00').map((event) => ({ ...event, org: 'org-2' })),
  lead('c3', '09:00', commands.aiResult(40, { leadId: 'c3-1' })),
  lead('c4', '09:00', commands.changeStatus('lost', { leadId: 'c4-1' })),
  ...manyLeads,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(qualificationDueView, log);
});
afterAll(() => view.close());

const unreadBefore = async (clock: string): Promise<readonly string[]> => {
  const ids: string[] = [];
  for await (const { row, checkpoint } of listUnreadBefore(view.reader, commands.time(clock))) {
    expect(checkpoint).toBe(log.at(-1)?.position);
    ids.push(row.leadId);
  }
  return ids;
};

it('lists the unread leads of all organizations, longest unread first, across pages', async () => {
  const manyIds = manyLeads.map((_, index) => `many${index}-1`).toReversed();
  expect(await unreadBefore('10:00:00.001')).toEqual([...manyIds, 'c2-1', 'c1-1']);
  expect(await unreadBefore('10:00')).toEqual([...manyIds, 'c2-1']);
  expect(await unreadBefore('08:00')).toEqual([]);
});
