import { describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import type { LeadResource } from '#domain/lead/lead.shown';
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
  inHours,
  getLeadHistory,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp({ ...providerSettings, LOG_LEVEL: 'debug' });
const publicly = setupApp({ ...providerSettings, PUBLIC_URL: 'https://leads.example/behind/' });
const bare = setupApp();

/** Numbers kept for stories. */
let people = 0;
const aNumber = (): string => `4477009${String(++people).padStart(5, '0')}`;

const leadsOf = async (contactId: string): Promise<LeadResource[]> =>
  getAllLeads(app, { contactId, after: (await postInteraction(app)).position });

const counted = (answer: ApiResponse) => [answer.status, answer.body] as const;
const counts = (of: Partial<Record<'recorded' | 'duplicate' | 'ignored' | 'invalid', number>>) => [
  200,
  { recorded: 0, duplicate: 0, ignored: 0, invalid: 0, ...of },
];

describe('the handshake', () => {
  const ask = (query: Readonly<Record<string, string>>) => app.get('/v1/webhooks/whatsapp', query);
  const right = {
    'hub.mode': 'subscribe',
    'hub.verify_token': providerSettings.WHATSAPP_VERIFY_TOKEN,
    'hub.challenge': '1158201444',
  };

  test('answers the challenge to who knows the token', async () => {
    const { status, headers, text } = await ask(right);
    expect([status, text]).toEqual([200, '1158201444']);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
  });

  test('is refused to anybody else', async () => {
    const { 'hub.verify_token': _, ...without } = right;
    for (const query of [
      without,
      { ...right, 'hub.verify_token': 'guessed' },
      { ...right, 'hub.mode': 'unsubscribe' },
      {},
    ])
      expect(await ask(query)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });
});

describe('without its secret a webhook', () => {
  test('answers 503 and stores nothing', async () => {
    const from = aNumber();
    const answers = [
      await postWhatsApp(bare, whatsAppPayload(whatsAppMessage(from, 'text', { body: 'Hello' }))),
      await postTwilio(bare, { From: `+${from}`, Body: 'Hello', MessageSid: uniqueId('SM') }),
      await postSendGrid(bare, [sendGridEvent(uniqueId('mail'), 'open')]),
      await bare.get('/v1/webhooks/whatsapp', { 'hub.mode': 'subscribe' }),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(await getAllLeads(bare)).toEqual([]);
  });
});

describe('a webhook that is not signed as its provider signs it', () => {
  const wrongly = async (sent: (from: string) => Promise<ApiResponse>, status: number, code: string): Promise<void> => {
    const from = aNumber();
    expect(await sent(from)).toMatchObject({ status, body: { code } });
    for (const contactId of [from, `+${from}`]) expect(await leadsOf(contactId)).toEqual([]);
  };
  const hello = (from: string): string =>
    JSON.stringify(whatsAppPayload(whatsAppMessage(from, 'text', { body: 'Grüße 👋' })));
  const post = (path: string, body: string | Buffer, headers: Readonly<Record<string, string | undefined>>) =>
    app.post(
      `/v1/webhooks/${path}`,
      body,
      Object.fromEntries(Object.entries(headers).filter(([, it]) => it)) as Record<string, string>,
    );

  test('is refused by WhatsApp’s route: altered by a byte, unsigned, or signed with another secret', async () => {
    const refused = (sent: (body: string) => Promise<ApiResponse>) =>
      wrongly((from) => sent(hello(from)), 401, 'unauthorized');
    for (const at of [0, 60, -1])
      await refused((body) => {
        const bytes = Buffer.from(body);
        bytes[at < 0 ? bytes.length + at : at]! ^= 1;
        return post('whatsapp', bytes, whatsAppHeaders(body));
      });
    await refused((body) => post('whatsapp', `${body} `, whatsAppHeaders(body)));
    await refused((body) => post('whatsapp', body, { ...whatsAppHeaders(body), 'x-hub-signature-256': undefined }));
    await refused((body) => post('whatsapp', body, whatsAppHeaders(body, 'another secret')));
    await refused((body) => post('whatsapp', JSON.stringify(JSON.parse(body), null, 1), whatsAppHeaders(body)));
  });

  test('is refused by Twilio’s route: a parameter altered, unsigned, or signed for another address', async () => {
    const url = `${app.url}/v1/webhooks/twilio`;
    const form = (from: string) => new URLSearchParams({ From: `+${from}`, Body: 'Hello', MessageSid: uniqueId('SM') });
    const refused = (sent: (form: URLSearchParams) => Promise<ApiResponse>) =>
      wrongly((from) => sent(form(from)), 401, 'unauthorized');
    await refused((it) => post('twilio', `${it.toString()}x`, twilioHeaders(url, it)));
    await refused((it) => post('twilio', `${it.toString()}&More=1`, twilioHeaders(url, it)));
    await refused((it) =>
      post('twilio', it.toString(), { ...twilioHeaders(url, it), 'x-twilio-signature': undefined }),
    );
    await refused((it) => post('twilio', it.toString(), twilioHeaders('https://other.example/', it)));
    await refused((it) => post('twilio', it.toString(), twilioHeaders(url, it, 'another token')));
  });

  test('is refused by SendGrid’s route: altered by a byte, at another time, an old one, or with another key', async () => {
    const { messageId, contactId } = await postMessage(app, {
      broadcastId: await postBroadcast(app, { channel: 'email' }),
    });
    const body = JSON.stringify([sendGridEvent(messageId, 'open')]);
    const headers = sendGridHeaders(body);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const timestamp = 'x-twilio-email-event-webhook-timestamp';
    for (const [sent, signed] of [
      [body.replace('open', 'opfn'), headers],
      [body, { ...headers, [timestamp]: String(toUnixSeconds() + 1) }],
      [body, { ...headers, [timestamp]: undefined }],
      [body, sendGridHeaders(body, Date.now() - 3_600_000)],
      [body, sendGridHeaders(body, Date.now(), privateKey)],
    ] as const)
      expect(await post('sendgrid', sent, signed)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(await getDeliveries(app, contactId)).toMatchObject([{ state: 'queued' }]);
  });

  test('is not even read when it is of another form or too long', async () => {
    const form = new URLSearchParams({ From: '+447700900000' });
    const big = JSON.stringify({ entry: ['x'.repeat(1_100_000)] });
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
    expect(await post('whatsapp', big, whatsAppHeaders(big))).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    });
    expect(await app.call('PUT', '/v1/webhooks/twilio', {})).toMatchObject({
      status: 405,
      body: { code: 'method_not_allowed' },
    });
  });

  test('is refused with 400 when it is signed and still no JSON', async () => {
    for (const body of ['{', '\u0000'])
      for (const answer of [
        await post('whatsapp', body, whatsAppHeaders(body)),
        await post('sendgrid', body, sendGridHeaders(body)),
      ])
        expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_json' } });
  });
});

describe('WhatsApp’s messages', () => {
  const says = (from: string, text: string, more: JsonObject = {}): JsonObject =>
    whatsAppMessage(from, 'text', { body: text }, { id: uniqueId('wamid'), ...more });

  test('open leads, with the sender’s name and phone', async () => {
    const from = aNumber();
    const sent = whatsAppPayload(says(from, 'Do you have the blue one?'));
    expect(counted(await postWhatsApp(app, sent))).toEqual(counts({ recorded: 1 }));
    expect(await leadsOf(from)).toMatchObject([
      {
        status: 'new',
        channel: 'whatsapp',
        contact: { name: 'Sample Sender', phone: `+${from}` },
        origin: { kind: 'chat', attribution: 'none' },
      },
    ]);
  });

  test('of every kind that counts open one, and no other does', async () => {
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
    const sent = kinds.map(([type, part]) => ({ from: aNumber(), type, part }));
    const answer = await postWhatsApp(
      app,
      whatsAppPayload(...sent.map(({ from, type, part }) => whatsAppMessage(from, type, part))),
    );
    expect(counted(answer)).toEqual(counts({ recorded: 13, ignored: 4 }));
    const leads = await Promise.all(sent.map(async ({ from }) => (await leadsOf(from)).length));
    expect(leads).toEqual([...Array<number>(13).fill(1), 0, 0, 0, 0]);
  });

  test('sent five times, two of them at once, are one interaction on one lead', async () => {
    const from = aNumber();
    const sent = whatsAppPayload(says(from, 'Hello'));
    const answers = [
      ...(await Promise.all([postWhatsApp(app, sent), postWhatsApp(app, sent)])),
      await postWhatsApp(app, sent),
      await postWhatsApp(
        app,
        whatsAppPayload(
          ...[sent, sent].map(() => (sent['entry'] as [{ changes: [{ value: JsonObject }] }])[0].changes[0].value),
        ),
      ),
    ];
    const many = (of: 'recorded' | 'duplicate') =>
      answers.reduce((sum, { body }) => sum + (body as unknown as Record<typeof of, number>)[of], 0);
    expect([many('recorded'), many('duplicate')]).toEqual([1, 4]);
    const [lead, ...others] = await leadsOf(from);
    expect(others).toEqual([]);
    const history = await getLeadHistory(app, lead!.id);
    expect(history.filter((it) => it.type === 'InteractionRecorded')).toHaveLength(1);
  });

  test('that name the broadcast’s message are attributed to it exactly, others by the window, or to none', async () => {
    const [exact, window, none] = [aNumber(), aNumber(), aNumber()];
    const named = await postMessage(app, { contactId: exact, sentAt: inHours(-200) });
    const recent = await postMessage(app, { contactId: window, sentAt: inHours(-70) });
    await postMessage(app, { contactId: none, sentAt: inHours(-74) });
    await postWhatsApp(
      app,
      whatsAppPayload(says(exact, 'Yes', { context: { id: named.messageId } }), says(window, 'Yes'), says(none, 'Yes')),
    );
    const origins = await Promise.all([exact, window, none].map(async (it) => (await leadsOf(it))[0]?.origin));
    expect(origins).toMatchObject([
      { kind: 'broadcast_reply', attribution: 'exact', broadcastId: named.broadcastId },
      { kind: 'broadcast_reply', attribution: 'window', broadcastId: recent.broadcastId },
      { kind: 'chat', attribution: 'none', broadcastId: null },
    ]);
    const answeringAnother = aNumber();
    await postMessage(app, { contactId: answeringAnother });
    await postWhatsApp(app, whatsAppPayload(says(answeringAnother, 'Yes', { context: { id: 'wamid.of a chat' } })));
    expect((await leadsOf(answeringAnother))[0]?.origin).toMatchObject({ kind: 'chat', attribution: 'none' });
  });

  test('with an opt-out word, also on a button, record the opt-out and open nothing', async () => {
    const [typed, pressed] = [aNumber(), aNumber()];
    const button = whatsAppMessage(pressed, 'button', { text: 'STOP', payload: 'stop' });
    expect(counted(await postWhatsApp(app, whatsAppPayload(says(typed, ' Stop! '), button)))).toEqual(
      counts({ recorded: 2 }),
    );
    for (const contactId of [typed, pressed]) {
      expect(await leadsOf(contactId)).toEqual([]);
      const history = await getContactHistory(app, contactId);
      expect(history.map((it) => it.type).toSorted()).toEqual(['ContactOptedOut', 'ContactRegistered']);
    }
  });

  test('that come late join the lead that was open then', async () => {
    const from = aNumber();
    await postWhatsApp(app, whatsAppPayload(says(from, 'Hello')));
    const [lead] = await leadsOf(from);
    await postStatus(app, lead!.id, 'lost');
    await postWhatsApp(app, whatsAppPayload(says(from, 'Still there?', { timestamp: String(toUnixSeconds() - 60) })));
    expect(await leadsOf(from)).toMatchObject([{ id: lead!.id, status: 'lost' }]);
    const history = await getLeadHistory(app, lead!.id);
    expect(history.filter((it) => it.type === 'InteractionRecorded')).toMatchObject([{ data: { late: true } }, {}]);
  });

  test('beside bad ones are recorded, and the bad ones are counted and logged without anything personal', async () => {
    const from = aNumber();
    const good = says(from, 'Hello');
    const wrong = [
      7,
      { ...(good['messages'] as [JsonObject])[0], timestamp: 'soon' },
      { ...(good['messages'] as [JsonObject])[0], id: uniqueId('wamid'), timestamp: String(toUnixSeconds() + 3_600) },
      { from: 'Somebody Personal', type: 'text', text: { body: 'A personal word' } },
    ];
    const statuses = [
      { status: 'read' },
      whatsAppStatus(uniqueId('wamid'), 'delivered'),
      whatsAppStatus(uniqueId('wamid'), 'played'),
    ];
    const answer = await postWhatsApp(app, {
      ...whatsAppPayload({ ...good, statuses }, { ...good, messages: wrong }),
      entry: [...(whatsAppPayload({ ...good, statuses }, { messages: wrong })['entry'] as []), { id: '1' }, 'x'],
    });
    expect(counted(answer)).toEqual(counts({ recorded: 2, ignored: 1, invalid: 7 }));
    expect(await leadsOf(from)).toHaveLength(1);
    // What is logged reaches standard output a little after the answer.
    while (!/"webhook: .*/.test(app.output) || !/"provider":"whatsapp".*"invalid":7/.test(app.output))
      await app.get('/healthz');
    expect(app.output).toMatch(/"ignored":1.*"played"/);
    expect(app.output).not.toMatch(/Somebody Personal|A personal word|Sample Sender|4477009/);
    const { text } = await app.get('/metrics');
    expect(text).toMatch(/leadstream_webhook_items_total\{provider="whatsapp",outcome="invalid"\} [1-9]/);
  });
});

describe('WhatsApp’s statuses', () => {
  test('are the delivery timeline, from the whole of a batch in whichever order', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app, { contactId: aNumber() });
    const [sent, failed, delivered] = [1, 2, 3].map((second) => new Date(timeAtSecond(second)));
    const answer = await postWhatsApp(
      app,
      whatsAppPayload(
        { statuses: [whatsAppStatus(messageId, 'delivered', delivered), whatsAppStatus(messageId, 'sent', sent)] },
        { statuses: [whatsAppStatus(messageId, 'failed', failed, whatsAppFailure(131026, 'Not reachable'))] },
        { statuses: [whatsAppStatus(messageId, 'sent', sent), whatsAppStatus(uniqueId('wamid'), 'read')] },
      ),
    );
    expect(counted(answer)).toEqual(counts({ recorded: 4, duplicate: 1 }));
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

  test('of a message that is sent a moment later wait for it', async () => {
    const [contactId, messageId] = [aNumber(), uniqueId('wamid')];
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

describe('Twilio', () => {
  const empty = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

  test('tells of SMS that open leads, and is answered with TwiML that says nothing', async () => {
    const from = `+${aNumber()}`;
    const said = {
      From: from,
      To: '+442079460000',
      Body: 'Hello',
      MessageSid: uniqueId('SM'),
      SmsStatus: 'received',
      NumMedia: '0',
    };
    const { status, headers, text } = await postTwilio(app, said);
    expect([status, text]).toEqual([200, empty]);
    expect(headers.get('content-type')).toMatch(/^text\/xml/);
    await postTwilio(app, said);
    expect(await leadsOf(from)).toMatchObject([{ channel: 'sms', contact: { phone: from }, origin: { kind: 'chat' } }]);
  });

  test('tells of WhatsApp messages, which are of the same contact as by the Cloud API', async () => {
    const from = aNumber();
    const named = await postMessage(app, { contactId: from, sentAt: inHours(-100) });
    await postTwilio(app, {
      ...{ From: `whatsapp:+${from}`, To: 'whatsapp:+442079460000', Body: 'Yes', MessageSid: uniqueId('SM') },
      ...{ ProfileName: 'Sample Sender', WaId: from, OriginalRepliedMessageSid: named.messageId },
    });
    expect(await leadsOf(from)).toMatchObject([
      {
        channel: 'whatsapp',
        contact: { name: 'Sample Sender' },
        origin: { attribution: 'exact', broadcastId: named.broadcastId },
      },
    ]);
  });

  test('tells of statuses without a time: each word counts once, and gets ours', async () => {
    const broadcastId = await postBroadcast(app, { channel: 'sms' });
    const { contactId, messageId } = await postMessage(app, { broadcastId });
    const before = new Date().toISOString();
    for (const MessageStatus of ['delivered', 'queued', 'sent', 'delivered', 'something_new', 'sent'])
      expect(await postTwilio(app, { MessageSid: messageId, MessageStatus, To: '+447700900001' })).toMatchObject({
        status: 200,
      });
    const [delivery] = await getDeliveries(app, contactId);
    expect(delivery).toMatchObject({ state: 'delivered', channel: 'sms' });
    expect(delivery!.timeline.map((it) => it.status)).toEqual(['delivered', 'queued', 'sent']);
    expect(delivery!.milestones.deliveredAt! >= before).toBe(true);
  });

  test('tells why a message failed', async () => {
    const { contactId, messageId } = await postMessage(app, {
      broadcastId: await postBroadcast(app, { channel: 'sms' }),
    });
    const said = { MessageSid: messageId, To: '+447700900001', MessageStatus: 'undelivered', ErrorCode: '30003' };
    await postTwilio(app, said);
    expect(await getDeliveries(app, contactId)).toMatchObject([
      { state: 'failed', error: { code: '30003', detail: null } },
    ]);
  });

  test('signs the address that it knows, behind a proxy that of PUBLIC_URL', async () => {
    const said = { From: '+447700900001', Body: 'Hello', MessageSid: uniqueId('SM') };
    const url = 'https://leads.example/behind/v1/webhooks/twilio';
    expect(await postTwilio(publicly, said)).toMatchObject({ status: 401 });
    expect(await postTwilio(publicly, said, url)).toMatchObject({ status: 200 });
    expect(await postTwilio(publicly, said, url.replace('.example', '.example:443'))).toMatchObject({ status: 200 });
  });
});

describe('SendGrid', () => {
  test('tells of every event of a batch, each counted once however often it is sent', async () => {
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
    expect(counted(await postSendGrid(app, batch()))).toEqual(counts({ recorded: 5, ignored: 1, invalid: 1 }));
    expect(counted(await postSendGrid(app, batch()))).toEqual(counts({ duplicate: 5, ignored: 1, invalid: 1 }));
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

test('a key or an address that can’t be one keeps the app from starting, and both are named', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { publicKey: ofAnotherCurve } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const keys = ['no key', privateKey, ofAnotherCurve].map((it) =>
    typeof it === 'string'
      ? it
      : it.export({ format: 'der', type: it.type === 'private' ? 'pkcs8' : 'spki' } as never).toString('base64'),
  );
  for (const [nth, SENDGRID_PUBLIC_KEY] of keys.entries()) {
    const PUBLIC_URL = ['leads.example', 'ftp://leads.example', 'https://leads.example/?a=1'][nth]!;
    const unfit = new App({ SENDGRID_PUBLIC_KEY, PUBLIC_URL });
    const { code, output } = await unfit.startExpectingExit();
    await unfit.dispose();
    expect(code).toBe(1);
    expect(output).toMatch(/SENDGRID_PUBLIC_KEY .*must be a P-256 public key/);
    expect(output).toMatch(/PUBLIC_URL .*must be an http or https URL/);
  }
});

onEmbedded.log(test)(
  'while the log can’t be written a webhook is told to come again, and is then recorded',
  async () => {
    const from = aNumber();
    const sent = whatsAppPayload(whatsAppMessage(from, 'text', { body: 'Hello' }), {
      statuses: [whatsAppStatus(uniqueId('wamid'), 'read')],
    });
    const other = new DatabaseSync(join(app.dataDir, 'events.db'));
    other.exec('BEGIN IMMEDIATE');
    try {
      const answer = await postWhatsApp(app, sent);
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(answer.headers.get('retry-after')).toBe('1');
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }
    expect(counted(await postWhatsApp(app, sent))).toEqual(counts({ recorded: 2 }));
    expect(await leadsOf(from)).toHaveLength(1);
  },
);
