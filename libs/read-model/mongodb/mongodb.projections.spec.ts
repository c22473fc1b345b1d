import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { everyLead, leadHistoryView } from '#projections/lead-history/lead-history.projection';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import * as scenario from '#test/support/given-when-then';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { ProjectionRunner, type EventFeed } from '../projection-runner.js';
import { SqliteViewStore } from '../sqlite/sqlite.view-store.js';
import { parseSearchWords } from '../tokens.js';
import { type Condition, readPages, type RowQuery, type ViewReader, type ViewStore } from '../view-store.js';
import type { View } from '../view.js';
import { waitForPosition } from '../wait-for-position.js';
import { MongodbViewStore } from './mongodb.view-store.js';

const positionAt = (n: number): Position => `p${String(n).padStart(6, '0')}`;

/** Pseudo-random numbers, the same in each run. */
function createRandom(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return Math.floor((state / 2_147_483_647) * below);
  };
}

/** The events of several contacts, interleaved. */
function createLog(contactCount: number): readonly RecordedEvent[] {
  const random = createRandom(7);
  const histories = Array.from({ length: contactCount }, (_, index) => {
    const contact = { contactKey: `c${index}`, contactId: `contact-${index}` };
    const lead = { leadId: `c${index}-1` };
    const name = ['Änne Ø', 'anne b', 'Zoë \u{1F600}', '\uFFFDdd', '田中', 'Bob Annear'][random(6)]!;
    const phone = random(2) ? null : `+1555010${index}`;
    const followUp = scenario.createFollowUp({
      ...lead,
      followUpId: `f${index}`,
      dueAt: scenario.time(`1${4 + random(5)}:00`),
    });
    const steps = [
      random(4) ? scenario.interaction({ ...contact, profile: { name, phone } }) : scenario.createLead(contact),
      ...(random(2) ? [scenario.assign(['ana', 'bo'][random(2)]!, lead)] : []),
      ...(random(2) ? [scenario.scoreByHand(random(4) * 25, lead)] : []),
      ...(random(2) ? [followUp] : []),
      ...(random(2) ? [scenario.outbound({ ...lead, channel: 'whatsapp' })] : []),
      ...(random(3)
        ? []
        : [scenario.changeStatus('lost', lead), scenario.interaction({ ...contact, messageId: 'm-9' })]),
      scenario.interaction({ ...contact, messageId: 'm-10', profile: { name: `${name} ${random(3)}` } }),
    ];
    const org = `org-${1 + random(2)}`;
    return scenario
      .given(...steps)
      .events.map((event): RecordedEvent => ({ ...event, org, id: `${index}/${event.id}` }));
  });
  const log: RecordedEvent[] = [];
  for (let open = histories; open.length > 0; open = open.filter((history) => history.length > 0)) {
    const event = open[random(open.length)]!.shift();
    if (event) log.push({ ...event, position: positionAt(log.length + 1) });
  }
  return log;
}

const events = createLog(70);
const lastPosition = positionAt(events.length);

/** Reports that the log is empty, so that views are built at once and save every batch. */
const feed: EventFeed = {
  start: positionAt(0),
  head: async () => positionAt(0),
  async *follow(after, { signal }) {
    for (let next = Number(after.slice(1)); next < events.length && !signal.aborted; next += 11) {
      const batch = events.slice(next, next + 11);
      yield { events: batch, position: batch.at(-1)!.position };
    }
    if (!signal.aborted) await once(signal, 'abort');
  },
};

async function catchUp(view: View, ...stores: readonly ViewStore[]): Promise<void> {
  const abort = new AbortController();
  const runs = stores.map((store) => new ProjectionRunner(view, store, feed, () => undefined).run(abort.signal));
  const waits = stores.map(async (store) => waitForPosition(await store.openForReading(view), lastPosition, 30_000));
  const reached = await Promise.all(waits).finally(() => abort.abort());
  await Promise.all(runs);
  expect(reached).toEqual(stores.map(() => true));
}

async function findAll(reader: ViewReader, table: string, query: RowQuery): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for await (const { rows } of readPages(reader, table, query)) found.push(...rows);
  return found;
}

