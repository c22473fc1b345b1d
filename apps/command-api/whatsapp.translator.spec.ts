import { describe, expect, it } from '@jest/globals';
import {
  whatsAppFailure,
  whatsAppMessage,
  whatsAppStatus,
  whatsAppPayload,
  type JsonObject,
} from '#test/support/provider-webhooks';
import type { RecordInteractionInput } from './webhook-item.js';
import { translateWhatsApp } from './whatsapp.translator.js';

const from = '447700900123';
const noon = new Date('2026-03-02T12:00:00Z');
const atNoon = { timestamp: '1772452800' };

const said = (type: string, part: unknown, more: JsonObject = {}): RecordInteractionInput => {
  const [heard, ...others] = translateWhatsApp(
    whatsAppPayload(whatsAppMessage(from, type, part, { ...atNoon, ...more })),
  );
  expect(others).toEqual([]);
  if (!heard || !('interaction' in heard)) throw new Error(JSON.stringify(heard));
  return heard.interaction;
};
const heardOf = (value: JsonObject) => translateWhatsApp(whatsAppPayload(value));

describe('An inbound message', () => {
  it('is an interaction of its sender, whose id is a phone number, at the provider’s whole second', () =>
    expect(said('text', { body: 'Hello' })).toEqual({
      type: 'RecordInteraction',
      kind: 'inferred',
      contactId: from,
      channel: 'whatsapp',
      messageId: `wamid.text.${from}`,
      occurredAt: { at: '2026-03-02T12:00:00.000Z', digits: 0 },
      text: 'Hello',
      media: null,
      inReplyTo: null,
      integration: null,
      profile: { name: 'Sample Sender', phone: `+${from}` },
    }));

  it.each([
    ['image', { id: 'media-1', mime_type: 'image/jpeg', sha256: 'abc', caption: 'Like this' }, 'Like this'],
    ['video', { id: 'media-2', mime_type: 'video/mp4', sha256: 'abc' }, null],
    ['audio', { id: 'media-3', mime_type: 'audio/ogg; codecs=opus', voice: true }, null],
    ['document', { id: 'media-4', filename: 'offer.pdf', caption: 'The offer' }, 'The offer'],
    ['sticker', { id: 'media-5', animated: false }, null],
    ['location', { latitude: 41.38, longitude: 2.17, name: 'The shop', address: 'Sample Street 1' }, null],
    ['button', { payload: 'more', text: 'Tell me more' }, 'Tell me more'],
    ['order', { catalog_id: 'c-1', text: 'Please', product_items: [{ quantity: 1, item_price: 10 }] }, 'Please'],
  ] as const)('of type %s has its words as text and the rest beside it', (type, part, text) => {
    const { caption: _, text: __, ...rest } = part as JsonObject;
    expect(said(type, part)).toMatchObject({ text, media: { type, ...rest } });
  });

  it.each([
    ['button_reply', { id: 'yes', title: 'Yes, please' }, 'Yes, please'],
    ['list_reply', { id: 'red', title: 'Red', description: 'Size M' }, 'Red'],
    ['nfm_reply', { name: 'flow', body: 'Sent', response_json: '{"size":"M"}' }, 'Sent'],
  ] as const)('that is a %s says what was picked or filled in', (type, part, text) => {
    const { title: _, body: __, ...rest } = part as JsonObject;
    expect(said('interactive', { type, [type]: part })).toMatchObject({ text, media: { type, ...rest } });
  });

  it('may hold contacts', () => {
    const contacts = [{ name: { formatted_name: 'Other Sample' }, phones: [{ phone: '+447700900124' }] }];
    expect(said('contacts', contacts)).toMatchObject({ text: null, media: { type: 'contacts', contacts } });
  });

  it('names the message that it answers', () => {
    expect(said('text', { body: 'Yes' }, { context: { from: '442079460000', id: 'wamid.sent' } })).toMatchObject({
      inReplyTo: 'wamid.sent',
    });
    expect(said('text', { body: 'Yes' }, { context: { forwarded: true } })).toMatchObject({ inReplyTo: null });
  });

  it('that came by an advertisement keeps what is told of it', () => {
    const referral = { source_type: 'ad', source_id: '1', headline: 'Bicycles' };
    expect(said('text', { body: 'Hi' }, { referral })).toMatchObject({ integration: { referral } });
  });

  it('goes without a name that can not be one, or is another sender’s', () => {
    for (const name of ['', ' ', 'a\u0000b', 'x'.repeat(300), 7]) {
      const value = whatsAppMessage(from, 'text', { body: 'Hi' }, {}, name as string);
      expect(heardOf(value)).toMatchObject([{ interaction: { profile: { phone: `+${from}` } } }]);
      expect(JSON.stringify(heardOf(value))).not.toContain('"name"');
    }
    const other = {
      ...whatsAppMessage(from, 'text', { body: 'Hi' }),
      contacts: [{ profile: { name: 'Other' }, wa_id: '44' }],
    };
    expect(heardOf(other)).toMatchObject([{ interaction: { profile: { phone: `+${from}` } } }]);
  });

  it('of somebody who shows a user name instead of a number is known by the other id', () => {
    const { messages } = whatsAppMessage(from, 'text', { body: 'Hi' }) as { messages: [JsonObject] };
    const { from: _, ...message } = messages[0];
    const contacts = [{ profile: { name: 'Nobody', username: 'nobody' }, user_id: 'GB.1234' }];
    const [heard] = heardOf({ contacts, messages: [{ ...message, from_user_id: 'GB.1234' }] });
    expect(heard).toMatchObject({ interaction: { contactId: 'GB.1234', profile: { name: 'Nobody' } } });
    expect(heard).not.toMatchObject({ interaction: { profile: { phone: expect.anything() as unknown } } });
  });

  it.each([
    ['reaction', { message_id: 'wamid.sent', emoji: '👍' }],
    ['system', { body: 'changed number', type: 'customer_changed_number' }],
    ['unsupported', undefined],
    ['edit', {}],
    ['something_new', { body: 'Hello' }],
    ['constructor', {}],
  ])('of type %s opens nothing', (type, part) =>
    expect(heardOf(whatsAppMessage(from, type, part))).toEqual([{ ignored: type }]),
  );

  it('that picks something new in a way not known yet opens nothing', () =>
    expect(heardOf(whatsAppMessage(from, 'interactive', { type: 'call_permission_reply' }))).toEqual([
      { ignored: 'interactive' },
    ]));
});

