import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import { givenMessage, newReceipt, recordReceipts, recordSend } from '#test/support/given-message';
import * as commands from '#test/support/given-when-then';
import { everyLead, leadHistoryView, type EntryRow } from './lead-history.projection.js';
import { summarizeEvent } from './lead-history.summary.js';

const entriesAfter = (...steps: readonly commands.ContactStep[]): EntryRow[] => [
  ...projectRows<EntryRow>(leadHistoryView, 'entries', commands.given(...steps).events).values(),
];
const summariesAfter = (...steps: readonly commands.ContactStep[]): string[] =>
  entriesAfter(...steps).map(({ type, data }) =>
    summarizeEvent(type, data, (id) => (id === 'ana' ? 'Agent One' : null)),
  );

describe('Lead history view', () => {
  it('stores an entry for each event of a contact, with its actor, data and times', () => {
    const { events } = commands.given(commands.opened, commands.by(commands.agentActor('ana'), commands.lost));
    const entries = entriesAfter(commands.opened, commands.by(commands.agentActor('ana'), commands.lost));
    expect(entries.map(({ id }) => id)).toStrictEqual(events.map(({ id }) => id));
    expect(entries.at(-1)).toMatchObject({
      type: 'LeadStatusChanged',
      contactKey: commands.contactKey,
      leadId: commands.leadId(1),
      actor: commands.agentActor('ana'),
      cause: null,
      data: { from: 'new', to: 'lost', reason: null },
      occurredAt: events.at(-1)?.meta.occurredAt,
      recordedAt: events.at(-1)?.meta.recordedAt,
    });
  });

  it('stores which event caused an entry, or null if a command did', () => {
    const entries = entriesAfter(commands.opened, commands.outbound());
    const [message, statusChange] = entries.slice(-2);
    expect(statusChange).toMatchObject({ type: 'LeadStatusChanged', cause: message?.id, actor: { type: 'system' } });
  });

  it('sorts entries by time of occurrence, so that a late message precedes entries recorded before it', () => {
    const late = commands.interaction({ messageId: 'm-2', occurredAt: commands.sentAt('09:00:00') });
    const entries = entriesAfter(
      commands.at('12:00', commands.opened),
      commands.at('13:00', commands.lost),
      commands.at('14:00', late),
    );
    const sorted = entries
      .map((row) => ({ type: row.type, at: String(projectColumns(leadHistoryView, 'entries', row)['at']) }))
      .sort((a, b) => (a.at < b.at ? -1 : 1));
    expect(sorted[0]?.type).toBe('InteractionRecorded');
    expect(sorted.at(-1)?.type).toBe('LeadStatusChanged');
  });

  it('marks the history entries that open or close a lead', () => {
    const entries = entriesAfter(
      commands.opened,
      commands.changeStatus('qualified'),
      commands.assign('ana'),
      commands.lost,
      commands.secondInteraction,
    );
    const boundaries = entries.filter((row) => projectColumns(leadHistoryView, 'entries', row)['turns'] === 1);
    expect(boundaries.map(({ type, leadId, data }) => [type, leadId, (data as { to?: string }).to])).toEqual([
      ['LeadOpened', commands.leadId(1), undefined],
      ['LeadStatusChanged', commands.leadId(1), 'lost'],
      ['LeadOpened', commands.leadId(2), undefined],
    ]);
  });

  it('stores one entry for a broadcast message, at the time it was sent, including its receipts', () => {
    const read = newReceipt('read', '09:20');
    const beforeSend = newReceipt('sent', '09:10');
    const { events } = givenMessage(
      recordReceipts('bm-1', beforeSend),
      commands.at('09:00', recordSend()),
      recordReceipts('bm-1', read),
    );
    const entries = [...projectRows<EntryRow>(leadHistoryView, 'entries', events).values()];
    expect(entries).toMatchObject([
      {
        type: 'MessageSent',
        contactKey: commands.contactKey,
        leadId: null,
        occurredAt: commands.time('09:00'),
        data: { messageId: 'bm-1', receipts: [{ status: 'sent' }, { status: 'read' }] },
      },
    ]);
    expect(projectColumns(leadHistoryView, 'entries', entries[0]!)).toMatchObject({ shownOn: everyLead });
    const receipts = events.filter(({ type }) => type === 'ReceiptRecorded');
    expect(projectRows(leadHistoryView, 'entries', receipts).size).toBe(0);
  });

  it('summarizes every type of entry, and uses the type name for an event that has no entry', () => {
    expect(
      summariesAfter(
        commands.interaction({ kind: 'broadcast_reply' }),
        commands.interaction({ messageId: 'm-2', profile: { name: 'Contact One', email: 'one@example.test' } }),
        commands.interaction({ messageId: 'm-3', text: 'stop' }),
        commands.outbound(),
        commands.aiResult(40),
        commands.scoreByHand(70),
        commands.aiResult(50),
        commands.unpin(),
        commands.assign('ana'),
        commands.assign('ben'),
        commands.unassign(),
        commands.changeStatus('follow_up', { reason: 'Later' }),
        commands.changeStatus(null, { note: 'Hm' }),
        commands.createFollowUp(),
        commands.reschedule('18:00', { reason: 'Busy' }),
        commands.at('18:00', commands.remind('18:00')),
        commands.createFollowUp({ followUpId: 'f-2' }),
        commands.at('17:30', commands.remind('17:00', { followUpId: 'f-2' })),
        commands.completeFollowUp(),
        commands.cancelFollowUp({ followUpId: 'f-2', reason: 'Twice' }),
        commands.interaction({ messageId: 'm-4' }),
        commands.aiFailure({ readUpTo: commands.interactionId('m-4') }),
        commands.at('18:30', commands.lost),
        commands.aiResult(60),
        commands.at('18:40', commands.interaction({ messageId: 'm-5', occurredAt: commands.sentAt('18:10:00') })),
      ),
    ).toStrictEqual([
      'Contact registered',
      'Lead 1 opened (broadcast reply)',
      'Broadcast reply via whatsapp',
      'Profile changed: name, email',
      'Chat via whatsapp',
      'Opted out via whatsapp',
      'Message sent via whatsapp',
      'Status changed from new to contacted',
      'Scored 40 (ai)',
      'Score changed from 40 to 70 (manual)',
      'model-1 suggests a score of 50',
      'Score unpinned',
      'Assigned to Agent One',
      'Reassigned from Agent One to ben',
      'Unassigned from ben',
      'Status changed from contacted to follow up: Later',
      'Note on status follow up',
      `Follow-up due ${commands.time('17:00')} (unassigned)`,
      `Follow-up rescheduled from ${commands.time('17:00')} to ${commands.time('18:00')}: Busy`,
      `Reminder (unassigned): follow-up due ${commands.time('18:00')}`,
      `Follow-up due ${commands.time('17:00')} (unassigned)`,
      `Late reminder (unassigned): follow-up due ${commands.time('17:00')}`,
      'Follow-up completed',
      'Follow-up cancelled: Twice',
      'Chat via whatsapp',
      'Scoring by model-1 failed: it took too long',
      'Status changed from follow up to lost',
      'Score of 60 from model-1 dropped: lead inactive',
      'Late chat via whatsapp',
    ]);
    const [sent] = projectRows<EntryRow>(leadHistoryView, 'entries', givenMessage(recordSend()).events).values();
    expect(summarizeEvent('MessageSent', sent!.data, () => null)).toBe('Broadcast "Campaign One" via whatsapp: queued');
    expect(summarizeEvent('AgentRegistered', {}, () => null)).toBe('AgentRegistered');
  });

  it('summarizes the entries of a lead from its first message to its closing', () => {
    expect(
      summariesAfter(
        commands.opened,
        commands.assign('ana'),
        commands.scoreByHand(70),
        commands.createFollowUp({ followUpId: 'f-1', dueAt: commands.time('17:00') }),
        commands.changeStatus('lost', { reason: 'No budget' }),
      ),
    ).toStrictEqual([
      'Contact registered',
      'Lead 1 opened (chat)',
      'Chat via whatsapp',
      'Assigned to Agent One',
      'Scored 70 (manual)',
      `Follow-up due ${commands.time('17:00')} for Agent One`,
      'Status changed from new to lost: No budget',
      'Follow-up cancelled: the lead was closed',
    ]);
  });
});
