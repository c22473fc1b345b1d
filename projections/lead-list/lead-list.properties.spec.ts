import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { projectRows } from '#test/support/project-rows';
import { createRandom, randomContactHistory } from '#test/support/random-contact-history';
import { leadEvents } from '../event-families.js';
import { leadListView, type LeadRow } from './lead-list.projection.js';

const historyOf = (seed: number) => randomContactHistory(1, createRandom(seed));

it('the rows of the lead list equal the leads in the fold of the contact after any history', () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 - 2 }), (seed) => {
      const { events, state } = historyOf(seed);
      const rows = projectRows<LeadRow>(leadListView, 'leads', events);
      const leads = state.known ? state.leads : [];
      expect([...rows].map(([key, { lead }]) => [key, lead])).toStrictEqual(leads.map((lead) => [lead.id, lead]));
    }),
    { numRuns: 150 },
  ));

it('the random histories used to test the lead list contain every event type that changes a lead', () => {
  const types = new Set(Array.from({ length: 150 }, (_, index) => historyOf(index + 1).events).flat().map(({ type }) => type)); // prettier-ignore
  expect([...types]).toEqual(expect.arrayContaining([...leadEvents, 'ContactProfileChanged']));
});
