import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { leadList, type LeadRow } from './lead-list.projection.js';

const rowsAfter = (...steps: readonly ask.ContactStep[]): Map<string, LeadRow> =>
  projectRows<LeadRow>(leadList, 'leads', ask.given(...steps).events);
const rowAfter = (...steps: readonly ask.ContactStep[]): LeadRow => rowsAfter(...steps).get(ask.leadId(1))!;
const columnsAfter = (...steps: readonly ask.ContactStep[]): Record<string, unknown> =>
  projectColumns(leadList, 'leads', rowAfter(...steps));
const wordsAfter = (...steps: readonly ask.ContactStep[]): readonly string[] =>
  leadList.tables['leads']!.tokens!(rowAfter(...steps));

describe('The list of leads', () => {
  it('has a row per lead, which is the lead itself', () => {
    const story = [ask.opened, ask.assign('ana'), ask.createFollowUp(), ask.lost, ask.secondInteraction];
    const rows = rowsAfter(...story);
    expect([...rows.keys()]).toStrictEqual([ask.leadId(1), ask.leadId(2)]);
    expect(rows.get(ask.leadId(1))).toStrictEqual({ org: ask.org, lead: ask.foldedLead(ask.given(...story), 1) });
    expect(rows.get(ask.leadId(2))?.lead).toMatchObject({ ordinal: 2, previousLeadId: ask.leadId(1), status: 'new' });
  });

  it('shows a changed profile on all leads of the contact', () => {
    const renamed = ask.interaction({ messageId: 'm-3', profile: { name: 'Contact One' } });
    const rows = rowsAfter(ask.opened, ask.lost, ask.secondInteraction, renamed);
    expect([...rows.values()].map((it) => it.lead.contact.name)).toStrictEqual(['Contact One', 'Contact One']);
  });

  it('shows a changed profile on the newest leads where a contact has very many', () => {
    const { keys } = leadList.tables['leads']!;
    const changed = (leads: number) =>
      keys.ContactProfileChanged!({ data: { contactKey: 'c1', leads } } as RecordedEvent<'ContactProfileChanged'>);
    expect(changed(2)).toEqual(['c1-2', 'c1-1']);
    expect(changed(1_000)).toHaveLength(1_000);
    expect(changed(1_002)).toHaveLength(1_000);
    expect([changed(1_002)[0], changed(1_002).at(-1)]).toEqual(['c1-1002', 'c1-3']);
  });

  it('has a row from a lead’s opening on, and the same one after what changes nothing of it', () => {
    const { events } = ask.given(ask.opened, ask.lost);
    const rest = events.filter((it) => it.type !== 'LeadOpened');
    expect(projectRows(leadList, 'leads', rest).size).toBe(0);
    const row = rowAfter(ask.opened);
    const again = events.find((it) => it.type === 'LeadOpened')!;
    expect(leadList.tables['leads']!.evolve(row, again, ask.leadId(1))).toBe(row);
  });

  it('can be filtered and sorted by what a lead says', () => {
    const ana = ask.interaction({ profile: { name: 'Änne Ø' } });
    const story = [ana, ask.assign('ana'), ask.scoreByHand(70), ask.createFollowUp({ dueAt: ask.time('17:00') })];
    expect(columnsAfter(...story)).toMatchObject({
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
    expect(columnsAfter(...story, ask.changeStatus('archived'))).toMatchObject({
      status: 7,
      active: 0,
      nextFollowUpAt: null,
    });
  });

  it('leaves absent facts null, to be sorted last', () => {
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

  it('is searched by words of name and email, and by a phone from both ends', () => {
    const profile = { name: 'José Müller', email: 'jm@example.test', phone: '+1 555-0100' };
    const words = wordsAfter(ask.interaction({ profile }));
    expect(words).toEqual(expect.arrayContaining(['jose', 'muller', 'jm', 'example', '15550100']));
    expect(words.some((it) => it.endsWith('00105551'))).toBe(true);
    expect(wordsAfter(ask.opened)).toEqual([]);
    expect(wordsAfter(ask.interaction({ profile: { phone: '+1 555-0100' } }))).toHaveLength(2);
  });

  it('is sorted by names without case and accents', () =>
    expect(columnsAfter(ask.interaction({ profile: { name: 'Äñne Ø' } }))['name']).toBe('anne ø'));
});
