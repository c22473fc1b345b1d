import { describe, expect, it } from '@jest/globals';
import { time } from '#test/support/given-when-then';
import { leadExportDecider, type RecordExport } from './export.decide.js';

const context = {
  now: time('09:00'),
  backdated: false,
  actor: { type: 'agent', id: 'ana' },
  policy: {},
  stableId: () => 'id',
} as never;
const data = {
  exportId: 'e-1',
  scope: 'all',
  format: 'csv',
  columns: ['id', 'name'],
  timeZone: 'UTC',
  sort: '-createdAt',
  filter: [{ name: 'status', value: 'new,lost' }],
  position: 'p7',
  count: 3,
} as const;
const command: RecordExport = { type: 'RecordExport', ...data, q: 'ana', contactId: null };

describe('Export', () => {
  it('an export is recorded with its personal filter values in the personal part', () =>
    expect(leadExportDecider.decide(command, leadExportDecider.initialState, context)).toStrictEqual([
      { type: 'LeadsExported', data, personal: { q: 'ana', contactId: null } },
    ]));

  it('an export is recorded once', () => {
    const state = leadExportDecider.evolve(leadExportDecider.initialState, { type: 'LeadsExported' } as never);
    expect(leadExportDecider.decide(command, state, context)).toEqual([]);
  });

  it('the fold of an export ignores unknown events', () =>
    expect(leadExportDecider.evolve(leadExportDecider.initialState, { type: 'SomethingElse' } as never)).toBe(
      leadExportDecider.initialState,
    ));
});
