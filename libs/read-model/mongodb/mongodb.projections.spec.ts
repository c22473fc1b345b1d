import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position, RecordedEvent } from '#domain/event';
import { everyLead, leadHistoryView } from '#projections/lead-history/lead-history.projection';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import * as ask from '#test/support/given-when-then';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { ProjectionRunner, type EventFeed } from '../projection-runner.js';
import { SqliteViewStore } from '../sqlite/sqlite.view-store.js';
import { parseSearchWords } from '../tokens.js';
import type { Condition, RowQuery, ViewReader, ViewStore } from '../view-store.js';
import type { View } from '../view.js';
import { waitForPosition } from '../wait-for-position.js';
import { MongodbViewStore } from './mongodb.view-store.js';

const at = (n: number): Position => `p${String(n).padStart(6, '0')}`;

/** The same numbers each time. */
function chance(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return Math.floor((state / 2_147_483_647) * below);
  };
}

/** Several contacts' stories, told at once. */
function logOf(contacts: number): readonly RecordedEvent[] {
  const pick = chance(7);
  const stories = Array.from({ length: contacts }, (_, nth) => {
    const who = { contactKey: `c${nth}`, contactId: `contact-${nth}` };
    const lead = { leadId: `c${nth}-1` };
    const name = ['Änne Ø', 'anne b', 'Zoë \u{1F600}', '\uFFFDdd', '田中', 'Bob Annear'][pick(6)]!;
    const phone = pick(2) ? null : `+1555010${nth}`;
    const followUp = ask.createFollowUp({ ...lead, followUpId: `f${nth}`, dueAt: ask.time(`1${4 + pick(5)}:00`) });
    const steps = [
      pick(4) ? ask.interaction({ ...who, profile: { name, phone } }) : ask.createLead(who),
      ...(pick(2) ? [ask.assign(['ana', 'bo'][pick(2)]!, lead)] : []),
      ...(pick(2) ? [ask.scoreByHand(pick(4) * 25, lead)] : []),
      ...(pick(2) ? [followUp] : []),
      ...(pick(2) ? [ask.outbound({ ...lead, channel: 'whatsapp' })] : []),
      ...(pick(3) ? [] : [ask.changeStatus('lost', lead), ask.interaction({ ...who, messageId: 'm-9' })]),
      ask.interaction({ ...who, messageId: 'm-10', profile: { name: `${name} ${pick(3)}` } }),
    ];
    const org = `org-${1 + pick(2)}`;
    return ask.given(...steps).events.map((event): RecordedEvent => ({ ...event, org, id: `${nth}/${event.id}` }));
  });
  const told: RecordedEvent[] = [];
  for (let open = stories; open.length > 0; open = open.filter((story) => story.length > 0)) {
    const event = open[pick(open.length)]!.shift();
    if (event) told.push({ ...event, position: at(told.length + 1) });
  }
  return told;
}

const events = logOf(70);
const last = at(events.length);

/** Nothing at first, so that the view is built at once, and then every batch is saved. */
const feed: EventFeed = {
  start: at(0),
  head: async () => at(0),
  async *follow(after, { signal }) {
    for (let next = Number(after.slice(1)); next < events.length && !signal.aborted; next += 11) {
      const some = events.slice(next, next + 11);
      yield { events: some, position: some.at(-1)!.position };
    }
    if (!signal.aborted) await once(signal, 'abort');
  },
};

async function caughtUp(view: View, ...stores: readonly ViewStore[]): Promise<void> {
  const calling = new AbortController();
  const workers = stores.map((store) => new ProjectionRunner(view, store, feed, () => undefined).run(calling.signal));
  const arrivals = stores.map(async (store) => waitForPosition(await store.openForReading(view), last, 30_000));
  const arrived = await Promise.all(arrivals).finally(() => calling.abort());
  await Promise.all(workers);
  expect(arrived).toEqual(stores.map(() => true));
}

async function pages(reader: ViewReader, table: string, query: RowQuery): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (let after: RowQuery['after'], more = true; more;) {
    const page = await reader.find(table, { ...query, ...(after ? { after } : {}) });
    found.push(...page.rows);
    const end = page.rows.at(-1);
    if (end) after = { value: end.sortValue, key: end.key };
    more = page.hasMore;
  }
  return found;
}

describe('the projections in MongoDB', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const sqlite = new SqliteViewStore(folder, { readerThread: false });
  let server: FakeMongodbServer;
  let [one, other]: MongodbViewStore[] = [];
  beforeAll(async () => {
    server = await FakeMongodbServer.start();
    [one, other] = [new MongodbViewStore(server.url()), new MongodbViewStore(server.url())];
    for (const view of [leadListView, leadHistoryView]) await caughtUp(view, sqlite);
    // Two workers of each view, and trouble on the way.
    for (const when of ['before', 'after', 'before', 'after'] as const)
      server.injectFault('update', { disconnect: when });
    server.injectFault('find', { disconnect: 'after' });
    for (const view of [leadListView, leadHistoryView]) await caughtUp(view, one, other);
  });
  afterAll(async () => {
    await Promise.all([one!.close(), other!.close(), sqlite.close()]);
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const readers = async (view: View) => [await one!.openForReading(view), await sqlite.openForReading(view)] as const;

  /** All rows, as they are stored. */
  async function stored(store: ViewStore, view: View) {
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
    'holds in $name the same rows as SQLite, after all that trouble',
    async (view) => {
      expect(events.length).toBeGreaterThan(300);
      const rows = await stored(one!, view);
      expect(rows).toEqual(await stored(sqlite, view));
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
    'answers every filter and sort of the lead list as SQLite does, searched for %s',
    async (search) => {
      const [mongodb, its] = await readers(leadListView);
      const words = search === null ? {} : { words: parseSearchWords(search) };
      for (const where of filters) {
        expect(await mongodb.count('leads', { where, ...words })).toBe(await its.count('leads', { where, ...words }));
        for (const column of sorts)
          for (const descending of [false, true]) {
            const query = { where, ...words, sort: { column, descending }, limit: 20 };
            expect(await pages(mongodb, 'leads', query)).toEqual(await pages(its, 'leads', query));
          }
      }
    },
  );

  it('answers what happened to a lead or a contact as SQLite does', async () => {
    const [mongodb, its] = await readers(leadHistoryView);
    for (let nth = 0; nth < 20; nth++)
      for (const descending of [false, true])
        for (const part of [[], [{ column: 'shownOn', in: [`c${nth}-1`, everyLead] }]]) {
          const where = [{ column: 'contactKey', in: [`c${nth}`] }, ...part];
          const query = { where, sort: { column: 'at', descending }, limit: 3 };
          expect(await pages(mongodb, 'entries', query)).toEqual(await pages(its, 'entries', query));
        }
  });

  it('is the same again when it is wiped and built from the log', async () => {
    const before = await stored(one!, leadListView);
    await one!.wipe(leadListView);
    expect((await stored(one!, leadListView)).flat()).toEqual([]);
    await caughtUp(leadListView, other!);
    expect(await stored(one!, leadListView)).toEqual(before);
  });
});
