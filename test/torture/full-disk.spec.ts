import { describe, expect, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setupApp, type ApiResponse } from '../support/app.js';
import { isEmbedded } from '../support/engines.js';
import {
  getAllLeads,
  getContactHistory,
  expectSuccess,
  interactionBody,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

/**
 * A disk on which nothing can be written any more, played by the operating system's limit on the size of files: it can be set
 * and lifted while the process runs.
 */
// Linux has it. Elsewhere, and where the log is a server with a disk of its own, this is shown as skipped.
const canLimit = spawnSync('prlimit', ['--version']).status === 0;
const limit = (pid: number, bytes: number | 'unlimited'): void =>
  void execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:unlimited`]);

(isEmbedded.log && canLimit ? describe : describe.skip)('with a full disk', () => {
  const app = setupApp();
  const ask = (body: object, key: string): Promise<ApiResponse> =>
    app.post('/v1/interactions', body, { 'idempotency-key': key });

  test('nothing is acknowledged that is not kept, reading goes on, and all goes on by itself afterwards', async () => {
    const contacts = Array.from({ length: 20 }, () => uniqueId('contact'));
    const asked: { body: { contactId: string }; key: string; answer: ApiResponse }[] = [];
    const sendAll = () =>
      Promise.all(
        contacts.map(async (contactId) => {
          const [body, key] = [interactionBody({ contactId }), uniqueId('key')];
          asked.push({ body, key, answer: await ask(body, key) });
        }),
      );
    for (let round = 0; round < 3; round++) {
      await sendAll();
      const { position: before } = await postInteraction(app);
      const list = await getAllLeads(app, { after: before });

      limit(app.pid!, 512);
      const from = asked.length;
      await sendAll();
      await sendAll();
      for (const { answer } of asked.slice(from)) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(await getAllLeads(app)).toEqual(list);
      limit(app.pid!, 'unlimited');

      // Under their keys: what was refused is done now, and what was done is not done again.
      for (const it of asked) {
        const again = await ask(it.body, it.key);
        expect(again.status).toBeLessThan(300);
        if (it.answer.status < 300) expect([again.status, again.text]).toEqual([it.answer.status, it.answer.text]);
        it.answer = again;
      }
    }
    const { position: after } = await postInteraction(app);
    for (const contactId of contacts) {
      const told = await getContactHistory(app, contactId, { after, type: 'InteractionRecorded' });
      const messages = asked.filter((it) => it.body.contactId === contactId);
      expect(told.map((it) => it.id).toSorted()).toEqual(messages.map((it) => it.answer.body.interactionId).toSorted());
    }
    expect((await app.get('/readyz')).status).toBe(200);
  });
});

// The superuser may write everywhere, so under it there is nothing to be tried, and this is shown as skipped.
(isEmbedded.log && process.getuid?.() !== 0 ? describe : describe.skip)(
  'with a data folder that became read-only',
  () => {
    const app = setupApp();
    const allow = (writing: boolean): void => {
      for (const name of readdirSync(app.dataDir)) chmodSync(join(app.dataDir, name), writing ? 0o755 : 0o555);
      chmodSync(app.dataDir, writing ? 0o755 : 0o555);
    };

    test('it says so, and what was there is there when it may write again', async () => {
      const { leadId } = await postInteraction(app);
      await app.stop();
      allow(false);
      try {
        const { code, output } = await app.startExpectingExit();
        expect(code).toBe(1);
        expect(output).toMatch(/read-only|permission/);
      } finally {
        allow(true);
      }
      await app.start();
      expect(expectSuccess(await app.get(`/v1/leads/${leadId}`))).toMatchObject({ id: leadId });
    });
  },
);
