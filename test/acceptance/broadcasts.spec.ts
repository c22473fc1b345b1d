import { describe, expect, test } from '@jest/globals';
import type { BroadcastResource } from '#projections/campaigns/campaigns.query';
import { setupApp } from '../support/app.js';
import {
  postBroadcast,
  postMessage,
  getBroadcast,
  broadcastBody,
  campaign,
  getDeliveries,
  batchOutcomes,
  receiptBody,
  postReceipts,
  getRecipients,
  postMessages,
  template,
} from '../support/broadcast-steps.js';
import {
  getAllItems,
  getLead,
  idempotencyKey,
  inHours,
  inMinutes,
  openLead,
  postInteraction,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();
const create = (overrides: object = {}) =>
  app.call<{ broadcast: BroadcastResource; position: string; code: string; errors: { field: string }[] }>(
    'POST',
    '/v1/broadcasts',
    broadcastBody(overrides),
  );

describe('a broadcast', () => {
  test('creating a broadcast returns it with its campaign and template, and it can be read', async () => {
    const { status, headers, body } = await create({ id: 'first' });
    const expected = {
      id: 'first',
      name: 'Spring, first round',
      channel: 'whatsapp',
      campaign,
      template,
      createdAt: expect.any(String) as unknown,
      counters: { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 },
    };
    expect([status, headers.get('location'), headers.get('etag')]).toEqual([201, '/v1/broadcasts/first', '"1"']);
    expect(body).toEqual({ broadcast: expected, changed: true, version: 1, position: expect.any(String) as unknown });
    expect(await getBroadcast(app, 'first', body.position)).toEqual(body.broadcast);
  });

  test('a broadcast without an id gets one, and omitted template fields are null', async () => {
    const { body } = await create({ id: undefined, template: { name: 'plain', language: 'pt_BR' } });
    expect(body.broadcast).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      template: { name: 'plain', language: 'pt_BR', category: null, body: null },
    });
  });

  test('creating a second broadcast with the same id is rejected', async () => {
    const id = await postBroadcast(app);
    expect(await create({ id, name: 'Another' })).toMatchObject({ status: 409, body: { code: 'broadcast_exists' } });
  });

  test.each<[string, object]>([
    ['name', { name: '' }],
    ['channel', { channel: 'pigeon' }],
    ['campaign', { campaign: 'spring' }],
    ['campaign.id', { campaign: { name: 'Spring' } }],
    ['template.language', { template: { name: 'plain' } }],
    ['counters', { counters: {} }],
  ])('a broadcast with an invalid %s is rejected, naming the field', async (field, overrides) =>
    expect(await create(overrides)).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', errors: [{ field }] },
    }),
  );

  test('reading or adding to an unknown broadcast returns not_found', async () => {
    for (const path of ['/v1/broadcasts/unknown', '/v1/broadcasts/unknown/recipients'])
      expect(await app.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await postMessages(app, 'unknown', [{ contactId: 'c', messageId: 'm' }])).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  test('broadcasts are listed newest first across pages', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) ids.unshift(await postBroadcast(app));
    const { position: after } = await postInteraction(app);
    const listed = await getAllItems<BroadcastResource>(app, '/v1/broadcasts', { limit: 2, after });
    expect(listed.map((broadcast) => broadcast.id).slice(0, 5)).toEqual(ids);
    expect(new Set(listed.map((broadcast) => broadcast.id)).size).toBe(listed.length);
  });
});

