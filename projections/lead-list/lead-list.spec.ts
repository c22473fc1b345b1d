import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import { affectedKeys, applyEvent } from '#read-model/view-fold';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { leadListView, type LeadRow } from './lead-list.projection.js';

const leads = leadListView.tables['leads']!;
const rowsAfter = (...steps: readonly ask.ContactStep[]): Map<string, LeadRow> =>
  projectRows<LeadRow>(leadListView, 'leads', ask.given(...steps).events);
const rowAfter = (...steps: readonly ask.ContactStep[]): LeadRow => rowsAfter(...steps).get(ask.leadId(1))!;
const columnsAfter = (...steps: readonly ask.ContactStep[]): Record<string, unknown> =>
  projectColumns(leadListView, 'leads', rowAfter(...steps));
const tokensAfter = (...steps: readonly ask.ContactStep[]): readonly string[] => leads.tokens!(rowAfter(...steps));

describe('The lead list', () => {
  it('has a row for each lead, which holds the lead as its fold does', () => {
    const steps = [ask.opened, ask.assign('ana'), ask.createFollowUp(), ask.lost, ask.secondInteraction];
    const rows = rowsAfter(...steps);
    expect([...rows.keys()]).toStrictEqual([ask.leadId(1), ask.leadId(2)]);
    expect(rows.get(ask.leadId(1))).toStrictEqual({ org: ask.org, lead: ask.foldedLead(ask.given(...steps), 1) });
    expect(rows.get(ask.leadId(2))?.lead).toMatchObject({ ordinal: 2, previousLeadId: ask.leadId(1), status: 'new' });
  });

  it('shows a changed profile on all leads of the contact', () => {
    const renamed = ask.interaction({ messageId: 'm-3', profile: { name: 'Contact One' } });
    const rows = rowsAfter(ask.opened, ask.lost, ask.secondInteraction, renamed);
    expect([...rows.values()].map(({ lead }) => lead.contact.name)).toStrictEqual(['Contact One', 'Contact One']);
  });

  it('shows a changed profile on the newest 1,000 leads of a contact that has more', () => {
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

  it('has no row for a lead without LeadOpened, and returns the same row for an event that changes nothing', () => {
    const { events } = ask.given(ask.opened, ask.lost);
    const withoutOpening = events.filter((event) => event.type !== 'LeadOpened');
    expect(projectRows(leadListView, 'leads', withoutOpening).size).toBe(0);
    const row = rowAfter(ask.opened);
    const repeated = events.find((event) => event.type === 'LeadOpened')!;
    expect(applyEvent(leads, row, repeated, ask.leadId(1))).toBe(row);
  });

  it('has columns for what leads are filtered and sorted by', () => {
    const firstMessage = ask.interaction({ profile: { name: 'Änne Ø' } });
    const followUp = ask.createFollowUp({ dueAt: ask.time('17:00') });
    const steps = [firstMessage, ask.assign('ana'), ask.scoreByHand(70), followUp];
    expect(columnsAfter(...steps)).toMatchObject({
      org: ask.org,
      status: 0,
      active: 1,
      agentId: 'ana',
      contactId: 'contact-1',
      channel: 'whatsapp',
      origin: 'chat',
      score: 70,
      nextFollowUpAt: ask.time('17:00'),
    });
    expect(columnsAfter(...steps, ask.changeStatus('archived'))).toMatchObject({
      status: 7,
      active: 0,
      nextFollowUpAt: null,
    });
  });

  it('leaves the columns of absent facts null, so that they sort last', () => {
    expect(columnsAfter(ask.createLead())).toMatchObject({
      agentId: null,
      channel: null,
      campaignId: null,
      score: null,
      name: null,
      lastInteractionAt: null,
      nextFollowUpAt: null,
    });
  });

  it('has search tokens for the words of name and email, and for the phone from both ends', () => {
    const profile = { name: 'José Müller', email: 'jm@example.test', phone: '+1 555-0100' };
    const tokens = tokensAfter(ask.interaction({ profile }));
    expect(tokens).toEqual(expect.arrayContaining(['jose', 'muller', 'jm', 'example', '15550100']));
    expect(tokens.some((token) => token.endsWith('00105551'))).toBe(true);
    expect(tokensAfter(ask.opened)).toEqual([]);
    expect(tokensAfter(ask.interaction({ profile: { phone: '+1 555-0100' } }))).toHaveLength(2);
  });

  it('sorts names without regard to case and accents', () =>
    expect(columnsAfter(ask.interaction({ profile: { name: 'Äñne Ø' } }))['name']).toBe('anne ø'));
});
