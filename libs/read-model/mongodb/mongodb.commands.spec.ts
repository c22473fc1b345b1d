import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listAgents } from '#projections/agents/agents.query';
import { agentsView } from '#projections/agents/agents.projection';
import { listBroadcasts } from '#projections/campaigns/campaigns.query';
import { campaignsView } from '#projections/campaigns/campaigns.projection';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { countLeads } from '#projections/lead-list/lead-list.query';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { createBroadcast, givenBroadcast } from '#test/support/given-message';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog } from '#test/support/view-harness';
import { InMemoryLog } from '../in-memory-log.fixture.js';
import { ProjectionRunner } from '../projection-runner.js';
import type { Condition } from '../view-store.js';
import type { View } from '../view.js';
import { waitForPosition } from '../wait-for-position.js';
import { MongodbViewStore } from './mongodb.view-store.js';
import { mongodbSchemaOf } from './schema.js';

const ids = Array.from({ length: 60 }, (_, index) => `id-${index}`);
const log = mergeIntoLog(
  ...ids.map((agentId) => commands.givenAgent(commands.registerAgent({ agentId })).events),
  ...ids.map((broadcastId) => givenBroadcast(createBroadcast({ broadcastId })).events),
);

describe('a page of a list in MongoDB', () => {
  let server: FakeMongodbServer;
  let store: MongodbViewStore;
  beforeAll(async () => {
    server = await FakeMongodbServer.start();
    store = new MongodbViewStore(server.url());
    const feed = new InMemoryLog(50);
    feed.events.push(...log);
    const abort = new AbortController();
    const built = [agentsView, campaignsView, leadListView];
    const runs = built.map((view) => new ProjectionRunner(view, store, feed, () => undefined).run(abort.signal));
    for (const view of built) await waitForPosition(await store.openForReading(view), log.at(-1)!.position, 60_000);
    abort.abort();
    await Promise.all(runs);
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
  });

  const countCommands = async (read: () => Promise<unknown>): Promise<number> => {
    const before = server.receivedCommands.length;
    await read();
    return server.receivedCommands.length - before;
  };

  it.each([10, 50, 200])('of %i agents takes at most 6 commands', async (limit) => {
    const reader = await store.openForReading(agentsView);
    let found = 0;
    const read = async () => (found = (await listAgents(reader, commands.org, null, { limit })).items.length);
    expect(await countCommands(read)).toBeLessThanOrEqual(6);
    expect(found).toBe(Math.min(limit, ids.length));
  });

  it.each([10, 50, 200])('of %i broadcasts takes at most 6 commands', async (limit) => {
    const reader = await store.openForReading(campaignsView);
    let found = 0;
    const read = async () => (found = (await listBroadcasts(reader, commands.org, { limit })).items.length);
    expect(await countCommands(read)).toBeLessThanOrEqual(6);
    expect(found).toBe(Math.min(limit, ids.length));
  });

  /** Whether one index contains all columns, so that no row has to be read. */
  const isCovered = (view: View, table: string, columns: readonly string[]): boolean =>
    mongodbSchemaOf(view).tables[table]!.indexes.some(({ key }) => columns.every((column) => column in key));

  type Pipeline = readonly [{ readonly $match: object }, { readonly $group: object }];

  /** The columns that the next aggregation names. */
  const columnsOfNextAggregation = async (read: () => Promise<unknown>): Promise<readonly string[]> => {
    let pipeline: Pipeline | undefined;
    const only = (command: object): boolean => {
      pipeline = (command as { readonly pipeline: Pipeline }).pipeline;
      return true;
    };
    server.injectFault('aggregate', { delayUntil: Promise.resolve(), only });
    await read();
    const [{ $match }, { $group }] = pipeline!;
    const grouped = [...JSON.stringify($group).matchAll(/:"\$(\w+)"/g)].map(([, column]) => column!);
    const filtered = ($match as { readonly $and: readonly object[] }).$and.flatMap((clause) => Object.keys(clause));
    return [...new Set([...filtered, ...grouped])];
  };

  it.each<[string, ...Condition[]]>([
    ['of one status', { column: 'status', in: [0] }],
    ['of several statuses', { column: 'status', in: [0, 1] }],
    ['that are lost', { column: 'status', in: [7] }],
    ['that are active', { column: 'active', in: [1] }],
    ['that are closed', { column: 'active', in: [0] }],
    ['that are active and assigned to one agent', { column: 'active', in: [1] }, { column: 'agentId', in: ['ana'] }],
    ['with an overdue follow-up', { column: 'nextFollowUpAt', to: '2026' }],
  ])('a count of leads %s is answered by an index alone', async (_, ...where) => {
    const reader = await store.openForReading(leadListView);
    const columns = await columnsOfNextAggregation(() => countLeads(reader, commands.org, { where, search: null }));
    expect([columns, isCovered(leadListView, 'leads', columns)]).toEqual([columns, true]);
  });

  it('the numbers on a page of agents or broadcasts are answered by an index alone', async () => {
    const agents = await store.openForReading(agentsView);
    const leads = await columnsOfNextAggregation(() => listAgents(agents, commands.org, null, { limit: 9 }));
    expect([leads, isCovered(agentsView, 'leads', leads)]).toEqual([leads, true]);
    const broadcasts = await store.openForReading(campaignsView);
    const recipients = await columnsOfNextAggregation(() => listBroadcasts(broadcasts, commands.org, { limit: 9 }));
    expect([recipients, isCovered(campaignsView, 'recipients', recipients)]).toEqual([recipients, true]);
  });
});
