import { describe, expect, it } from '@jest/globals';
import { leadList } from '#projections/lead-list/lead-list.projection';
import type { Condition, Query } from '../view-store.js';
import type { Doc } from './connection.js';
import { freshDatabase, realServer } from './database.fixture.js';
import { MongodbViewStore } from './mongodb.view-store.js';
import { segmentsOf } from './query.js';
import { collectionOf, shapeOf } from './schema.js';

const org: Condition = { column: 'org', in: ['a'] };
const after = { value: '2026', key: 'k' };
const asked: readonly (readonly [what: string, query: Pick<Query, 'where' | 'after'>, sort: string])[] = [
  ...['createdAt', 'updatedAt', 'score', 'name', 'status', 'nextFollowUpAt'].flatMap((sort) => [
    [`all by ${sort}`, { where: [org] }, sort] as const,
    [`the active ones by ${sort}`, { where: [org, { column: 'active', in: [1] }] }, sort] as const,
  ]),
  ...['status', 'agentId', 'channel', 'origin'].map(
    (column) => [`those of a ${column}`, { where: [org, { column, in: ['x'] }] }, 'createdAt'] as const,
  ),
  ['those of several agents', { where: [org, { column: 'agentId', in: ['x', 'y'] }] }, 'createdAt'],
  ['those behind a row', { where: [org], after }, 'createdAt'],
  ['those behind a row without a value', { where: [org], after: { ...after, value: null } }, 'name'],
];

/** Plans are told by real servers alone, and not by every one that speaks the protocol: elsewhere this is shown as skipped. */
async function explains(): Promise<boolean> {
  if (!realServer) return false;
  const { database, remove } = await freshDatabase(realServer);
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

((await explains()) ? describe : describe.skip)('list queries at TEST_MONGODB_URL', () => {
  it('are answered from an index, in its order', async () => {
    const { database, url, remove } = await freshDatabase(realServer!);
    const store = new MongodbViewStore(url);
    await (await store.openForWriting(leadList)).build();
    const table = shapeOf(leadList).tables['leads']!;
    const rows = database.collection<Doc>(collectionOf(`lead-list.v${leadList.version}.g000001`, table));
    const bad: string[] = [];
    for (const [what, query, column] of asked)
      for (const descending of [false, true])
        for (const { filter, sort } of segmentsOf(table, { ...query, sort: { column, descending }, limit: 50 })) {
          const { queryPlanner } = await rows.find(filter, { sort, limit: 51 }).explain('queryPlanner');
          const plan = JSON.stringify((queryPlanner as { winningPlan: object }).winningPlan);
          if (/"stage":"(COLLSCAN|SORT)"/.test(plan) || !plan.includes('"IXSCAN"')) bad.push(`${what}: ${plan}`);
        }
    await store.close();
    await remove();
    expect(bad).toEqual([]);
  });
});
