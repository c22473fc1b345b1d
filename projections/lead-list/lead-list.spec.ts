import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import { affectedKeys, applyEvent } from '#read-model/view-fold';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as commands from '#test/support/given-when-then';
import { leadListView, type LeadRow } from './lead-list.projection.js';

const leads = leadListView.tables['leads']!;
const rowsAfter = (...steps: readonly commands.ContactStep[]): Map<string, LeadRow> =>
  projectRows<LeadRow>(leadListView, 'leads', commands.given(...steps).events);
const rowAfter = (...steps: readonly commands.ContactStep[]): LeadRow => rowsAfter(...steps).get(commands.leadId(1))!;
const columnsAfter = (...steps: readonly commands.ContactStep[]): Record<string, unknown> =>
  projectColumns(leadListView, 'leads', rowAfter(...steps));
const tokensAfter = (...steps: readonly commands.ContactStep[]): readonly string[] => leads.tokens!(rowAfter(...steps));

describe('Lead list view', () => {
  it('stores a row for each lead, equal to the fold of the lead', () => {
    const steps = [
      commands.opened,
      commands.assign('ana'),
      commands.createFollowUp(),
      commands.lost,
      commands.secondInteraction,
    ];
    const rows = rowsAfter(...steps);
    expect([...rows.keys()]).toStrictEqual([commands.leadId(1), commands.leadId(2)]);
    expect(rows.get(commands.leadId(1))).toStrictEqual({
      org: commands.org,
      lead: commands.foldedLead(commands.given(...steps), 1),
    });
    expect(rows.get(commands.leadId(2))?.lead).toMatchObject({
      ordinal: 2,
      previousLeadId: commands.leadId(1),
      status: 'new',
    });
  });

  it('shows a changed profile on all leads of the contact', () => {
    const renamed = commands.interaction({ messageId: 'm-3', profile: { name: 'Contact One' } });
    const rows = rowsAfter(commands.opened, commands.lost, commands.secondInteraction, renamed);
    expect([...rows.values()].map(({ lead }) => lead.contact.name)).toStrictEqual(['Contact One', 'Contact One']);
  });

  it('shows a changed profile on only the newest 1,000 leads of a contact', () => {
    const keysAfterChange = (leadCount: number) =>
      affectedKeys(leads, {
        type: 'ContactProfileChanged',
        data: { contactKey: 'c1', leads: leadCount },
      } as RecordedEvent<'ContactProfileChanged'>);
    expect(keysAfterChange(2)).toEqual(['c1-2', 'c1-1']);
    expect(keysAfterChange(1_000)).toHaveLength(1_000);
    expect(keysAfterChange(1_002)).toHaveLength(1_000);
    expect([keysAfterChange(1_002)[0], keysAfterChange(1_002).at(-1)]).toEqual(['c1-1002', 'c1-3']);
  });

  it('stores no row for a lead if LeadOpened is missing, and returns the same row for an event that changes nothing', () => {
    const { events } = commands.given(commands.opened, commands.lost);
    const withoutOpening = events.filter((event) => event.type !== 'LeadOpened');
    expect(projectRows(leadListView, 'leads', withoutOpening).size).toBe(0);
    const row = rowAfter(commands.opened);
    const repeated = events.find((event) => event.type === 'LeadOpened')!;
    expect(applyEvent(leads, row, repeated, commands.leadId(1))).toBe(row);
  });

  it('stores the columns by which leads are filtered and sorted', () => {
    const firstMessage = commands.interaction({ profile: { name: 'Änne Ø' } });
    const followUp = commands.createFollowUp({ dueAt: commands.time('17:00') });
    const steps = [firstMessage, commands.assign('ana'), commands.scoreByHand(70), followUp];
    expect(columnsAfter(...steps)).toMatchObject({
      org: commands.org,
      status: 0,
      active: 1,
      agentId: 'ana',
      contactId: 'contact-1',
      channel: 'whatsapp',
      origin: 'chat',
      score: 70,
      nextFollowUpAt: commands.time('17:00'),
    });
    expect(columnsAfter(...steps, commands.changeStatus('archived'))).toMatchObject({
      status: 7,
      active: 0,
      nextFollowUpAt: null,
    });
  });

  it('stores null in the columns of missing values, so that they sort last', () => {
    expect(columnsAfter(commands.createLead())).toMatchObject({
      agentId: null,
      channel: null,
      campaignId: null,
      score: null,
      name: null,
      lastInteractionAt: null,
      nextFollowUpAt: null,
    });
  });

  it('stores search tokens for the words of name and email, and for the phone number from both ends', () => {
    const profile = { name: 'José Müller', email: 'jm@example.test', phone: '+1 555-0100' };
    const tokens = tokensAfter(commands.interaction({ profile }));
    expect(tokens).toEqual(expect.arrayContaining(['jose', 'muller', 'jm', 'example', '15550100']));
    expect(tokens.some((token) => token.endsWith('00105551'))).toBe(true);
    expect(tokensAfter(commands.opened)).toEqual([]);
    expect(tokensAfter(commands.interaction({ profile: { phone: '+1 555-0100' } }))).toHaveLength(2);
  });

  it('ignores case and accents when sorting leads by name', () =>
    expect(columnsAfter(commands.interaction({ profile: { name: 'Äñne Ø' } }))['name']).toBe('anne ø'));
});