describe('a batch of messages', () => {
  const message = (overrides: object = {}) => ({
    contactId: uniqueId('contact'),
    messageId: uniqueId('bm'),
    ...overrides,
  });

  test('messages of a batch are recorded, and reported as duplicates when sent again', async () => {
    const id = await postBroadcast(app);
    const batch = [message(), message(), message()];
    const first = await postMessages(app, id, batch);
    expect(first).toMatchObject({
      status: 200,
      body: { results: batch.map((_, index) => ({ index, outcome: 'recorded' })) },
    });
    expect(first.headers.get('x-position')).toBe(first.body.position);
    const second = await postMessages(app, id, [...batch, message()]);
    expect(batchOutcomes(second)).toEqual([...batch.map(() => 'duplicate'), 'recorded']);
    expect(await getRecipients(app, id, { after: second.body.position })).toHaveLength(4);
  });

  test('a batch with invalid messages records the valid ones and names the invalid ones', async () => {
    const id = await postBroadcast(app);
    const existing = await postMessage(app);
    const response = await postMessages(app, id, [
      message(),
      message({ contactId: '' }),
      message({ sentAt: inMinutes(6) }),
      message({ messageId: 'x'.repeat(129) }),
      message({ attempt: 0 }),
      'nothing',
      { ...existing, broadcastId: undefined },
      message({ template: 'other' }),
      message(),
    ]);
    expect(response.status).toBe(207);
    expect(response.body.results.map((result) => ('code' in result ? result.code : result.outcome))).toEqual([
      'recorded',
      'validation_failed',
      'validation_failed',
      'validation_failed',
      'validation_failed',
      'not_object',
      'message_exists',
      'validation_failed',
      'recorded',
    ]);
    expect(response.body.results.map((result) => result.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(response.body.results[3]).toMatchObject({ detail: expect.stringContaining('messageId') as unknown });
    expect(await getRecipients(app, id, { after: response.body.position })).toHaveLength(2);
  });

  test('a batch without a valid message is rejected with the reason for each', async () => {
    const id = await postBroadcast(app);
    const response = await postMessages(app, id, [message({ messageId: '' }), 7]);
    expect(response).toMatchObject({
      status: 422,
      body: {
        code: 'validation_failed',
        results: [
          { index: 0, outcome: 'invalid' },
          { index: 1, outcome: 'invalid' },
        ],
      },
    });
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });

  test('a batch may have 1 to 1,000 messages', async () => {
    const id = await postBroadcast(app);
    for (const batch of [[], Array.from({ length: 1_001 }, () => message())])
      expect(await postMessages(app, id, batch)).toMatchObject({
        status: 422,
        body: { errors: [{ field: 'messages' }] },
      });
    const maxBatch = Array.from({ length: 1_000 }, () => message());
    const key = idempotencyKey();
    expect(new Set(batchOutcomes(await postMessages(app, id, maxBatch, key)))).toEqual(new Set(['recorded']));
    expect(await getBroadcast(app, id, (await postInteraction(app)).position)).toMatchObject({
      counters: { recipients: 1_000 },
    });
  }, 240_000);

  test('a batch repeated under its idempotency key gets the stored response', async () => {
    const id = await postBroadcast(app);
    const batch = [message(), message({ messageId: '' })];
    const key = idempotencyKey();
    const [first, again] = [await postMessages(app, id, batch, key), await postMessages(app, id, batch, key)];
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await postMessages(app, id, [message()], key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
  });

  test('messages to one recipient are numbered as its attempts, also when sent concurrently', async () => {
    const id = await postBroadcast(app);
    const contactId = uniqueId('contact');
    const batch = Array.from({ length: 4 }, () => message({ contactId }));
    await Promise.all([
      postMessages(app, id, batch.slice(0, 2)),
      postMessages(app, id, [batch[2]!]),
      postMessages(app, id, [batch[3]!]),
    ]);
    const [recipient, ...others] = await getRecipients(app, id, { after: (await postInteraction(app)).position });
    expect(others).toEqual([]);
    expect(recipient).toMatchObject({ contactId, state: 'queued', repliedLeadId: null });
    expect(recipient?.attempts.map((attempt) => attempt.attempt).toSorted()).toEqual([1, 2, 3, 4]);
  });
});

describe('a broadcast message', () => {
  test('a broadcast message shows in the delivery timeline with its campaign and template', async () => {
    const parameters = ['Sample', { size: 'M' }];
    const { contactId, messageId, broadcastId } = await postMessage(app, { parameters });
    expect(await getDeliveries(app, contactId)).toEqual([
      {
        messageId,
        broadcastId,
        campaign,
        template: { name: 'spring_offer', language: 'en', category: 'marketing' },
        channel: 'whatsapp',
        attempt: 1,
        parameters,
        state: 'queued',
        milestones: {
          queuedAt: null,
          sentAt: null,
          deliveredAt: null,
          deliveredImplied: false,
          readAt: null,
          failedAt: null,
        },
        conflict: false,
        error: null,
        timeline: [],
      },
    ]);
  });

  test('a broadcast message shows on every lead of its contact, including closed and later ones', async () => {
    const { id: first, contactId } = await openLead(app);
    await postStatus(app, first, 'lost');
    const { messageId } = await postMessage(app, { contactId });
    const { leadId: second, position: after } = await postInteraction(app, { contactId });
    for (const leadId of [first, second])
      expect(await getAllItems(app, `/v1/leads/${leadId}/broadcasts`, { after })).toMatchObject([{ messageId }]);
    expect(await app.get('/v1/leads/unknown-1/broadcasts')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('broadcast messages of a lead are listed newest first across pages', async () => {
    const contactId = uniqueId('contact');
    const sent: string[] = [];
    for (const hours of [-5, -3, -4, -1, -2])
      sent[-hours - 1] = (await postMessage(app, { contactId, sentAt: inHours(hours) })).messageId;
    const { leadId, position: after } = await postInteraction(app, { contactId });
    const listed = await getAllItems<{ messageId: string }>(app, `/v1/leads/${leadId}/broadcasts`, { after, limit: 2 });
    expect(listed.map((message) => message.messageId)).toEqual(sent);
  });
});

describe('a broadcast reply', () => {
  const originOf = async (interaction: object) => {
    const { lead } = await postInteraction(app, interaction);
    return lead.origin;
  };

  test('a reply that names a message is attributed exactly to its broadcast, whatever its age', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app, { sentAt: inHours(-500) });
    expect(await originOf({ contactId, kind: 'broadcast_reply', inReplyTo: messageId })).toMatchObject({
      kind: 'broadcast_reply',
      attribution: 'exact',
      broadcastId,
      campaign,
    });
  });

  test('a reply that names no message is attributed to the newest broadcast within 72 hours', async () => {
    const { contactId } = await postMessage(app, { sentAt: inHours(-71) });
    const { broadcastId } = await postMessage(app, { contactId, sentAt: inHours(-2) });
    expect(await originOf({ contactId, kind: 'broadcast_reply' })).toMatchObject({
      attribution: 'window',
      broadcastId,
    });
  });

  test('a reply after 72 hours and a chat message are attributed to no broadcast', async () => {
    const old = await postMessage(app, { sentAt: inHours(-73) });
    const none = { attribution: 'none', broadcastId: null, campaign: null };
    expect(await originOf({ contactId: old.contactId, kind: 'broadcast_reply' })).toMatchObject(none);
    const { contactId } = await postMessage(app);
    expect(await originOf({ contactId, kind: 'chat' })).toMatchObject({ kind: 'chat', ...none });
  });

  test('a reply counts its recipient as replied once, and names the lead', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app);
    const { leadId } = await postInteraction(app, { contactId, kind: 'broadcast_reply', inReplyTo: messageId });
    const { position } = await postInteraction(app, { contactId, kind: 'broadcast_reply', inReplyTo: messageId });
    expect(await getBroadcast(app, broadcastId, position)).toMatchObject({ counters: { recipients: 1, replied: 1 } });
    expect(await getRecipients(app, broadcastId)).toMatchObject([{ contactId, repliedLeadId: leadId }]);
  });

  test('a reply with an opt-out keyword opens no lead and does not count as a reply', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app);
    const optOut = await postInteraction(app, {
      contactId,
      kind: 'broadcast_reply',
      inReplyTo: messageId,
      text: 'Stop!',
    });
    expect(optOut).toMatchObject({ leadId: null, lead: null });
    expect(await getBroadcast(app, broadcastId, optOut.position)).toMatchObject({ counters: { replied: 0 } });
  });

  test('a lead opened by a reply is found by its campaignId', async () => {
    const campaignId = uniqueId('campaign');
    const broadcastId = await postBroadcast(app, { campaign: { id: campaignId, name: 'Separate' } });
    const { contactId, messageId } = await postMessage(app, { broadcastId });
    const { lead, position: after } = await postInteraction(app, {
      contactId,
      kind: 'broadcast_reply',
      inReplyTo: messageId,
    });
    expect(await getAllItems(app, '/v1/leads', { campaignId, after })).toEqual([await getLead(app, lead.id, after)]);
  });
});

