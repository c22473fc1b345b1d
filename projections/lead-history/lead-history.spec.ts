import { describe, expect, it } from '@jest/globals';
import { columnsOf, rowsOf } from '#test/support/fold';
import * as ask from '#test/support/given-when-then';
import { leadHistory, type EntryRow, type PastLead } from './lead-history.projection.js';
import { summaryOf } from './lead-history.summary.js';

const entriesAfter = (...steps: readonly ask.ContactStep[]): EntryRow[] => [
  ...rowsOf<EntryRow>(leadHistory, 'entries', ask.given(...steps).events).values(),
];
const tellAfter = (...steps: readonly ask.ContactStep[]): string[] =>
  entriesAfter(...steps).map(({ type, data }) => summaryOf(type, data, (id) => (id === 'ana' ? 'Agent One' : null)));

describe('The history', () => {
  it('has an entry for everything that happened, with who, when, when recorded, and what', () => {
    const { events } = ask.given(ask.opened, ask.by(ask.agent('ana'), ask.lost));
    const entries = entriesAfter(ask.opened, ask.by(ask.agent('ana'), ask.lost));
    expect(entries.map((it) => it.id)).toStrictEqual(events.map((it) => it.id));
    expect(entries.at(-1)).toMatchObject({
      type: 'LeadStatusChanged',
      contactKey: ask.contactKey,
      leadId: ask.leadId(1),
      actor: ask.agent('ana'),
      cause: null,
      data: { from: 'new', to: 'lost', reason: null },
      occurredAt: events.at(-1)?.meta.occurredAt,
      recordedAt: events.at(-1)?.meta.recordedAt,
    });
  });

  it('tells what set an entry off, when that was not a command', () => {
    const entries = entriesAfter(ask.opened, ask.outbound());
    const [message, moved] = entries.slice(-2);
    expect(moved).toMatchObject({ type: 'LeadStatusChanged', cause: message?.id, actor: { type: 'system' } });
  });

  it('is ordered by when things happened, late arrivals at their place', () => {
    const late = ask.interaction({ messageId: 'm-2', occurredAt: ask.sentAt('09:00:00') });
    const entries = entriesAfter(ask.at('12:00', ask.opened), ask.at('13:00', ask.lost), ask.at('14:00', late));
    const inOrder = entries
      .map((row) => ({ type: row.type, at: String(columnsOf(leadHistory, 'entries', row)['at']) }))
      .sort((a, b) => (a.at < b.at ? -1 : 1));
    expect(inOrder.map((it) => it.type)[0]).toBe('InteractionRecorded');
    expect(inOrder.map((it) => it.type).at(-1)).toBe('LeadStatusChanged');
  });

  it('keeps past leads with how they ended', () => {
    const { events } = ask.given(ask.opened, ask.lost, ask.cameBack);
    const leads = [...rowsOf<PastLead>(leadHistory, 'leads', events).values()];
    expect(leads).toMatchObject([
      { ordinal: 1, status: 'lost', closedAt: expect.any(String) as unknown },
      { ordinal: 2, status: 'new', closedAt: null },
    ]);
  });

  it('says each entry in a few readable words', () => {
    expect(
      tellAfter(
        ask.opened,
        ask.assign('ana'),
        ask.scoreByHand(70),
        ask.createFollowUp({ followUpId: 'f-1', dueAt: ask.time('17:00') }),
        ask.changeStatus('lost', { reason: 'No budget' }),
      ),
    ).toStrictEqual([
      'Contact registered',
      'Lead 1 opened (chat)',
      'chat by whatsapp',
      'Assigned to Agent One',
      'Scored 70 (manual)',
      `Follow-up due ${ask.time('17:00')} for Agent One`,
      'Status from new to lost: No budget',
      'Follow-up cancelled: the lead was closed',
    ]);
  });
});
