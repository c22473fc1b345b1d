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
const leadQueries: readonly (readonly [description: string, query: Pick<RowQuery, 'where' | 'after'>, sort: string])[] =
  [
    ...['createdAt', 'updatedAt', 'lastInteractionAt', 'score', 'name', 'status', 'nextFollowUpAt'].flatMap((sort) => [
      [`all leads by ${sort}`, { where: [org] }, sort] as const,
      [`active leads by ${sort}`, { where: [org, { column: 'active', in: [1] }] }, sort] as const,
    ]),
    ...['status', 'agentId', 'contactId', 'channel', 'origin', 'campaignId'].map(
      (column) => [`leads of one ${column}`, { where: [org, { column, in: ['x'] }] }, 'createdAt'] as const,
    ),
    ['leads of several agents', { where: [org, { column: 'agentId', in: ['x', 'y'] }] }, 'createdAt'],
    ['leads after a cursor', { where: [org], after }, 'createdAt'],
    ['leads after a cursor without a value', { where: [org], after: { ...after, value: null } }, 'name'],
  ];

/** Only some servers with the MongoDB protocol explain plans. Without such a server, the tests are reported as skipped. */
async function canExplain(): Promise<boolean> {
  if (!externalServerUrl) return false;
  const { database, remove } = await createTestDatabase(externalServerUrl);
  const unknownCommand = 59;
  const isExplained = await database
    .collection('any')
    .find({})
    .explain('queryPlanner')
    .then(
      () => true,
      (error: { code?: number }) => {
        if (error.code === unknownCommand) return false;
        throw error;
      },
    );
  await remove();
  return isExplained;
}

/** A query for each index: one value for each prefix column, in sort order, from the start or after a cursor. */
const indexedQueries = (
  view: View,
): readonly (readonly [table: string, query: Pick<RowQuery, 'where' | 'after'>, sort: string])[] =>
  Object.entries(view.tables).flatMap(([table, { indexes }]) =>
    indexes.flatMap(({ prefix, sort, where = {} }) => {
      if (sort === undefined) return [];
      const conditions: readonly Condition[] = [
        ...prefix.map((column) => ({ column, in: ['x'] })),
        ...Object.entries(where).map(([column, value]) => ({ column, in: [value] })),
      ];
      return [undefined, after, { ...after, value: null }].map((cursor) => {
        return [table, { where: conditions, ...(cursor ? { after: cursor } : {}) }, sort] as const;
      });
    }),
  );

((await canExplain()) ? describe : describe.skip)('list queries in MongoDB at TEST_MONGODB_URL', () => {
  it.each(views.map((view) => [view.name, view] as const))(
    'list queries on the view %s read an index in order, without a collection scan or a sort',
    async (_, view) => {
      const { database, url, remove } = await createTestDatabase(externalServerUrl!);
      const store = new MongodbViewStore(url);
      await (await store.openForWriting(view)).finishBuild();
      const queries = [
        ...indexedQueries(view),
        ...(view === leadListView ? leadQueries.map(([, query, sort]) => ['leads', query, sort] as const) : []),
      ];
      const slowPlans: string[] = [];
      for (const [name, query, column] of queries)
        for (const descending of [false, true]) {
          const table = mongodbSchemaOf(view).tables[name]!;
          const rows = database.collection<StoredDocument>(
            collectionName(`${view.name}.v${view.version}.g000001`, table),
          );
          for (const { filter, sort } of toSegments(table, { ...query, sort: { column, descending }, limit: 50 })) {
            const { queryPlanner } = await rows.find(filter, { sort, limit: 51 }).explain('queryPlanner');
            const plan = JSON.stringify((queryPlanner as { winningPlan: object }).winningPlan);
            if (/"stage":"(COLLSCAN|SORT)"/.test(plan) || !plan.includes('"IXSCAN"'))
              slowPlans.push(`${name} ${JSON.stringify(filter)}: ${plan}`);
          }
        }
      await store.close();
      await remove();
      expect(slowPlans).toEqual([]);
    },
  );
});

describe('FakeMongodbServer without scans', () => {
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
    ['accepts a list in the order of an index', [org, heavy], 'rank', true],
    ['rejects a list in another order', [org], 'weight', false],
    ['rejects a list without a condition on the first column of its index', [heavy], 'rank', false],
  ])('the fake MongoDB server %s: %p by %s', async (_, where, column, isAccepted) => {
    const server = await FakeMongodbServer.start({ scans: false });
    const store = new MongodbViewStore(server.url());
    const writer = await store.openForWriting(view);
    await writer.finishBuild();
    const reader = await store.openForReading(view);
    const page = reader.find('things', { where, sort: { column, descending: true }, limit: 9 });
    if (isAccepted) expect(await page).toMatchObject({ rows: [] });
    else await expect(page).rejects.toThrow(ViewsUnavailable);
    await store.close();
    await server.stop();
  });

  it('the fake MongoDB server accepts a count only with a condition on the first column of an index', async () => {
    const server = await FakeMongodbServer.start({ scans: false });
    const store = new MongodbViewStore(server.url());
    await (await store.openForWriting(view)).finishBuild();
    const reader = await store.openForReading(view);
    expect(await reader.count('things', { where: [org, heavy] })).toBe(0);
    await expect(reader.count('things', { where: [heavy] })).rejects.toThrow(/no suitable index for/);
    await store.close();
    await server.stop();
  });
});