describe('recipients', () => {
  test('recipients are listed in the order of their first message; a retry does not move them', async () => {
    const broadcastId = await postBroadcast(app);
    const sent: string[] = [];
    for (const hours of [-2, -4, -3])
      sent[hours + 4] = (await postMessage(app, { broadcastId, sentAt: inHours(hours) })).contactId;
    await postMessage(app, { broadcastId, contactId: sent[0], sentAt: inHours(-1) });
    const { position: after } = await postInteraction(app);
    const listed = await getRecipients(app, broadcastId, { after, limit: 1 });
    expect(listed.map((recipient) => recipient.contactId)).toEqual(sent);
  });

  test('recipients filtered by state are listed once each across pages', async () => {
    const id = await postBroadcast(app);
    const messages = Array.from({ length: 30 }, (_, index) => ({
      contactId: uniqueId('contact'),
      messageId: uniqueId('bm'),
      index,
    }));
    await postMessages(
      app,
      id,
      messages.map(({ contactId, messageId }) => ({ contactId, messageId })),
    );
    const states = ['queued', 'sent', 'read'] as const;
    const receipts = messages.flatMap(({ messageId, index }) => {
      const state = states[index % 3]!;
      return state === 'queued' ? [] : [receiptBody(messageId, state, index)];
    });
    const { position: after } = (await postReceipts(app, receipts)).body;
    const contactIdsIn = (state: string) =>
      messages.filter(({ index }) => state.includes(states[index % 3]!)).map((message) => message.contactId);
    for (const state of ['queued', 'sent', 'read', 'sent,read', 'failed']) {
      const listed = await getRecipients(app, id, { state, after, limit: 4 });
      expect(listed.map((recipient) => recipient.contactId).toSorted()).toEqual(contactIdsIn(state).toSorted());
    }
    expect(await getRecipients(app, id, { after, limit: 7 })).toHaveLength(30);
    expect(await app.get(`/v1/broadcasts/${id}/recipients?state=lost`)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'state', message: expect.stringContaining('delivered') as unknown }] },
    });
  });
});
