import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import {
  agentEvents,
  broadcastEvents,
  bulkEvents,
  contactEvents,
  exportEvents,
  leadEvents,
  messageEvents,
} from '#projections/event-families';
import { affectedKeys, applyEvent } from './view-fold.js';
import { defineTable, defineView } from './view.js';

interface BlockCount {
  readonly blocks: number;
}

const base = { columns: {}, indexes: [] };

const counts = defineTable<BlockCount>()({
  on: {
    BulkRequested: { key: ({ data }) => data.bulkId, apply: () => ({ blocks: 0 }) },
    BulkItemsDone: {
      key: ({ org, data }) => [data.bulkId, org],
      apply: (row, event, key) => ({ blocks: (row?.blocks ?? 0) + event.data.block + key.length }),
    },
  },
  ...base,
});

const event = (type: RecordedEvent['type']) =>
  ({ type, org: 'o', data: { bulkId: 'bulk-1', block: 2 } }) as unknown as RecordedEvent;

const otherBulkEvents = [
  'BulkTargeted',
  'BulkItemsChecked',
  'BulkRetried',
  'BulkCancelled',
  'BulkCompleted',
  'BulkFailed',
] as const;
const otherFamilies = [...contactEvents, ...leadEvents, ...agentEvents, ...broadcastEvents, ...messageEvents] as const;
const named = { name: 'counts', version: 1 };

describe('affectedKeys', () => {
  it('returns the keys that the handler of the event returns', () => {
    expect(affectedKeys(counts, event('BulkRequested'))).toEqual(['bulk-1']);
    expect(affectedKeys(counts, event('BulkItemsDone'))).toEqual(['bulk-1', 'o']);
  });

  it('returns no affected keys for an event that the table does not handle', () =>
    expect(affectedKeys(counts, event('BulkFailed'))).toEqual([]));
});

describe('applyEvent', () => {
  it('applies an event by returning the row that its handler returns', () =>
    expect(applyEvent(counts, { blocks: 1 }, event('BulkItemsDone'), 'o')).toEqual({ blocks: 4 }));

  it('returns the same row for an event that the table does not handle', () => {
    const row = { blocks: 1 };
    expect(applyEvent(counts, row, event('BulkFailed'), 'bulk-1')).toBe(row);
    expect(applyEvent(counts, undefined, event('BulkFailed'), 'bulk-1')).toBeUndefined();
  });
});

/* The compiler checks these tests: it reports a line after @ts-expect-error that compiles. */
describe('defineView', () => {
  it('a view definition compiles if every event is handled or ignored', () => {
    const view = defineView({
      ...named,
      tables: { counts },
      ignores: [...otherBulkEvents, ...otherFamilies, ...exportEvents],
    });
    expect(view.ignores).toContain('LeadsExported');
  });

  it('a view definition does not compile if an event is neither handled nor ignored', () => {
    // @ts-expect-error LeadsExported is neither handled nor ignored.
    const view = defineView({ ...named, tables: { counts }, ignores: [...otherBulkEvents, ...otherFamilies] });
    expect(view.ignores).not.toContain('LeadsExported');
  });

  it('a view definition does not compile if an event is both handled and ignored', () => {
    const ignores = [...otherBulkEvents, 'BulkRequested', ...otherFamilies, ...exportEvents] as const;
    // @ts-expect-error BulkRequested is both handled and ignored.
    expect(defineView({ ...named, tables: { counts }, ignores }).ignores).toContain('BulkRequested');
  });

  it('a view definition does not compile if a family with a handled event is ignored', () => {
    const ignores = [...bulkEvents, ...otherFamilies, ...exportEvents] as const;
    // @ts-expect-error BulkRequested and BulkItemsDone are both handled and ignored.
    expect(defineView({ ...named, tables: { counts }, ignores }).ignores).toContain('BulkItemsDone');
  });

  it('a view definition does not compile if an event is ignored twice', () => {
    const ignores = [...otherBulkEvents, 'LeadOpened', ...otherFamilies, ...exportEvents] as const;
    // @ts-expect-error LeadOpened is ignored twice.
    expect(defineView({ ...named, tables: { counts }, ignores }).ignores).toContain('LeadOpened');
  });

  it('a view definition does not compile if an unknown event is ignored', () => {
    const ignores = [...otherBulkEvents, ...otherFamilies, ...exportEvents, 'BulkPaused'] as const;
    // @ts-expect-error There is no event BulkPaused.
    expect(defineView({ ...named, tables: { counts }, ignores }).ignores).toContain('BulkPaused');
  });
});

describe('defineTable', () => {
  it('each handler of a table receives an event of its own type', () => {
    const table = defineTable<BlockCount>()({
      // @ts-expect-error BulkRequested has no block.
      on: { BulkRequested: { key: (event) => `${event.data.block}`, apply: (row) => row } },
      ...base,
    });
    expect(affectedKeys(table, event('BulkRequested'))).toEqual(['2']);
  });

  it('a table definition does not compile with a handler for an unknown event', () => {
    const handler = { key: () => 'a', apply: () => undefined };
    // @ts-expect-error There is no event BulkPaused.
    const table = defineTable<BlockCount>()({ on: { BulkPaused: handler }, ...base });
    expect(affectedKeys(table, event('BulkRequested'))).toEqual([]);
  });

  it('a table definition does not compile without a handler for each event of the fold that its rows mirror', () => {
    const table = defineTable<BlockCount, 'BulkRequested' | 'BulkFailed'>()({
      // @ts-expect-error BulkFailed has no handler.
      on: { BulkRequested: { key: ({ data }) => data.bulkId, apply: (row) => row } },
      ...base,
    });
    expect(affectedKeys(table, event('BulkFailed'))).toEqual([]);
  });
});
