import { describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import type { LeadResource } from '#resources/lead.resource';
import { setupApp, App, type ApiResponse } from '../support/app.js';
import { onEmbedded } from '../support/engines.js';
import {
  postBroadcast,
  postMessage,
  getBroadcast,
  getDeliveries,
  timeAtSecond,
  postMessages,
} from '../support/broadcast-steps.js';
import {
  whatsAppFailure,
  postSendGrid,
  newTwilioSid,
  postTwilio,
  postWhatsApp,
  whatsAppMessage,
  toUnixSeconds,
  providerSettings,
  sendGridEvent,
  sendGridHeaders,
  whatsAppStatus,
  twilioHeaders,
  whatsAppPayload,
  whatsAppHeaders,
  type JsonObject,
} from '../support/provider-webhooks.js';
import {
  getAllLeads,
  getContactHistory,
  getLeadHistory,
  inHours,
  postInteraction,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp({ ...providerSettings, LOG_LEVEL: 'debug' });
const proxiedApp = setupApp({ ...providerSettings, PUBLIC_URL: 'https://leads.example/behind/' });
const unconfiguredApp = setupApp();

let lastNumber = 0;
/** A number from a range that is reserved for drama. */
const newPhoneNumber = (): string => `4477009${String(++lastNumber).padStart(5, '0')}`;

const leadsOf = async (contactId: string): Promise<LeadResource[]> =>
  getAllLeads(app, { contactId, after: (await postInteraction(app)).position });

const statusAndBody = (response: ApiResponse) => [response.status, response.body] as const;
const okWithCounts = (counts: Partial<Record<'recorded' | 'duplicate' | 'ignored' | 'invalid', number>>) => [
  200,
  { recorded: 0, duplicate: 0, ignored: 0, invalid: 0, ...counts },
];

describe('the WhatsApp webhook’s verification', () => {
  const verify = (query: Readonly<Record<string, string>>) => app.get('/v1/webhooks/whatsapp', query);
  const validQuery = {
    'hub.mode': 'subscribe',
    'hub.verify_token': providerSettings.WHATSAPP_VERIFY_TOKEN,
    'hub.challenge': '1158201444',
  };

  test('the WhatsApp verification with the right token returns the challenge', async () => {
    const { status, headers, text } = await verify(validQuery);
    expect([status, text]).toEqual([200, '1158201444']);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
  });

  test('the WhatsApp verification without the right token or mode is forbidden', async () => {
    const { 'hub.verify_token': _, ...withoutToken } = validQuery;
    for (const query of [
      withoutToken,
      { ...validQuery, 'hub.verify_token': 'guessed' },
      { ...validQuery, 'hub.mode': 'unsubscribe' },
      {},
    ])
      expect(await verify(query)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });
});

describe('a webhook without a configured secret', () => {
  test('a webhook without a configured secret returns 503 and stores nothing', async () => {
    const from = newPhoneNumber();
    const responses = [
      await postWhatsApp(unconfiguredApp, whatsAppPayload(whatsAppMessage(from, 'text', { body: 'Hello' }))),
      await postTwilio(unconfiguredApp, { From: `+${from}`, Body: 'Hello', MessageSid: newTwilioSid() }),
      await postSendGrid(unconfiguredApp, [sendGridEvent(uniqueId('mail'), 'open')]),
      await unconfiguredApp.get('/v1/webhooks/whatsapp', { 'hub.mode': 'subscribe' }),
    ];
    for (const response of responses) expect(response).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(await getAllLeads(unconfiguredApp)).toEqual([]);
  });
});

describe('a webhook request with a wrong signature', () => {
  const expectNotStored = async (
    send: (from: string) => Promise<ApiResponse>,
    status: number,
    code: string,
  ): Promise<void> => {
    const from = newPhoneNumber();
    expect(await send(from)).toMatchObject({ status, body: { code } });
    for (const contactId of [from, `+${from}`]) expect(await leadsOf(contactId)).toEqual([]);
  };
  const helloBody = (from: string): string =>
    JSON.stringify(whatsAppPayload(whatsAppMessage(from, 'text', { body: 'Grüße 👋' })));
  const post = (path: string, body: string | Buffer, headers: Readonly<Record<string, string | undefined>>) =>
    app.post(
      `/v1/webhooks/${path}`,
      body,
      Object.fromEntries(Object.entries(headers).filter(([, value]) => value)) as Record<string, string>,
    );

  test('the WhatsApp webhook rejects a body that is altered, unsigned or signed with another secret', async () => {
    const expectUnauthorized = (send: (body: string) => Promise<ApiResponse>) =>
      expectNotStored((from) => send(helloBody(from)), 401, 'unauthorized');
    for (const offset of [0, 60, -1])
      await expectUnauthorized((body) => {
        const bytes = Buffer.from(body);
        bytes[offset < 0 ? bytes.length + offset : offset]! ^= 1;
        return post('whatsapp', bytes, whatsAppHeaders(body));
      });
    await expectUnauthorized((body) => post('whatsapp', `${body} `, whatsAppHeaders(body)));
    await expectUnauthorized((body) =>
      post('whatsapp', body, { ...whatsAppHeaders(body), 'x-hub-signature-256': undefined }),
    );
    await expectUnauthorized((body) => post('whatsapp', body, whatsAppHeaders(body, 'another secret')));
    await expectUnauthorized((body) =>
      post('whatsapp', JSON.stringify(JSON.parse(body), null, 1), whatsAppHeaders(body)),
    );
  });

  test('the Twilio webhook rejects a form that is altered, unsigned, or signed for another URL or with another token', async () => {
    const url = `${app.url}/v1/webhooks/twilio`;
    const newForm = (from: string) =>
      new URLSearchParams({ From: `+${from}`, Body: 'Hello', MessageSid: newTwilioSid() });
    const expectUnauthorized = (send: (form: URLSearchParams) => Promise<ApiResponse>) =>
      expectNotStored((from) => send(newForm(from)), 401, 'unauthorized');
    await expectUnauthorized((form) => post('twilio', `${form.toString()}x`, twilioHeaders(url, form)));
    await expectUnauthorized((form) => post('twilio', `${form.toString()}&More=1`, twilioHeaders(url, form)));
    await expectUnauthorized((form) =>
      post('twilio', form.toString(), { ...twilioHeaders(url, form), 'x-twilio-signature': undefined }),
    );
    await expectUnauthorized((form) => post('twilio', form.toString(), twilioHeaders('https://other.example/', form)));
    await expectUnauthorized((form) => post('twilio', form.toString(), twilioHeaders(url, form, 'another token')));
  });

  test('the SendGrid webhook rejects a body that is altered, old, or signed for another time or with another key', async () => {
    const { messageId, contactId } = await postMessage(app, {
      broadcastId: await postBroadcast(app, { channel: 'email' }),
    });
    const body = JSON.stringify([sendGridEvent(messageId, 'open')]);
    const headers = sendGridHeaders(body);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const timestamp = 'x-twilio-email-event-webhook-timestamp';
    for (const [sentBody, sentHeaders] of [
      [body.replace('open', 'opfn'), headers],
      [body, { ...headers, [timestamp]: String(toUnixSeconds() + 1) }],
      [body, { ...headers, [timestamp]: undefined }],
      [body, sendGridHeaders(body, Date.now() - 3_600_000)],
      [body, sendGridHeaders(body, Date.now(), privateKey)],
    ] as const)
      expect(await post('sendgrid', sentBody, sentHeaders)).toMatchObject({
        status: 401,
        body: { code: 'unauthorized' },
      });
    expect(await getDeliveries(app, contactId)).toMatchObject([{ state: 'queued' }]);
  });

  test('a webhook rejects a wrong media type, an encoding, a long body and a wrong method before it checks the signature', async () => {
    const form = new URLSearchParams({ From: '+447700900000' });
    const tooLong = JSON.stringify({ entry: ['x'.repeat(1_100_000)] });
    const unsupported = { status: 415, body: { code: 'unsupported_media_type' } };
    expect(await post('whatsapp', form.toString(), twilioHeaders('', form))).toMatchObject(unsupported);
    expect(await post('twilio', '{}', whatsAppHeaders('{}'))).toMatchObject(unsupported);
    expect(await app.post('/v1/interactions', form.toString(), twilioHeaders('', form))).toMatchObject(unsupported);
    expect(await post('whatsapp', '<x/>', { ...whatsAppHeaders('<x/>'), 'content-type': 'text/xml' })).toMatchObject(
      unsupported,
    );
    expect(await post('whatsapp', '{}', { ...whatsAppHeaders('{}'), 'content-encoding': 'gzip' })).toMatchObject(
      unsupported,
    );
    expect(await post('whatsapp', tooLong, whatsAppHeaders(tooLong))).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    });
    expect(await app.call('PUT', '/v1/webhooks/twilio', {})).toMatchObject({
      status: 405,
      body: { code: 'method_not_allowed' },
    });
  });

  test('a signed webhook body that is not JSON is rejected as malformed_json', async () => {
    for (const body of ['{', '\u0000'])
      for (const response of [
        await post('whatsapp', body, whatsAppHeaders(body)),
        await post('sendgrid', body, sendGridHeaders(body)),
      ])
        expect(response).toMatchObject({ status: 400, body: { code: 'malformed_json' } });
  });
});

describe('WhatsApp messages', () => {
  const textMessage = (from: string, text: string, overrides: JsonObject = {}): JsonObject =>
    whatsAppMessage(from, 'text', { body: text }, { id: uniqueId('wamid'), ...overrides });

  test('a WhatsApp message opens a lead with the sender’s name and phone', async () => {
    const from = newPhoneNumber();
    const sent = whatsAppPayload(textMessage(from, 'Do you have the blue one?'));
    expect(statusAndBody(await postWhatsApp(app, sent))).toEqual(okWithCounts({ recorded: 1 }));
    expect(await leadsOf(from)).toMatchObject([
      {
        status: 'new',
        channel: 'whatsapp',
        contact: { name: 'Sample Sender', phone: `+${from}` },
        origin: { kind: 'chat', attribution: 'none' },
      },
    ]);
  });

  test('WhatsApp messages of 13 kinds open a lead, reactions and unsupported kinds do not', async () => {
    const kinds: readonly (readonly [type: string, part: unknown])[] = [
      ['text', { body: 'Hello' }],
      ['image', { id: '1', mime_type: 'image/jpeg' }],
      ['video', { id: '1', mime_type: 'video/mp4' }],
      ['audio', { id: '1', mime_type: 'audio/ogg', voice: true }],
      ['document', { id: '1', filename: 'offer.pdf' }],
      ['sticker', { id: '1', animated: true }],
      ['button', { text: 'Yes', payload: 'yes' }],
      ['interactive', { type: 'button_reply', button_reply: { id: 'yes', title: 'Yes' } }],
      ['interactive', { type: 'list_reply', list_reply: { id: 'red', title: 'Red' } }],
      ['interactive', { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: '{}' } }],
      ['location', { latitude: 41.38, longitude: 2.17 }],
      ['contacts', [{ name: { formatted_name: 'Other' } }]],
      ['order', { catalog_id: '1', product_items: [] }],
      ['reaction', { message_id: 'wamid.1', emoji: '👍' }],
      ['system', { body: 'changed', type: 'customer_changed_number' }],
      ['unsupported', undefined],
      ['something_new', {}],
    ];
    const sent = kinds.map(([type, part]) => ({ from: newPhoneNumber(), type, part }));
    const response = await postWhatsApp(
      app,
      whatsAppPayload(...sent.map(({ from, type, part }) => whatsAppMessage(from, type, part))),
    );
    expect(statusAndBody(response)).toEqual(okWithCounts({ recorded: 13, ignored: 4 }));
    const leads = await Promise.all(sent.map(async ({ from }) => (await leadsOf(from)).length));
    expect(leads).toEqual([...Array<number>(13).fill(1), 0, 0, 0, 0]);
  });

  test('a WhatsApp message delivered five times, twice concurrently, is one interaction on one lead', async () => {
    const from = newPhoneNumber();
    const sent = whatsAppPayload(textMessage(from, 'Hello'));
    const responses = [
      ...(await Promise.all([postWhatsApp(app, sent), postWhatsApp(app, sent)])),
      await postWhatsApp(app, sent),
      await postWhatsApp(
        app,
        whatsAppPayload(
          ...[sent, sent].map(() => (sent['entry'] as [{ changes: [{ value: JsonObject }] }])[0].changes[0].value),
        ),
      ),
    ];
    const total = (outcome: 'recorded' | 'duplicate') =>
      responses.reduce((sum, { body }) => sum + (body as unknown as Record<typeof outcome, number>)[outcome], 0);
    expect([total('recorded'), total('duplicate')]).toEqual([1, 4]);
    const [lead, ...others] = await leadsOf(from);
    expect(others).toEqual([]);
    const history = await getLeadHistory(app, lead!.id);
    expect(history.filter((entry) => entry.type === 'InteractionRecorded')).toHaveLength(1);
  });

  test('WhatsApp replies are attributed by the message that they name, or by the window, or to no broadcast', async () => {
    const [exact, window, none] = [newPhoneNumber(), newPhoneNumber(), newPhoneNumber()];
    const named = await postMessage(app, { contactId: exact, sentAt: inHours(-200) });
    const recent = await postMessage(app, { contactId: window, sentAt: inHours(-70) });
    await postMessage(app, { contactId: none, sentAt: inHours(-74) });
    await postWhatsApp(
      app,
      whatsAppPayload(
        textMessage(exact, 'Yes', { context: { id: named.messageId } }),
        textMessage(window, 'Yes'),
        textMessage(none, 'Yes'),
      ),
    );
    const origins = await Promise.all(
      [exact, window, none].map(async (contactId) => (await leadsOf(contactId))[0]?.origin),
    );
    expect(origins).toMatchObject([
      { kind: 'broadcast_reply', attribution: 'exact', broadcastId: named.broadcastId },
      { kind: 'broadcast_reply', attribution: 'window', broadcastId: recent.broadcastId },
      { kind: 'chat', attribution: 'none', broadcastId: null },
    ]);
    const replyingToChat = newPhoneNumber();
    await postMessage(app, { contactId: replyingToChat });
    await postWhatsApp(
      app,
      whatsAppPayload(textMessage(replyingToChat, 'Yes', { context: { id: 'wamid.of a chat' } })),
    );
    expect((await leadsOf(replyingToChat))[0]?.origin).toMatchObject({ kind: 'chat', attribution: 'none' });
  });

  test('a WhatsApp opt-out, typed or by button, is recorded and opens no lead', async () => {
    const [typed, pressed] = [newPhoneNumber(), newPhoneNumber()];
    const button = whatsAppMessage(pressed, 'button', { text: 'STOP', payload: 'stop' });
    expect(statusAndBody(await postWhatsApp(app, whatsAppPayload(textMessage(typed, ' Stop! '), button)))).toEqual(
      okWithCounts({ recorded: 2 }),
    );
    for (const contactId of [typed, pressed]) {
      expect(await leadsOf(contactId)).toEqual([]);
      const history = await getContactHistory(app, contactId);
      expect(history.map((entry) => entry.type).toSorted()).toEqual(['ContactOptedOut', 'ContactRegistered']);
    }
  });

  test('a late WhatsApp message joins the lead that was open at its time', async () => {
    const from = newPhoneNumber();
    await postWhatsApp(app, whatsAppPayload(textMessage(from, 'Hello')));
    const [lead] = await leadsOf(from);
    await postStatus(app, lead!.id, 'lost');
    await postWhatsApp(
      app,
      whatsAppPayload(textMessage(from, 'Still there?', { timestamp: String(toUnixSeconds() - 60) })),
    );
    expect(await leadsOf(from)).toMatchObject([{ id: lead!.id, status: 'lost' }]);
    const history = await getLeadHistory(app, lead!.id);
    expect(history.filter((entry) => entry.type === 'InteractionRecorded')).toMatchObject([
      { data: { late: true } },
      {},
    ]);
  });

  test('a WhatsApp request records its valid items, and counts and logs the invalid ones without personal data', async () => {
    const from = newPhoneNumber();
    const valid = textMessage(from, 'Hello');
    const invalidMessages = [
      7,
      { ...(valid['messages'] as [JsonObject])[0], timestamp: 'soon' },
      { ...(valid['messages'] as [JsonObject])[0], id: uniqueId('wamid'), timestamp: String(toUnixSeconds() + 3_600) },
      { from: 'Somebody Personal', type: 'text', text: { body: 'A personal word' } },
    ];
    const statuses = [
      { status: 'read' },
      whatsAppStatus(uniqueId('wamid'), 'delivered'),
      whatsAppStatus(uniqueId('wamid'), 'played'),
    ];
    const response = await postWhatsApp(app, {
      ...whatsAppPayload({ ...valid, statuses }, { ...valid, messages: invalidMessages }),
      entry: [
        ...(whatsAppPayload({ ...valid, statuses }, { messages: invalidMessages })['entry'] as []),
        { id: '1' },
        'x',
      ],
    });
    expect(statusAndBody(response)).toEqual(okWithCounts({ recorded: 2, ignored: 1, invalid: 7 }));
    expect(await leadsOf(from)).toHaveLength(1);
    // The log line reaches standard output shortly after the response.
    while (!/"ignored webhook items"/.test(app.output) || !/"provider":"whatsapp".*"invalid":7/.test(app.output))
      await app.get('/healthz');
    expect(app.output).toMatch(/"ignored":1.*"played"/);
    expect(app.output).not.toMatch(/Somebody Personal|A personal word|Sample Sender|4477009/);
    const { text } = await app.get('/metrics');
    expect(text).toMatch(/leadstream_webhook_items_total\{provider="whatsapp",outcome="invalid"\} [1-9]/);
  });
});

