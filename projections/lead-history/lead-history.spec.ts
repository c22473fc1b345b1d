import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import { givenMessage, newReceipt, recordReceipts, recordSend } from '#test/support/given-message';
import * as ask from '#test/support/given-when-then';
import { everyLead, leadHistoryView, type EntryRow } from './lead-history.projection.js';
import { summarizeEvent } from './lead-history.summary.js';

const entriesAfter = (...steps: readonly ask.ContactStep[]): EntryRow[] => [
  ...projectRows<EntryRow>(leadHistoryView, 'entries', ask.given(...steps).events).values(),
];
const summariesAfter = (...steps: readonly ask.ContactStep[]): string[] =>
  entriesAfter(...steps).map(({ type, data }) =>
    summarizeEvent(type, data, (id) => (id === 'ana' ? 'Agent One' : null)),
  );

describe('The lead history view', () => {
  it('has an entry for each event of a contact, with actor, data and times', () => {
    const { events } = ask.given(ask.opened, ask.by(ask.agentActor('ana'), ask.lost));
    const entries = entriesAfter(ask.opened, ask.by(ask.agentActor('ana'), ask.lost));
    expect(entries.map(({ id }) => id)).toStrictEqual(events.map(({ id }) => id));
    expect(entries.at(-1)).toMatchObject({
      type: 'LeadStatusChanged',
      contactKey: ask.contactKey,
      leadId: ask.leadId(1),
      actor: ask.agentActor('ana'),
      cause: null,
      data: { from: 'new', to: 'lost', reason: null },
      occurredAt: events.at(-1)?.meta.occurredAt,
      recordedAt: events.at(-1)?.meta.recordedAt,
    });
  });

  it('has the event that caused an entry unless a command did', () => {
    const entries = entriesAfter(ask.opened, ask.outbound());
    const [message, statusChange] = entries.slice(-2);
    expect(statusChange).toMatchObject({ type: 'LeadStatusChanged', cause: message?.id, actor: { type: 'system' } });
  });

  it('sorts entries by when things happened, so that a late message precedes what was recorded before it', () => {
    const late = ask.interaction({ messageId: 'm-2', occurredAt: ask.sentAt('09:00:00') });
    const entries = entriesAfter(ask.at('12:00', ask.opened), ask.at('13:00', ask.lost), ask.at('14:00', late));
    const sorted = entries
      .map((row) => ({ type: row.type, at: String(projectColumns(leadHistoryView, 'entries', row)['at']) }))
      .sort((a, b) => (a.at < b.at ? -1 : 1));
    expect(sorted[0]?.type).toBe('InteractionRecorded');
    expect(sorted.at(-1)?.type).toBe('LeadStatusChanged');
  });

  it('marks the entries that open or close a lead', () => {
    const entries = entriesAfter(
      ask.opened,
      ask.changeStatus('qualified'),
      ask.assign('ana'),
      ask.lost,
      ask.secondInteraction,
    );
    const turns = entries.filter((row) => projectColumns(leadHistoryView, 'entries', row)['turns'] === 1);
    expect(turns.map(({ type, leadId, data }) => [type, leadId, (data as { to?: string }).to])).toEqual([
      ['LeadOpened', ask.leadId(1), undefined],
      ['LeadStatusChanged', ask.leadId(1), 'lost'],
      ['LeadOpened', ask.leadId(2), undefined],
    ]);
  });

  it('has one entry for a broadcast message, at the time of its send, with its receipts inside', () => {
    const read = newReceipt('read', '09:20');
    const beforeSend = newReceipt('sent', '09:10');
    const { events } = givenMessage(
      recordReceipts('bm-1', beforeSend),
      ask.at('09:00', recordSend()),
      recordReceipts('bm-1', read),
    );
    const entries = [...projectRows<EntryRow>(leadHistoryView, 'entries', events).values()];
    expect(entries).toMatchObject([
      {
        type: 'MessageSent',
        contactKey: ask.contactKey,
        leadId: null,
        occurredAt: ask.time('09:00'),
        data: { messageId: 'bm-1', receipts: [{ status: 'sent' }, { status: 'read' }] },
      },
    ]);
    expect(projectColumns(leadHistoryView, 'entries', entries[0]!)).toMatchObject({ shownOn: everyLead });
    const receipts = events.filter(({ type }) => type === 'ReceiptRecorded');
    expect(projectRows(leadHistoryView, 'entries', receipts).size).toBe(0);
  });

  it('summarizes every type of entry, and an event that has no entry by its type', () => {
    expect(
      summariesAfter(
        ask.interaction({ kind: 'broadcast_reply' }),
        ask.interaction({ messageId: 'm-2', profile: { name: 'Contact One', email: 'one@example.test' } }),
        ask.interaction({ messageId: 'm-3', text: 'stop' }),
        ask.outbound(),
        ask.aiResult(40),
        ask.scoreByHand(70),
        ask.aiResult(50),
        ask.unpin(),
        ask.assign('ana'),
        ask.assign('ben'),
        ask.unassign(),
        ask.changeStatus('follow_up', { reason: 'Later' }),
        ask.changeStatus(null, { note: 'Hm' }),
        ask.createFollowUp(),
        ask.reschedule('18:00', { reason: 'Busy' }),
        ask.at('18:00', ask.remind('18:00')),
        ask.createFollowUp({ followUpId: 'f-2' }),
        ask.at('17:30', ask.remind('17:00', { followUpId: 'f-2' })),
        ask.completeFollowUp(),
        ask.cancelFollowUp({ followUpId: 'f-2', reason: 'Twice' }),
        ask.interaction({ messageId: 'm-4' }),
        ask.aiFailure({ readUpTo: ask.interactionId('m-4') }),
        ask.at('18:30', ask.lost),
        ask.aiResult(60),
        ask.at('18:40', ask.interaction({ messageId: 'm-5', occurredAt: ask.sentAt('18:10:00') })),
      ),
    ).toStrictEqual([
      'Contact registered',
      'Lead 1 opened (broadcast reply)',
      'broadcast reply by whatsapp',
      'Profile changed: name, email',
      'chat by whatsapp',
      'Opted out by whatsapp',
      'Message sent by whatsapp',
      'Status from new to contacted',
      'Scored 40 (ai)',
      'Score from 40 to 70 (manual)',
      'model-1 suggests a score of 50',
      'Score unpinned',
      'Assigned to Agent One',
      'Reassigned from Agent One to ben',
      'Unassigned from ben',
      'Status from contacted to follow up: Later',
      'Noted as follow up',
      `Follow-up due ${ask.time('17:00')} (unassigned)`,
      `Follow-up moved from ${ask.time('17:00')} to ${ask.time('18:00')}: Busy`,
      `Reminder (unassigned): follow-up due ${ask.time('18:00')}`,
      `Follow-up due ${ask.time('17:00')} (unassigned)`,
      `Late reminder (unassigned): follow-up due ${ask.time('17:00')}`,
      'Follow-up completed',
      'Follow-up cancelled: Twice',
      'chat by whatsapp',
      'No score by model-1: it took too long',
      'Status from follow up to lost',
      'Score of 60 by model-1 dropped: lead inactive',
      'Late chat by whatsapp',
    ]);
    const [sent] = projectRows<EntryRow>(leadHistoryView, 'entries', givenMessage(recordSend()).events).values();
    expect(summarizeEvent('MessageSent', sent!.data, () => null)).toBe('Broadcast of Campaign One by whatsapp: queued');
    expect(summarizeEvent('AgentRegistered', {}, () => null)).toBe('AgentRegistered');
  });

  it('summarizes the entries of a lead from its first message to its closing', () => {
    expect(
      summariesAfter(
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
