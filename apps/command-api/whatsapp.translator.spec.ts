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

/** The interaction that a message with this content is translated to. */
const toInteraction = (type: string, part: unknown, fields: JsonObject = {}): RecordInteractionInput => {
  const message = whatsAppMessage(from, type, part, { ...atNoon, ...fields });
  const [item, ...others] = translateWhatsApp(whatsAppPayload(message));
  expect(others).toEqual([]);
  if (!item || !('interaction' in item)) throw new Error(JSON.stringify(item));
  return item.interaction;
};
const translate = (value: JsonObject) => translateWhatsApp(whatsAppPayload(value));

describe('An inbound WhatsApp message', () => {
  it('translateWhatsApp translates a text message to an interaction of its sender at the time of the provider', () =>
    expect(toInteraction('text', { body: 'Hello' })).toEqual({
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
  ] as const)(
    'translateWhatsApp keeps the text of a message of type %s as text and the rest as media',
    (type, part, text) => {
      const { caption: _, text: __, ...rest } = part as JsonObject;
      expect(toInteraction(type, part)).toMatchObject({ text, media: { type, ...rest } });
    },
  );

  it.each([
    ['button_reply', { id: 'yes', title: 'Yes, please' }, 'Yes, please'],
    ['list_reply', { id: 'red', title: 'Red', description: 'Size M' }, 'Red'],
    ['nfm_reply', { name: 'flow', body: 'Sent', response_json: '{"size":"M"}' }, 'Sent'],
  ] as const)('translateWhatsApp takes the text of a %s from what was picked or filled in', (type, part, text) => {
    const { title: _, body: __, ...rest } = part as JsonObject;
    expect(toInteraction('interactive', { type, [type]: part })).toMatchObject({ text, media: { type, ...rest } });
  });

  it('translateWhatsApp keeps shared contacts as media', () => {
    const contacts = [{ name: { formatted_name: 'Other Sample' }, phones: [{ phone: '+447700900124' }] }];
    expect(toInteraction('contacts', contacts)).toMatchObject({ text: null, media: { type: 'contacts', contacts } });
  });

  it('translateWhatsApp keeps the ID of the message that a message replies to', () => {
    expect(
      toInteraction('text', { body: 'Yes' }, { context: { from: '442079460000', id: 'wamid.sent' } }),
    ).toMatchObject({
      inReplyTo: 'wamid.sent',
    });
    expect(toInteraction('text', { body: 'Yes' }, { context: { forwarded: true } })).toMatchObject({ inReplyTo: null });
  });

  it('translateWhatsApp keeps the referral of a message that came through an advertisement', () => {
    const referral = { source_type: 'ad', source_id: '1', headline: 'Bicycles' };
    expect(toInteraction('text', { body: 'Hi' }, { referral })).toMatchObject({ integration: { referral } });
  });

  it('translateWhatsApp omits a name that is invalid or belongs to another sender', () => {
    for (const name of ['', ' ', 'a\u0000b', 'x'.repeat(300), 7]) {
      const value = whatsAppMessage(from, 'text', { body: 'Hi' }, {}, name as string);
      expect(translate(value)).toMatchObject([{ interaction: { profile: { phone: `+${from}` } } }]);
      expect(JSON.stringify(translate(value))).not.toContain('"name"');
    }
    const other = {
      ...whatsAppMessage(from, 'text', { body: 'Hi' }),
      contacts: [{ profile: { name: 'Other' }, wa_id: '44' }],
    };
    expect(translate(other)).toMatchObject([{ interaction: { profile: { phone: `+${from}` } } }]);
  });

  it('translateWhatsApp uses the user ID as the contact ID of a sender who hides the phone number', () => {
    const { messages } = whatsAppMessage(from, 'text', { body: 'Hi' }) as { messages: [JsonObject] };
    const { from: _, ...message } = messages[0];
    const contacts = [{ profile: { name: 'Nobody', username: 'nobody' }, user_id: 'GB.1234' }];
    const [item] = translate({ contacts, messages: [{ ...message, from_user_id: 'GB.1234' }] });
    expect(item).toMatchObject({ interaction: { contactId: 'GB.1234', profile: { name: 'Nobody' } } });
    expect(item).not.toMatchObject({ interaction: { profile: { phone: expect.anything() as unknown } } });
  });

  it.each([
    ['reaction', { message_id: 'wamid.sent', emoji: '👍' }],
    ['system', { body: 'changed number', type: 'customer_changed_number' }],
    ['unsupported', undefined],
    ['edit', {}],
    ['something_new', { body: 'Hello' }],
    ['constructor', {}],
  ])('translateWhatsApp ignores a message of type %s', (type, part) =>
    expect(translate(whatsAppMessage(from, type, part))).toEqual([{ ignored: type }]),
  );

  it('translateWhatsApp ignores an interactive message of an unknown type', () =>
    expect(translate(whatsAppMessage(from, 'interactive', { type: 'call_permission_reply' }))).toEqual([
      { ignored: 'interactive' },
    ]));
});

describe('A WhatsApp status', () => {
  it.each(['sent', 'delivered', 'read', 'failed'])(
    'translateWhatsApp translates the status %s to a receipt at the time of the provider',
    (status) =>
      expect(translate({ statuses: [whatsAppStatus('wamid.1', status, noon)] })).toEqual([
        { receipt: { channel: 'whatsapp', messageId: 'wamid.1', status, at: '2026-03-02T12:00:00.000Z', error: null } },
      ]),
  );

  it('translateWhatsApp keeps the error code and the details of a failed status', () =>
    expect(
      translate({ statuses: [whatsAppStatus('wamid.1', 'failed', noon, whatsAppFailure(131026, 'Not reachable'))] }),
    ).toMatchObject([{ receipt: { error: { code: '131026', detail: 'Not reachable' } } }]));

  it('translateWhatsApp uses the title of an error without details', () => {
    const translateError = (error: JsonObject) =>
      translate({ statuses: [whatsAppStatus('wamid.1', 'failed', noon, { errors: [error] })] });
    expect(translateError({ code: 1, title: 'A title' })).toMatchObject([
      { receipt: { error: { code: '1', detail: 'A title' } } },
    ]);
    expect(translateError({ code: 1 })).toMatchObject([{ receipt: { error: { code: '1', detail: null } } }]);
    expect(translateError({ title: 'A title' })).toMatchObject([{ receipt: { error: null } }]);
  });

  it.each(['played', 'deleted', 'warning', 'toString'])('translateWhatsApp ignores the status %s', (status) =>
    expect(translate({ statuses: [whatsAppStatus('wamid.1', status)] })).toEqual([{ ignored: status }]),
  );
});

describe('A WhatsApp body', () => {
  const hello = whatsAppMessage(from, 'text', { body: 'Hello' });
  const status = { statuses: [whatsAppStatus('wamid.1', 'sent', noon), whatsAppStatus('wamid.1', 'read', noon)] };

  it('translateWhatsApp translates every entry, change, message and status', () => {
    const twoEntries = {
      ...whatsAppPayload(hello),
      entry: [...(whatsAppPayload(hello, status)['entry'] as []), ...(whatsAppPayload(status)['entry'] as [])],
    };
    expect(translateWhatsApp(twoEntries).map((item) => Object.keys(item)[0])).toEqual([
      'interaction',
      'receipt',
      'receipt',
      'receipt',
      'receipt',
    ]);
  });

  it('translateWhatsApp ignores changes and errors that are not messages or statuses', () => {
    const change = { field: 'message_template_status_update', value: { event: 'APPROVED' } };
    expect(translateWhatsApp({ entry: [{ id: '1', changes: [change] }] })).toEqual([
      { ignored: 'message_template_status_update' },
    ]);
    expect(translate({ errors: [{ code: 130429, title: 'Too much' }] })).toEqual([{ ignored: 'error' }]);
    expect(translate({})).toEqual([]);
  });

  const invalid = { invalid: expect.any(String) as unknown };

  it.each<[string, unknown]>([
    ['is not an object', 'hello'],
    ['is null', null],
    ['is an array', []],
    ['has no entries', {}],
    ['has entries that are not an array', { entry: {} }],
    ['has an entry that is not an object', { entry: [7] }],
    ['has an entry without changes', { entry: [{}] }],
    ['has a change that is null', { entry: [{ changes: [null] }] }],
    ['has a change without a value', { entry: [{ changes: [{ field: 'messages' }] }] }],
    ['has messages that are not an array', whatsAppPayload({ messages: 'hello' })],
    ['has statuses that are not an array', whatsAppPayload({ statuses: {} })],
  ])('translateWhatsApp returns one invalid item for a body that %s', (_, body) =>
    expect(translateWhatsApp(body)).toEqual([invalid]),
  );

  const message = (hello['messages'] as [JsonObject])[0];
  it.each<[string, unknown]>([
    ['is not an object', 'hello'],
    ['has no type', { ...message, type: undefined }],
    ['has no sender', { ...message, from: undefined }],
    ['has a sender that is not a string', { ...message, from: 447700900123 }],
    ['has no ID', { ...message, id: undefined }],
    ['has an ID that is too long', { ...message, id: 'x'.repeat(129) }],
    ['has no time', { ...message, timestamp: undefined }],
    ['has an invalid time', { ...message, timestamp: 'noon' }],
    ['has a time that is out of range', { ...message, timestamp: '99999999999999' }],
    ['has no content', { ...message, text: undefined }],
    ['has a text that is not a string', { ...message, text: { body: 7 } }],
    ['has a text that is too long', { ...message, text: { body: 'x'.repeat(65_537) } }],
    ['has too much other data', { ...message, type: 'image', image: { sha256: 'x'.repeat(65_537) } }],
    ['is interactive but has no reply', { ...message, type: 'interactive', interactive: { type: 'list_reply' } }],
  ])('translateWhatsApp keeps the valid items of a body with a message that %s', (_, invalidMessage) =>
    expect(translate({ ...hello, messages: [invalidMessage, message], ...status })).toEqual([
      invalid,
      { interaction: expect.anything() as unknown },
      { receipt: expect.anything() as unknown },
      { receipt: expect.anything() as unknown },
    ]),
  );

  const validStatus = whatsAppStatus('wamid.1', 'sent', noon);
  it.each<[string, unknown]>([
    ['is not an object', []],
    ['has no name', { ...validStatus, status: undefined }],
    ['has no ID', { ...validStatus, id: '' }],
    ['has an ID that is too long', { ...validStatus, id: 'x'.repeat(129) }],
    ['has an invalid time', { ...validStatus, timestamp: '2026-03-02T12:00:00Z' }],
    ['has no time', { ...validStatus, timestamp: null }],
  ])('translateWhatsApp keeps the valid items of a body with a status that %s', (_, invalidStatus) =>
    expect(translate({ statuses: [invalidStatus, validStatus] })).toEqual([
      invalid,
      { receipt: expect.anything() as unknown },
    ]),
  );

  it('translateWhatsApp puts no personal data into invalid or ignored items', () => {
    const personal = { from: 'Sample Sender 447700900123', type: 'Sample Sender <447700900123>', text: { body: 7 } };
    const items = translate({
      messages: [personal, { ...personal, type: 'text' }],
      statuses: [{ status: '447700900123' }],
    });
    expect(JSON.stringify(items)).not.toMatch(/Sample|4477/);
  });
});