describe('WhatsApp statuses', () => {
  test('WhatsApp statuses build the delivery timeline whatever their order in the request', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app, { contactId: newPhoneNumber() });
    const [sent, failed, delivered] = [1, 2, 3].map((second) => new Date(timeAtSecond(second)));
    const response = await postWhatsApp(
      app,
      whatsAppPayload(
        { statuses: [whatsAppStatus(messageId, 'delivered', delivered), whatsAppStatus(messageId, 'sent', sent)] },
        { statuses: [whatsAppStatus(messageId, 'failed', failed, whatsAppFailure(131026, 'Not reachable'))] },
        { statuses: [whatsAppStatus(messageId, 'sent', sent), whatsAppStatus(uniqueId('wamid'), 'read')] },
      ),
    );
    expect(statusAndBody(response)).toEqual(okWithCounts({ recorded: 4, duplicate: 1 }));
    expect(await getDeliveries(app, contactId)).toMatchObject([
      {
        state: 'delivered',
        milestones: { sentAt: timeAtSecond(1), failedAt: timeAtSecond(2), deliveredAt: timeAtSecond(3), readAt: null },
        conflict: true,
        error: { code: '131026', detail: 'Not reachable' },
      },
    ]);
    const { position: after } = await postInteraction(app);
    expect(await getBroadcast(app, broadcastId, after)).toMatchObject({ counters: { delivered: 1, failed: 0 } });
  });

  test('a WhatsApp status that arrives before the send applies once the send is recorded', async () => {
    const [contactId, messageId] = [newPhoneNumber(), uniqueId('wamid')];
    await postWhatsApp(
      app,
      whatsAppPayload({ statuses: [whatsAppStatus(messageId, 'read', new Date(timeAtSecond(9)))] }),
    );
    await postMessages(app, await postBroadcast(app), [{ contactId, messageId }]);
    expect(await getDeliveries(app, contactId)).toMatchObject([
      { state: 'read', milestones: { deliveredImplied: true, readAt: timeAtSecond(9) } },
    ]);
  });
});

