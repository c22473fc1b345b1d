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

// A full disk is simulated by the operating system's limit on file sizes, which can be set and lifted while the process runs.
// Only Linux has prlimit. Elsewhere, and if the log is on a server with its own disk, these tests are reported as skipped.
const canLimit = spawnSync('prlimit', ['--version']).status === 0;
const limitFileSize = (pid: number, bytes: number | 'unlimited'): void => {
  execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:unlimited`]);
};

(isEmbedded.log && canLimit ? describe : describe.skip)('a full disk', () => {
  const app = setupApp();
  const postWithKey = (body: object, key: string): Promise<ApiResponse> =>
    app.post('/v1/interactions', body, { 'idempotency-key': key });

  test('on a full disk the app acknowledges only what is stored, serves reads, and recovers when there is room', async () => {
    const contacts = Array.from({ length: 20 }, () => uniqueId('contact'));
    const requests: { body: { contactId: string }; key: string; response: ApiResponse }[] = [];
    const postForEveryContact = () =>
      Promise.all(
        contacts.map(async (contactId) => {
          const body = interactionBody({ contactId });
          const key = uniqueId('key');
          requests.push({ body, key, response: await postWithKey(body, key) });
        }),
      );
    for (let round = 0; round < 3; round++) {
      await postForEveryContact();
      const { position: before } = await postInteraction(app);
      const leads = await getAllLeads(app, { after: before });

      limitFileSize(app.pid!, 512);
      const firstWhileFull = requests.length;
      await postForEveryContact();
      await postForEveryContact();
      for (const { response } of requests.slice(firstWhileFull)) {
        expect(response).toMatchObject({ status: 503, body: { code: 'unavailable' } });
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(await getAllLeads(app)).toEqual(leads);
      limitFileSize(app.pid!, 'unlimited');

      // Repeats all requests under their keys. A rejected request succeeds now, and one that had succeeded is not carried out again.
      for (const request of requests) {
        const { response } = request;
        const repeated = await postWithKey(request.body, request.key);
        expect(repeated.status).toBeLessThan(300);
        if (response.status < 300) expect([repeated.status, repeated.text]).toEqual([response.status, response.text]);
        request.response = repeated;
      }
    }
    const { position: after } = await postInteraction(app);
    for (const contactId of contacts) {
      const history = await getContactHistory(app, contactId, { after, type: 'InteractionRecorded' });
      const sent = requests.filter(({ body }) => body.contactId === contactId);
      expect(history.map(({ id }) => id).toSorted()).toEqual(
        sent.map(({ response }) => response.body.interactionId).toSorted(),
      );
    }
    expect((await app.get('/readyz')).status).toBe(200);
  });
});

// Root can write to every folder, so under root this is reported as skipped.
(isEmbedded.log && process.getuid?.() !== 0 ? describe : describe.skip)('a read-only data folder', () => {
  const app = setupApp();
  const setWritable = (isWritable: boolean): void => {
    for (const name of readdirSync(app.dataDir)) chmodSync(join(app.dataDir, name), isWritable ? 0o755 : 0o555);
    chmodSync(app.dataDir, isWritable ? 0o755 : 0o555);
  };

  test('on a read-only data folder the app exits with the reason, and has all its data when it is writable again', async () => {
    const { leadId } = await postInteraction(app);
    await app.stop();
    setWritable(false);
    try {
      const { code, output } = await app.startExpectingExit();
      expect(code).toBe(1);
      expect(output).toMatch(/read-only|permission/);
    } finally {
      setWritable(true);
    }
    await app.start();
    expect(expectSuccess(await app.get(`/v1/leads/${leadId}`))).toMatchObject({ id: leadId });
  });
});