describe('A status', () => {
  it.each(['sent', 'delivered', 'read', 'failed'])('%s is a receipt at the provider’s second', (status) =>
    expect(heardOf({ statuses: [whatsAppStatus('wamid.1', status, noon)] })).toEqual([
      { receipt: { channel: 'whatsapp', messageId: 'wamid.1', status, at: '2026-03-02T12:00:00.000Z', error: null } },
    ]),
  );

  it('that failed keeps the provider’s code and details', () =>
    expect(
      heardOf({ statuses: [whatsAppStatus('wamid.1', 'failed', noon, whatsAppFailure(131026, 'Not reachable'))] }),
    ).toMatchObject([{ receipt: { error: { code: '131026', detail: 'Not reachable' } } }]));

  it('falls back to the words of the error where there are no details', () => {
    const of = (error: JsonObject) =>
      heardOf({ statuses: [whatsAppStatus('wamid.1', 'failed', noon, { errors: [error] })] });
    expect(of({ code: 1, title: 'A title' })).toMatchObject([{ receipt: { error: { code: '1', detail: 'A title' } } }]);
    expect(of({ code: 1 })).toMatchObject([{ receipt: { error: { code: '1', detail: null } } }]);
    expect(of({ title: 'A title' })).toMatchObject([{ receipt: { error: null } }]);
  });

  it.each(['played', 'deleted', 'warning', 'toString'])('%s is not one of ours', (status) =>
    expect(heardOf({ statuses: [whatsAppStatus('wamid.1', status)] })).toEqual([{ ignored: status }]),
  );
});

