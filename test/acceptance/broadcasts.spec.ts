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
  inHours,
  inMinutes,
  getLead,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();
const create = (more: object = {}) =>
  app.call<{ broadcast: BroadcastResource; position: string; code: string; errors: { field: string }[] }>(
    'POST',
    '/v1/broadcasts',
    broadcastBody(more),
  );

describe('a broadcast', () => {
  test('is made with its campaign and template, and can then be looked at', async () => {
    const { status, headers, body } = await create({ id: 'first' });
    const shown = {
      id: 'first',
      name: 'Spring, first round',
      channel: 'whatsapp',
      campaign,
      template,
      createdAt: expect.any(String) as unknown,
      counters: { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 },
    };
    expect([status, headers.get('location'), headers.get('etag')]).toEqual([201, '/v1/broadcasts/first', '"1"']);
    expect(body).toEqual({ broadcast: shown, changed: true, version: 1, position: expect.any(String) as unknown });
    expect(await getBroadcast(app, 'first', body.position)).toEqual(body.broadcast);
  });

  test('gets an id when it has none, and nulls where nothing was said', async () => {
    const { body } = await create({ id: undefined, template: { name: 'plain', language: 'pt_BR' } });
    expect(body.broadcast).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      template: { name: 'plain', language: 'pt_BR', category: null, body: null },
    });
  });

  test('can not be made twice under one id', async () => {
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
  ])('is refused with a %s that can’t be', async (field, wrong) =>
    expect(await create(wrong)).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', errors: [{ field }] },
    }),
  );

  test('that does not exist is not found', async () => {
    for (const path of ['/v1/broadcasts/nobody', '/v1/broadcasts/nobody/recipients'])
      expect(await app.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await postMessages(app, 'nobody', [{ contactId: 'c', messageId: 'm' }])).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  test('is listed, newest first, page by page', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) ids.unshift(await postBroadcast(app));
    const { position: after } = await postInteraction(app);
    const listed = await getAllItems<BroadcastResource>(app, '/v1/broadcasts', { limit: 2, after });
    expect(listed.map((broadcast) => broadcast.id).slice(0, 5)).toEqual(ids);
    expect(new Set(listed.map((broadcast) => broadcast.id)).size).toBe(listed.length);
  });
});

