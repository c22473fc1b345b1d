import { describe, expect, it } from '@jest/globals';
import { given, time } from '#test/support/given-when-then';
import { leadExportDecider, type RecordExport } from './export.decide.js';

const circumstances = {
  now: time('09:00'),
  backdated: false,
  actor: { type: 'agent', id: 'ana' },
  policy: {},
  idOf: () => 'id',
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
void given;

describe('An export', () => {
  it('is on record, what is personal of it apart', () =>
    expect(leadExportDecider.decide(command, leadExportDecider.initialState, circumstances)).toStrictEqual([
      { type: 'LeadsExported', data, personal: { q: 'ana', contactId: null } },
    ]));

  it('is recorded once', () => {
    const state = leadExportDecider.evolve(leadExportDecider.initialState, { type: 'LeadsExported' } as never);
    expect(leadExportDecider.decide(command, state, circumstances)).toEqual([]);
  });

  it('skips what it does not know', () =>
    expect(leadExportDecider.evolve(leadExportDecider.initialState, { type: 'SomethingElse' } as never)).toBe(
      leadExportDecider.initialState,
    ));
});