describe('Twilio requests', () => {
  const empty = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

  test('a Twilio SMS opens a lead and gets an empty TwiML response', async () => {
    const from = `+${newPhoneNumber()}`;
    const params = {
      From: from,
      To: '+442079460000',
      Body: 'Hello',
      MessageSid: newTwilioSid(),
      SmsStatus: 'received',
      NumMedia: '0',
    };
    const { status, headers, text } = await postTwilio(app, params);
    expect([status, text]).toEqual([200, empty]);
    expect(headers.get('content-type')).toMatch(/^text\/xml/);
    await postTwilio(app, params);
    expect(await leadsOf(from)).toMatchObject([{ channel: 'sms', contact: { phone: from }, origin: { kind: 'chat' } }]);
  });

  test('a WhatsApp message by Twilio belongs to the same contact as one by the Cloud API', async () => {
    const from = newPhoneNumber();
    const named = await postMessage(app, { contactId: from, sentAt: inHours(-100) });
    await postTwilio(app, {
      From: `whatsapp:+${from}`,
      To: 'whatsapp:+442079460000',
      Body: 'Yes',
      MessageSid: newTwilioSid(),
      ProfileName: 'Sample Sender',
      WaId: from,
      OriginalRepliedMessageSid: named.messageId,
    });
    expect(await leadsOf(from)).toMatchObject([
      {
        channel: 'whatsapp',
        contact: { name: 'Sample Sender' },
        origin: { attribution: 'exact', broadcastId: named.broadcastId },
      },
    ]);
  });

  test('a Twilio status counts once and gets the time of its arrival', async () => {
    const broadcastId = await postBroadcast(app, { channel: 'sms' });
    const { contactId, messageId } = await postMessage(app, { broadcastId, messageId: newTwilioSid() });
    const before = new Date().toISOString();
    for (const MessageStatus of ['delivered', 'queued', 'sent', 'delivered', 'something_new', 'sent'])
      expect(await postTwilio(app, { MessageSid: messageId, MessageStatus, To: '+447700900001' })).toMatchObject({
        status: 200,
      });
    const [delivery] = await getDeliveries(app, contactId);
    expect(delivery).toMatchObject({ state: 'delivered', channel: 'sms' });
    expect(delivery!.timeline.map((receipt) => receipt.status)).toEqual(['delivered', 'queued', 'sent']);
    expect(delivery!.milestones.deliveredAt! >= before).toBe(true);
  });

  test('a captured Twilio message is not recorded again by moving characters between names and values', async () => {
    const from = `+${newPhoneNumber()}`;
    const params = {
      AccountSid: 'AC1',
      Body: 'Hello',
      From: from,
      FromCity: '',
      MessageSid: newTwilioSid(),
      NumMedia: '0',
      SmsSid: newTwilioSid(),
    };
    const url = `${app.url}/v1/webhooks/twilio`;
    const signed = twilioHeaders(url, new URLSearchParams(params));
    await postTwilio(app, params);
    const text = new URLSearchParams(params).toString();
    const { MessageSid } = params;
    for (const [original, changed] of [
      ['&NumMedia=', 'N&umMedia='],
      [`MessageSid=${MessageSid}&NumMedia=0&`, ''],
      [`&MessageSid=${MessageSid}`, `MessageSid${MessageSid}`],
      ['&FromCity=', 'FromCity'],
    ] as const) {
      expect(text).toContain(original);
      await app.post('/v1/webhooks/twilio', text.replace(original, changed), signed);
    }
    const { position: after } = await postInteraction(app);
    const all = await app.get<{ items: { contactId: string }[] }>('/v1/leads', { after, limit: 200 });
    expect(
      all.body.items.filter(({ contactId }) => contactId.startsWith(from)).map(({ contactId }) => contactId),
    ).toEqual([from]);
  });

  test('a failed Twilio status has the error code', async () => {
    const { contactId, messageId } = await postMessage(app, {
      broadcastId: await postBroadcast(app, { channel: 'sms' }),
      messageId: newTwilioSid(),
    });
    const params = { MessageSid: messageId, To: '+447700900001', MessageStatus: 'undelivered', ErrorCode: '30003' };
    await postTwilio(app, params);
    expect(await getDeliveries(app, contactId)).toMatchObject([
      { state: 'failed', error: { code: '30003', detail: null } },
    ]);
  });

  test('behind a proxy the Twilio signature is checked against PUBLIC_URL', async () => {
    const params = { From: '+447700900001', Body: 'Hello', MessageSid: newTwilioSid() };
    const url = 'https://leads.example/behind/v1/webhooks/twilio';
    expect(await postTwilio(proxiedApp, params)).toMatchObject({ status: 401 });
    expect(await postTwilio(proxiedApp, params, url)).toMatchObject({ status: 200 });
    expect(await postTwilio(proxiedApp, params, url.replace('.example', '.example:443'))).toMatchObject({
      status: 200,
    });
  });
});