describe('messages', () => {
  const message = (more: object = {}) => ({ contactId: uniqueId('contact'), messageId: uniqueId('bm'), ...more });

  test('are recorded one by one, and known when they come again', async () => {
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

  test('the bad ones are named beside the good', async () => {
    const id = await postBroadcast(app);
    const taken = await postMessage(app);
    const response = await postMessages(app, id, [
      message(),
      message({ contactId: '' }),
      message({ sentAt: inMinutes(6) }),
      message({ messageId: 'x'.repeat(129) }),
      message({ attempt: 0 }),
      'nothing',
      { ...taken, broadcastId: undefined },
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

  test('are refused when none is good, with the reasons', async () => {
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

  test('come in batches of 1 to 1,000', async () => {
    const id = await postBroadcast(app);
    for (const batch of [[], Array.from({ length: 1_001 }, () => message())])
      expect(await postMessages(app, id, batch)).toMatchObject({
        status: 422,
        body: { errors: [{ field: 'messages' }] },
      });
    const most = Array.from({ length: 1_000 }, () => message());
    const key = { 'idempotency-key': uniqueId('key') };
    expect(new Set(batchOutcomes(await postMessages(app, id, most, key)))).toEqual(new Set(['recorded']));
    expect(await getBroadcast(app, id, (await postInteraction(app)).position)).toMatchObject({
      counters: { recipients: 1_000 },
    });
  }, 240_000);

  test('under one key are answered as the first time', async () => {
    const id = await postBroadcast(app);
    const batch = [message(), message({ messageId: '' })];
    const key = { 'idempotency-key': uniqueId('key') };
    const [first, again] = [await postMessages(app, id, batch, key), await postMessages(app, id, batch, key)];
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await postMessages(app, id, [message()], key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
  });

  test('to one recipient are its attempts, counted also when they come at once', async () => {
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

describe('a message', () => {
  test('shows in the delivery timeline with the campaign and template as they were', async () => {
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

  test('shows on every lead of its contact, also on one that is closed or was opened later', async () => {
    const { id: first, contactId } = await openLead(app);
    await postStatus(app, first, 'lost');
    const { messageId } = await postMessage(app, { contactId });
    const { leadId: second, position: after } = await postInteraction(app, { contactId });
    for (const leadId of [first, second])
      expect(await getAllItems(app, `/v1/leads/${leadId}/broadcasts`, { after })).toMatchObject([{ messageId }]);
    expect(await app.get('/v1/leads/nobody-1/broadcasts')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('are listed newest first, page by page', async () => {
    const contactId = uniqueId('contact');
    const sent: string[] = [];
    for (const hours of [-5, -3, -4, -1, -2])
      sent[-hours - 1] = (await postMessage(app, { contactId, sentAt: inHours(hours) })).messageId;
    const { leadId, position: after } = await postInteraction(app, { contactId });
    const listed = await getAllItems<{ messageId: string }>(app, `/v1/leads/${leadId}/broadcasts`, { after, limit: 2 });
    expect(listed.map((message) => message.messageId)).toEqual(sent);
  });
});

describe('a reply', () => {
  const originOf = async (more: object) => {
    const { lead } = await postInteraction(app, more);
    return lead.origin;
  };

  test('that names the message is attributed to its broadcast exactly, however old', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app, { sentAt: inHours(-500) });
    expect(await originOf({ contactId, kind: 'broadcast_reply', inReplyTo: messageId })).toMatchObject({
      kind: 'broadcast_reply',
      attribution: 'exact',
      broadcastId,
      campaign,
    });
  });

  test('that names none is attributed to the newest broadcast of 72 hours', async () => {
    const { contactId } = await postMessage(app, { sentAt: inHours(-71) });
    const { broadcastId } = await postMessage(app, { contactId, sentAt: inHours(-2) });
    expect(await originOf({ contactId, kind: 'broadcast_reply' })).toMatchObject({
      attribution: 'window',
      broadcastId,
    });
  });

  test('that comes later than that, or is a chat, is attributed to none', async () => {
    const old = await postMessage(app, { sentAt: inHours(-73) });
    const none = { attribution: 'none', broadcastId: null, campaign: null };
    expect(await originOf({ contactId: old.contactId, kind: 'broadcast_reply' })).toMatchObject(none);
    const { contactId } = await postMessage(app);
    expect(await originOf({ contactId, kind: 'chat' })).toMatchObject({ kind: 'chat', ...none });
  });

  test('counts its recipient as replied, once, with the lead that it stands on', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app);
    const { leadId } = await postInteraction(app, { contactId, kind: 'broadcast_reply', inReplyTo: messageId });
    const { position } = await postInteraction(app, { contactId, kind: 'broadcast_reply', inReplyTo: messageId });
    expect(await getBroadcast(app, broadcastId, position)).toMatchObject({ counters: { recipients: 1, replied: 1 } });
    expect(await getRecipients(app, broadcastId)).toMatchObject([{ contactId, repliedLeadId: leadId }]);
  });

  test('with an opt-out word opens no lead and is no reply', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app);
    const said = await postInteraction(app, {
      contactId,
      kind: 'broadcast_reply',
      inReplyTo: messageId,
      text: 'Stop!',
    });
    expect(said).toMatchObject({ leadId: null, lead: null });
    expect(await getBroadcast(app, broadcastId, said.position)).toMatchObject({ counters: { replied: 0 } });
  });

  test('finds its campaign in the list of leads', async () => {
    const campaignId = uniqueId('campaign');
    const broadcastId = await postBroadcast(app, { campaign: { id: campaignId, name: 'Of its own' } });
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
  test('are listed in the order in which it was sent to them, a retry leaving them where they are', async () => {
    const broadcastId = await postBroadcast(app);
    const sent: string[] = [];
    for (const hours of [-2, -4, -3])
      sent[hours + 4] = (await postMessage(app, { broadcastId, sentAt: inHours(hours) })).contactId;
    await postMessage(app, { broadcastId, contactId: sent[0], sentAt: inHours(-1) });
    const { position: after } = await postInteraction(app);
    const listed = await getRecipients(app, broadcastId, { after, limit: 1 });
    expect(listed.map((recipient) => recipient.contactId)).toEqual(sent);
  });

  test('are listed by state, page by page, each once', async () => {
    const id = await postBroadcast(app);
    const messages = Array.from({ length: 30 }, (_, index) => ({
      contactId: uniqueId('contact'),
      messageId: uniqueId('bm'),
      nth: index,
    }));
    await postMessages(
      app,
      id,
      messages.map(({ contactId, messageId }) => ({ contactId, messageId })),
    );
    const states = ['queued', 'sent', 'read'] as const;
    const said = messages.flatMap(({ messageId, nth: index }) => {
      const state = states[index % 3]!;
      return state === 'queued' ? [] : [receiptBody(messageId, state, index)];
    });
    const { position: after } = (await postReceipts(app, said)).body;
    const of = (state: string) =>
      messages.filter(({ nth: index }) => state.includes(states[index % 3]!)).map((message) => message.contactId);
    for (const state of ['queued', 'sent', 'read', 'sent,read', 'failed']) {
      const listed = await getRecipients(app, id, { state, after, limit: 4 });
      expect(listed.map((recipient) => recipient.contactId).toSorted()).toEqual(of(state).toSorted());
    }
    expect(await getRecipients(app, id, { after, limit: 7 })).toHaveLength(30);
    expect(await app.get(`/v1/broadcasts/${id}/recipients?state=lost`)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'state', message: expect.stringContaining('delivered') as unknown }] },
    });
  });
});
