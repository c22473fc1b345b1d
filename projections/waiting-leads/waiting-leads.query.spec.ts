import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, positionAt, openTestView } from '#test/support/view-harness';
import { waitingLeadsView } from './waiting-leads.projection.js';
import { findLastAutoAssignment, listLongestWaiting } from './waiting-leads.query.js';

const lead = (contactKey: string, clock: string, ...steps: readonly commands.ContactStep[]) =>
  commands.given(commands.at(clock, commands.interaction({ contactKey })), ...steps).events;
const rotation = (leadId: string, agentId: string) => commands.assign(agentId, { leadId, mode: 'round_robin' });
const log = mergeIntoLog(
  lead('c1', '10:00'),
  lead('c2', '09:00'),
  lead('c3', '08:00', rotation('c3-1', 'ana')),
  lead('c4', '08:00', commands.assign('ben', { leadId: 'c4-1' })),
  lead('c5', '08:00', rotation('c5-1', 'ana')),
  lead('c6', '07:00', rotation('c6-1', 'cem')).map((event) => ({ ...event, org: 'org-2' })),
  lead('c7', '07:00').map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(waitingLeadsView, log);
});
afterAll(() => view.close());

describe('Waiting leads query', () => {
  it('lists the leads of an organization that wait for an agent, longest waiting first, up to a limit', async () => {
    const [first, second] = [
      { leadId: 'c2-1', waitingSince: commands.time('09:00') },
      { leadId: 'c1-1', waitingSince: commands.time('10:00') },
    ];
    expect(await listLongestWaiting(view.reader, commands.org, 10)).toEqual([first, second]);
    expect(await listLongestWaiting(view.reader, commands.org, 1)).toEqual([first]);
  });

  it('finds the last automatic assignment to an agent, and ignores assignments by a person', async () => {
    const last = log.findLastIndex((event) => event.type === 'LeadAssigned' && event.data.to === 'ana');
    expect(await findLastAutoAssignment(view.reader, commands.org, 'ana')).toBe(positionAt(last + 1));
    expect(await findLastAutoAssignment(view.reader, commands.org, 'ben')).toBeNull();
    expect(await findLastAutoAssignment(view.reader, commands.org, 'cem')).toBeNull();
  });
});