describe('SendGrid requests', () => {
  test('a SendGrid batch records each event once even if it is sent twice', async () => {
    const broadcastId = await postBroadcast(app, { channel: 'email' });
    const { contactId, messageId } = await postMessage(app, { broadcastId });
    const bounced = await postMessage(app, { broadcastId });
    const at = (second: number) => new Date(timeAtSecond(second));
    const batch = () => [
      sendGridEvent(messageId, 'open', at(9)),
      sendGridEvent(messageId, 'processed', at(1)),
      sendGridEvent(messageId, 'deferred', at(2), { response: '451 try later' }),
      sendGridEvent(messageId, 'delivered', at(3)),
      sendGridEvent(messageId, 'click', at(10), { url: 'https://example.test' }),
      sendGridEvent(bounced.messageId, 'bounce', at(3), {
        status: '5.1.1',
        reason: '550 no such user',
        type: 'bounce',
      }),
      { event: 'open' },
    ];
    expect(statusAndBody(await postSendGrid(app, batch()))).toEqual(
      okWithCounts({ recorded: 5, ignored: 1, invalid: 1 }),
    );
    expect(statusAndBody(await postSendGrid(app, batch()))).toEqual(
      okWithCounts({ duplicate: 5, ignored: 1, invalid: 1 }),
    );
    expect(await getDeliveries(app, contactId)).toMatchObject([
      {
        state: 'read',
        conflict: false,
        error: null,
        milestones: { sentAt: timeAtSecond(2), deliveredAt: timeAtSecond(3), readAt: timeAtSecond(9) },
        timeline: [
          { status: 'accepted' },
          { status: 'sent', error: { code: 'deferred', detail: '451 try later' } },
          { status: 'delivered' },
          { status: 'read' },
        ],
      },
    ]);
    expect(await getDeliveries(app, bounced.contactId)).toMatchObject([
      { state: 'failed', error: { code: '5.1.1', detail: '550 no such user' } },
    ]);
  });
});

