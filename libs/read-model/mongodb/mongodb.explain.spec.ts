import { describe, expect, it } from '@jest/globals';
import { views } from '#projections/index';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { type Condition, type RowQuery, ViewsUnavailable } from '../view-store.js';
import type { View } from '../view.js';
import type { StoredDocument } from './connection.js';
import { createTestDatabase, externalServerUrl } from './database.fixture.js';
import { MongodbViewStore } from './mongodb.view-store.js';
import { toSegments } from './query.js';
import { collectionName, mongodbSchemaOf } from './schema.js';

const org: Condition = { column: 'org', in: ['a'] };
const after = { value: '2026', key: 'k' };
const asked: readonly (readonly [what: string, query: Pick<RowQuery, 'where' | 'after'>, sort: string])[] = [
  ...['createdAt', 'updatedAt', 'lastInteractionAt', 'score', 'name', 'status', 'nextFollowUpAt'].flatMap((sort) => [
    [`all by ${sort}`, { where: [org] }, sort] as const,
    [`the active ones by ${sort}`, { where: [org, { column: 'active', in: [1] }] }, sort] as const,
  ]),
  ...['status', 'agentId', 'contactId', 'channel', 'origin', 'campaignId'].map(
    (column) => [`those of a ${column}`, { where: [org, { column, in: ['x'] }] }, 'createdAt'] as const,
  ),
  ['those of several agents', { where: [org, { column: 'agentId', in: ['x', 'y'] }] }, 'createdAt'],
  ['those behind a row', { where: [org], after }, 'createdAt'],
  ['those behind a row without a value', { where: [org], after: { ...after, value: null } }, 'name'],
];

/** Plans are told by real servers alone, and not by every one that speaks the protocol: elsewhere this is shown as skipped. */
async function explains(): Promise<boolean> {
  if (!externalServerUrl) return false;
  const { database, remove } = await createTestDatabase(externalServerUrl);
  const notFound = 59;
  const told = await database
    .collection('any')
    .find({})
    .explain('queryPlanner')
    .then(
      () => true,
      (error: { code?: number }) => {
        if (error.code === notFound) return false;
        throw error;
      },
    );
  await remove();
  return told;
}

/** What an index is declared for: a list by one value of each of its columns, in its order, from the front or from behind a row. */
const declared = (
  view: View,
): readonly (readonly [table: string, query: Pick<RowQuery, 'where' | 'after'>, sort: string])[] =>
  Object.entries(view.tables).flatMap(([table, { indexes }]) =>
    indexes.flatMap(({ prefix: equal, sort, where = {} }) => {
      if (sort === undefined) return [];
      const all: readonly Condition[] = [
        ...equal.map((column) => ({ column, in: ['x'] })),
        ...Object.entries(where).map(([column, value]) => ({ column, in: [value] })),
      ];
      return [undefined, after, { ...after, value: null }].map((behind) => {
        return [table, { where: all, ...(behind ? { after: behind } : {}) }, sort] as const;
      });
    }),
  );

((await explains()) ? describe : describe.skip)('list queries at TEST_MONGODB_URL', () => {
  it.each(views.map((view) => [view.name, view] as const))(
    'of %s are answered from an index, in its order',
    async (_, view) => {
      const { database, url, remove } = await createTestDatabase(externalServerUrl!);
      const store = new MongodbViewStore(url);
      await (await store.openForWriting(view)).finishBuild();
      const lists = [
        ...declared(view),
        ...(view === leadListView ? asked.map(([, query, sort]) => ['leads', query, sort] as const) : []),
      ];
      const bad: string[] = [];
      for (const [name, query, column] of lists)
        for (const descending of [false, true]) {
          const table = mongodbSchemaOf(view).tables[name]!;
          const rows = database.collection<StoredDocument>(
            collectionName(`${view.name}.v${view.version}.g000001`, table),
          );
          for (const { filter, sort } of toSegments(table, { ...query, sort: { column, descending }, limit: 50 })) {
            const { queryPlanner } = await rows.find(filter, { sort, limit: 51 }).explain('queryPlanner');
            const plan = JSON.stringify((queryPlanner as { winningPlan: object }).winningPlan);
            if (/"stage":"(COLLSCAN|SORT)"/.test(plan) || !plan.includes('"IXSCAN"'))
              bad.push(`${name} ${JSON.stringify(filter)}: ${plan}`);
          }
        }
      await store.close();
      await remove();
      expect(bad).toEqual([]);
    },
  );
});

describe('the server played for the acceptance suite', () => {
  const view: View = {
    name: 'things',
    version: 1,
    tables: {
      things: {
        on: {},
        columns: { org: () => 'a', rank: () => 1, weight: () => 1 },
        indexes: [{ prefix: ['org'], sort: 'rank' }],
      },
    },
  };
  const heavy: Condition = { column: 'weight', from: 1 };

  it.each([
    ['a list in the order of an index', [org, heavy], 'rank', true],
    ['a list in the order of none', [org], 'weight', false],
    ['a list without what its index begins with', [heavy], 'rank', false],
  ])('answers %s: %p by %s, %p', async (_, where, column, answered) => {
    const server = await FakeMongodbServer.start({ scans: false });
    const store = new MongodbViewStore(server.url());
    const writer = await store.openForWriting(view);
    await writer.finishBuild();
    const reader = await store.openForReading(view);
    const found = reader.find('things', { where, sort: { column, descending: true }, limit: 9 });
    if (answered) expect(await found).toMatchObject({ rows: [] });
    else await expect(found).rejects.toThrow(ViewsUnavailable);
    await store.close();
    await server.stop();
  });

  it('counts by an index alone', async () => {
    const server = await FakeMongodbServer.start({ scans: false });
    const store = new MongodbViewStore(server.url());
    await (await store.openForWriting(view)).finishBuild();
    const reader = await store.openForReading(view);
    expect(await reader.count('things', { where: [org, heavy] })).toBe(0);
    await expect(reader.count('things', { where: [heavy] })).rejects.toThrow(/no index answers/);
    await store.close();
    await server.stop();
  });
});
