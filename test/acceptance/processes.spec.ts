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

/** Two processes of each app on the same log and views, as behind a load balancer that alternates between them. */
onShared(describe)('two processes of each app', () => {
  const commands = new App({}, 'command-api');
  const all: App[] = [commands];
  let otherCommands: App;
  let queries: readonly [App, App];
  let workers: readonly [App, App];

  beforeAll(async () => {
    await commands.start();
    const shared = await commands.env();
    otherCommands = new App(shared, 'command-api');
    queries = [new App(shared, 'query-api'), new App(shared, 'query-api')];
    workers = [new App(shared, 'worker'), new App(shared, 'worker')];
    all.push(otherCommands, ...queries, ...workers);
    await Promise.all([otherCommands, ...workers].map((app) => app.start()));
    await Promise.all(queries.map((query) => query.start()));
  });
  afterAll(async () => {
    for (const app of all.toReversed()) await app.dispose();
  });

  const newKey = () => ({ 'idempotency-key': uniqueId('key') });

  test('a command-api replays responses that another one has stored under idempotency keys', async () => {
    const [body, key] = [interactionBody(), newKey()];
    const first = await commands.post('/v1/interactions', body, key);
    const again = await otherCommands.post('/v1/interactions', body, key);
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const reused = await otherCommands.post('/v1/interactions', interactionBody(), key);
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  test('concurrent commands with one key at both command-apis are carried out once', async () => {
    const { id, version } = await openLead(commands);
    for (let score = 0; score < 10; score++) {
      const [body, key] = [{ qualificationScore: score }, newKey()];
      const responses = await Promise.all(
        [commands, otherCommands, commands, otherCommands].map((app) => app.post(`/v1/leads/${id}/status`, body, key)),
      );
      const successes = responses.filter(({ status }) => status === 200);
      // The others got a 409, because the command was in flight.
      for (const { status } of responses) expect([200, 409]).toContain(status);
      expect(new Set(successes.map(({ text }) => text)).size).toBe(1);
      expect(successes[0]!.body.version).toBe(version + 1 + score);
    }
  });

  test('each command-api decides on the events that the other has written, even concurrently on one contact', async () => {
    const contactId = uniqueId('contact');
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) => postInteraction(index % 2 ? commands : otherCommands, { contactId })),
    );
    expect(results.filter(({ leadCreated }) => leadCreated)).toHaveLength(1);
    expect(new Set(results.map(({ leadId }) => leadId)).size).toBe(1);
    const [{ leadId }] = results as [(typeof results)[number]];
    const { version } = await postStatus(commands, leadId, 'contacted');
    expect((await postStatus(otherCommands, leadId, 'qualified')).version).toBe(version + 1);
    const etag = { 'if-match': `"${version}"` };
    expect((await commands.post(`/v1/leads/${leadId}/status`, { status: 'lost' }, etag)).status).toBe(412);
  });

  test('every query-api accepts the positions of every command-api', async () => {
    for (const app of [commands, otherCommands]) {
      const { leadId, position: after } = await postInteraction(app);
      for (const query of queries) {
        const { status, headers } = await query.get(`/v1/leads/${leadId}`, { after, wait: 30_000 });
        expect(status).toBe(200);
        expect(headers.get('x-position')! >= after).toBe(true);
      }
    }
  });

  test('a query-api accepts cursors of another one', async () => {
    const contactIds = await Promise.all(
      [commands, otherCommands, commands].map(async (app) => (await openLead(app)).contactId),
    );
    const after = [commands.latestPosition!, otherCommands.latestPosition!].toSorted()[1]!;
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page === 0 || cursor !== null; page++) {
      const { body } = await retryWhileUnavailable(() =>
        queries[page % 2]!.get<LeadPage>('/v1/leads', { limit: 2, after, cursor }),
      );
      seen.push(...body.items.map((lead) => lead.contactId));
      ({ nextCursor: cursor } = body);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(contactIds));
  });

  test('after each kill of a worker under load the other continues, and every event is applied exactly once', async () => {
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
      const load = [commands, otherCommands, commands, otherCommands].map(async (app) => {
        for (let count = 0; count < 12; count++) await write(app);
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

    const before = await readEveryPage(queries[0], after);
    const readers = [...workers, ...queries];
    await Promise.all(readers.map((reader) => reader.stop()));
    await commands.wipeViews();
    await Promise.all(readers.map((reader) => reader.start()));
    expect(await readEveryPage(queries[1], after)).toEqual(before);
    expect((await getAllLeads(queries[0], { after })).length).toBeGreaterThan(6);
  }, 240_000);
});