describe('A body', () => {
  const hello = whatsAppMessage(from, 'text', { body: 'Hello' });
  const status = { statuses: [whatsAppStatus('wamid.1', 'sent', noon), whatsAppStatus('wamid.1', 'read', noon)] };

  it('is heard to its end: every entry, change, message and status', () => {
    const both = {
      ...whatsAppPayload(hello),
      entry: [...(whatsAppPayload(hello, status)['entry'] as []), ...(whatsAppPayload(status)['entry'] as [])],
    };
    expect(translateWhatsApp(both).map((it) => Object.keys(it)[0])).toEqual([
      'interaction',
      'receipt',
      'receipt',
      'receipt',
      'receipt',
    ]);
  });

  it('may tell of what is not for us', () => {
    const change = { field: 'message_template_status_update', value: { event: 'APPROVED' } };
    expect(translateWhatsApp({ entry: [{ id: '1', changes: [change] }] })).toEqual([
      { ignored: 'message_template_status_update' },
    ]);
    expect(heardOf({ errors: [{ code: 130429, title: 'Too much' }] })).toEqual([{ ignored: 'error' }]);
    expect(heardOf({})).toEqual([]);
  });

  const invalid = { invalid: expect.any(String) as unknown };

  it.each<[string, unknown]>([
    ['no object', 'hello'],
    ['null', null],
    ['a list', []],
    ['without entries', {}],
    ['with entries that are no list', { entry: {} }],
    ['with an entry that is none', { entry: [7] }],
    ['with an entry without changes', { entry: [{}] }],
    ['with a change that is none', { entry: [{ changes: [null] }] }],
    ['with a change without a value', { entry: [{ changes: [{ field: 'messages' }] }] }],
    ['with messages that are no list', whatsAppPayload({ messages: 'hello' })],
    ['with statuses that are no list', whatsAppPayload({ statuses: {} })],
  ])('that is %s has a part that is invalid, and nothing else', (_, body) =>
    expect(translateWhatsApp(body)).toEqual([invalid]),
  );

  const message = (hello['messages'] as [JsonObject])[0];
  it.each<[string, unknown]>([
    ['is no object', 'hello'],
    ['has no type', { ...message, type: undefined }],
    ['has no sender', { ...message, from: undefined }],
    ['has a sender that is no text', { ...message, from: 447700900123 }],
    ['has no id', { ...message, id: undefined }],
    ['has an id too long', { ...message, id: 'x'.repeat(129) }],
    ['has no time', { ...message, timestamp: undefined }],
    ['has a time that is none', { ...message, timestamp: 'noon' }],
    ['has a time beyond all calendars', { ...message, timestamp: '99999999999999' }],
    ['lacks its part', { ...message, text: undefined }],
    ['has words that are none', { ...message, text: { body: 7 } }],
    ['has words too long', { ...message, text: { body: 'x'.repeat(65_537) } }],
    ['has too much beside its words', { ...message, type: 'image', image: { sha256: 'x'.repeat(65_537) } }],
    [
      'is an interactive one without its part',
      { ...message, type: 'interactive', interactive: { type: 'list_reply' } },
    ],
  ])('keeps its good parts when a message in it %s', (_, wrong) =>
    expect(heardOf({ ...hello, messages: [wrong, message], ...status })).toEqual([
      invalid,
      { interaction: expect.anything() as unknown },
      { receipt: expect.anything() as unknown },
      { receipt: expect.anything() as unknown },
    ]),
  );

  const good = whatsAppStatus('wamid.1', 'sent', noon);
  it.each<[string, unknown]>([
    ['is no object', []],
    ['has no word', { ...good, status: undefined }],
    ['has no id', { ...good, id: '' }],
    ['has an id too long', { ...good, id: 'x'.repeat(129) }],
    ['has a time that is none', { ...good, timestamp: '2026-03-02T12:00:00Z' }],
    ['has no time', { ...good, timestamp: null }],
  ])('keeps its good parts when a status in it %s', (_, wrong) =>
    expect(heardOf({ statuses: [wrong, good] })).toEqual([invalid, { receipt: expect.anything() as unknown }]),
  );

  it('never has anything personal in what is invalid or ignored', () => {
    const secret = { from: 'Sample Sender 447700900123', type: 'Sample Sender <447700900123>', text: { body: 7 } };
    const heard = heardOf({ messages: [secret, { ...secret, type: 'text' }], statuses: [{ status: '447700900123' }] });
    expect(JSON.stringify(heard)).not.toMatch(/Sample|4477/);
  });
});