test('the app exits at startup with an invalid SENDGRID_PUBLIC_KEY and PUBLIC_URL, naming both', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { publicKey: otherCurveKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const keys = ['not a key', privateKey, otherCurveKey].map((key) =>
    typeof key === 'string'
      ? key
      : key.export({ format: 'der', type: key.type === 'private' ? 'pkcs8' : 'spki' } as never).toString('base64'),
  );
  for (const [index, SENDGRID_PUBLIC_KEY] of keys.entries()) {
    const PUBLIC_URL = ['leads.example', 'ftp://leads.example', 'https://leads.example/?a=1'][index]!;
    const misconfiguredApp = new App({ SENDGRID_PUBLIC_KEY, PUBLIC_URL });
    const { code, output } = await misconfiguredApp.startExpectingExit();
    await misconfiguredApp.dispose();
    expect(code).toBe(1);
    expect(output).toMatch(/SENDGRID_PUBLIC_KEY .*must be a P-256 public key/);
    expect(output).toMatch(/PUBLIC_URL .*must be an http or https URL/);
  }
});

onEmbedded.log(test)(
  'a webhook gets 503 while the log cannot be written, and is recorded when sent again',
  async () => {
    const from = newPhoneNumber();
    const sent = whatsAppPayload(whatsAppMessage(from, 'text', { body: 'Hello' }), {
      statuses: [whatsAppStatus(uniqueId('wamid'), 'read')],
    });
    const blocker = new DatabaseSync(join(app.dataDir, 'events.db'));
    blocker.exec('BEGIN IMMEDIATE');
    try {
      const response = await postWhatsApp(app, sent);
      expect(response).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(response.headers.get('retry-after')).toBe('1');
    } finally {
      blocker.exec('ROLLBACK');
      blocker.close();
    }
    expect(statusAndBody(await postWhatsApp(app, sent))).toEqual(okWithCounts({ recorded: 2 }));
    expect(await leadsOf(from)).toHaveLength(1);
  },
);