describe('projections in MongoDB', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const sqlite = new SqliteViewStore(folder, { readerThread: false });
  let server: FakeMongodbServer;
  let [mongodb, otherMongodb]: MongodbViewStore[] = [];
  beforeAll(async () => {
    server = await FakeMongodbServer.start();
    [mongodb, otherMongodb] = [new MongodbViewStore(server.url()), new MongodbViewStore(server.url())];
    for (const view of [leadListView, leadHistoryView]) await catchUp(view, sqlite);
    // Two workers for each view, and connections that fail meanwhile.
    for (const when of ['before', 'after', 'before', 'after'] as const)
      server.injectFault('update', { disconnect: when });
    server.injectFault('find', { disconnect: 'after' });
    for (const view of [leadListView, leadHistoryView]) await catchUp(view, mongodb, otherMongodb);
  });
  afterAll(async () => {
    await Promise.all([mongodb!.close(), otherMongodb!.close(), sqlite.close()]);
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const openReaders = async (view: View) =>
    [await mongodb!.openForReading(view), await sqlite.openForReading(view)] as const;

  /** All stored rows of each table. */
  async function loadAll(store: ViewStore, view: View) {
    const writer = await store.openForWriting(view);
    const keys = new Set(
      events.flatMap((event) => [event.id, event.position, `${(event.data as { leadId?: string }).leadId}`, `c1-2`]),
    );
    const tables = Object.keys(view.tables).map(async (table) => [...(await writer.load(table, [...keys]))].toSorted());
    const all = await Promise.all(tables);
    await writer.close();
    return all;
  }

  it.each([leadListView, leadHistoryView])(
    'MongoDB stores the same rows of $name as SQLite, although connections failed',
    async (view) => {
      expect(events.length).toBeGreaterThan(300);
      const rows = await loadAll(mongodb!, view);
      expect(rows).toEqual(await loadAll(sqlite, view));
      expect(rows.flat().length).toBeGreaterThan(70);
    },
  );

  const org = { column: 'org', in: ['org-1'] };
  const filters: readonly (readonly Condition[])[] = [
    [org],
    [org, { column: 'active', in: [1] }],
    [org, { column: 'agentId', in: ['ana', null] }],
    [org, { column: 'status', in: [0, 2, 7] }],
    [org, { column: 'score', from: 25, to: 75 }],
    [org, { column: 'channel', in: ['whatsapp'] }, { column: 'nextFollowUpAt', notNull: true }],
    [{ column: 'org', in: ['org-1', 'org-2'] }],
  ];
  const sorts = ['createdAt', 'lastInteractionAt', 'score', 'name', 'status', 'nextFollowUpAt'];
  it.each([null, 'ann', 'anne', '中', '0105', 'b an', 'nobody'])(
    'MongoDB returns the same leads as SQLite for every filter and sort order, with the search text %s',
    async (search) => {
      const [mongodbReader, sqliteReader] = await openReaders(leadListView);
      const words = search === null ? {} : { words: parseSearchWords(search) };
      for (const where of filters) {
        const filter = { where, ...words };
        expect(await mongodbReader.count('leads', filter)).toBe(await sqliteReader.count('leads', filter));
        for (const column of sorts)
          for (const descending of [false, true]) {
            const query = { ...filter, sort: { column, descending }, limit: 20 };
            expect(await findAll(mongodbReader, 'leads', query)).toEqual(await findAll(sqliteReader, 'leads', query));
          }
      }
    },
  );

  it('MongoDB returns the same history of a lead or a contact as SQLite', async () => {
    const [mongodbReader, sqliteReader] = await openReaders(leadHistoryView);
    for (let index = 0; index < 20; index++)
      for (const descending of [false, true])
        for (const filter of [[], [{ column: 'shownOn', in: [`c${index}-1`, everyLead] }]]) {
          const where = [{ column: 'contactKey', in: [`c${index}`] }, ...filter];
          const query = { where, sort: { column: 'at', descending }, limit: 3 };
          expect(await findAll(mongodbReader, 'entries', query)).toEqual(await findAll(sqliteReader, 'entries', query));
        }
  });

  it('MongoDB has the same rows after a view was wiped and rebuilt from the log', async () => {
    const before = await loadAll(mongodb!, leadListView);
    await mongodb!.wipe(leadListView);
    expect((await loadAll(mongodb!, leadListView)).flat()).toEqual([]);
    await catchUp(leadListView, otherMongodb!);
    expect(await loadAll(mongodb!, leadListView)).toEqual(before);
  });
});
