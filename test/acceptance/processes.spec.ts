import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App, type LeadPage } from '../support/app.js';
import { onShared } from '../support/engines.js';
import { readEveryPage } from '../support/sample-log.js';
import {
  getAllLeads,
  getContactHistory,
  interactionBody,
  openLead,
  retryWhileUnavailable,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

/** Two processes of each app, on one log and one storage of views, as behind a balancer that sends every request elsewhere. */
onShared(describe)('two processes of each app', () => {
  const commands = new App({}, 'command-api');
  const all: App[] = [commands];
  let other: App;
  let queries: readonly [App, App];
  let workers: readonly [App, App];

  beforeAll(async () => {
    await commands.start();
    const shared = await commands.env();
    other = new App(shared, 'command-api');
    queries = [new App(shared, 'query-api'), new App(shared, 'query-api')];
    workers = [new App(shared, 'worker'), new App(shared, 'worker')];
    all.push(other, ...queries, ...workers);
    await Promise.all([other, ...workers].map((it) => it.start()));
    await Promise.all(queries.map((it) => it.start()));
  });
  afterAll(async () => {
    for (const app of all.toReversed()) await app.dispose();
  });

  const keyed = () => ({ 'idempotency-key': uniqueId('key') });

  test('a key that one command-api has answered is known to the other', async () => {
    const [body, key] = [interactionBody(), keyed()];
    const first = await commands.post('/v1/interactions', body, key);
    const again = await other.post('/v1/interactions', body, key);
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const reused = await other.post('/v1/interactions', interactionBody(), key);
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  test('what both are asked at once under one key is done once', async () => {
    const { id, version } = await openLead(commands);
    for (let nth = 0; nth < 10; nth++) {
      const [body, key] = [{ qualificationScore: nth }, keyed()];
      const answers = await Promise.all(
        [commands, other, commands, other].map((app) => app.post(`/v1/leads/${id}/status`, body, key)),
      );
      const told = answers.filter(({ status }) => status === 200);
      // The others heard that it is under way.
      for (const it of answers) expect([200, 409]).toContain(it.status);
      expect(new Set(told.map(({ text }) => text)).size).toBe(1);
      expect(told[0]!.body.version).toBe(version + 1 + nth);
    }
  });

  test('each goes on with what the other has written, also on the same contact at once', async () => {
    const contactId = uniqueId('contact');
    const said = await Promise.all(
      Array.from({ length: 12 }, (_, nth) => postInteraction(nth % 2 ? commands : other, { contactId })),
    );
    expect(said.filter((it) => it.leadCreated)).toHaveLength(1);
    expect(new Set(said.map((it) => it.leadId)).size).toBe(1);
    const [{ leadId }] = said as [(typeof said)[number]];
    const { version } = await postStatus(commands, leadId, 'contacted');
    expect((await postStatus(other, leadId, 'qualified')).version).toBe(version + 1);
    const etag = { 'if-match': `"${version}"` };
    expect((await commands.post(`/v1/leads/${leadId}/status`, { status: 'lost' }, etag)).status).toBe(412);
  });

  test('a position that any of them gave is understood by every query-api', async () => {
    for (const app of [commands, other]) {
      const { leadId, position: after } = await postInteraction(app);
      for (const query of queries) {
        const { status, headers } = await query.get(`/v1/leads/${leadId}`, { after, wait: 30_000 });
        expect(status).toBe(200);
        expect(headers.get('x-position')! >= after).toBe(true);
      }
    }
  });

  test('a page that one query-api began the other one goes on with', async () => {
    const contactIds = await Promise.all(
      [commands, other, commands].map(async (app) => (await openLead(app)).contactId),
    );
    const after = [commands.latestPosition!, other.latestPosition!].toSorted()[1]!;
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let nth = 0; nth === 0 || cursor !== null; nth++) {
      const { body } = await retryWhileUnavailable(() =>
        queries[nth % 2]!.get<LeadPage>('/v1/leads', { limit: 2, after, cursor }),
      );
      seen.push(...body.items.map((it) => it.contactId));
      ({ nextCursor: cursor } = body);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(contactIds));
  });

  test('workers killed one after another under load: each time the other goes on, nothing is lost or applied twice', async () => {
    const words: string[] = [];
    const contacts = Array.from({ length: 12 }, () => uniqueId('contact'));
    const write = async (app: App): Promise<void> => {
      const text = uniqueId('word');
      const body = interactionBody({ contactId: contacts[words.length % contacts.length], text });
      words.push(text);
      expect(
        (await retryWhileUnavailable(() => app.post('/v1/interactions', body, { 'idempotency-key': text }))).status,
      ).toBe(201);
    };
    for (const worker of workers) {
      const load = [commands, other, commands, other].map(async (app) => {
        for (let nth = 0; nth < 12; nth++) await write(app);
      });
      await postInteraction(commands);
      await worker.kill();
      await Promise.all(load);
      const { leadId, position: after } = await postInteraction(commands);
      expect(
        (await retryWhileUnavailable(() => queries[0].get(`/v1/leads/${leadId}`, { after, wait: 30_000 }))).status,
      ).toBe(200);
      await worker.start();
    }
    const { position: after } = await postInteraction(commands);
    const texts: (string | undefined)[] = [];
    for (const id of contacts)
      texts.push(
        ...(await getContactHistory(queries[0], id, { after })).map(({ data }) => (data as { text?: string }).text),
      );
    expect(texts.filter((text) => text?.startsWith('word-')).toSorted()).toEqual(words.toSorted());

    const told = await readEveryPage(queries[0], after);
    const readers = [...workers, ...queries];
    await Promise.all(readers.map((it) => it.stop()));
    await commands.wipeViews();
    await Promise.all(readers.map((it) => it.start()));
    expect(await readEveryPage(queries[1], after)).toEqual(told);
    expect((await getAllLeads(queries[0], { after })).length).toBeGreaterThan(6);
  }, 240_000);
});
