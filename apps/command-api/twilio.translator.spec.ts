import { describe, expect, it } from '@jest/globals';
import { translateTwilio } from './twilio.translator.js';

const heard = (said: Readonly<Record<string, string>>) => translateTwilio(new URLSearchParams(said));
const sid = 'SM00000000000000000000000000000001';
const callback = { MessageSid: sid, SmsSid: sid, AccountSid: 'AC1', From: '+442079460000', To: '+447700900123' };

describe('A status callback', () => {
  it.each([
    ['scheduled', 'queued'],
    ['queued', 'queued'],
    ['accepted', 'accepted'],
    ['sending', 'accepted'],
    ['sent', 'sent'],
    ['partially_delivered', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'read'],
    ['undelivered', 'failed'],
    ['failed', 'failed'],
    ['canceled', 'failed'],
  ])('%s is %s, without a time', (word, status) =>
    expect(heard({ ...callback, MessageStatus: word, SmsStatus: word })).toEqual({
      receipt: { channel: 'sms', messageId: sid, status, at: null, error: null },
    }),
  );

  it('keeps the code, and the words where there are some', () => {
    const failed = { ...callback, MessageStatus: 'undelivered', ErrorCode: '30003' };
    expect(heard(failed)).toMatchObject({ receipt: { error: { code: '30003', detail: null } } });
    expect(heard({ ...failed, ErrorMessage: 'Unreachable' })).toMatchObject({
      receipt: { error: { code: '30003', detail: 'Unreachable' } },
    });
    for (const none of ['', '0'])
      expect(heard({ ...callback, MessageStatus: 'sent', ErrorCode: none })).toMatchObject({
        receipt: { error: null },
      });
  });

  it('is of WhatsApp when the address says so', () =>
    expect(heard({ ...callback, MessageStatus: 'read', To: 'whatsapp:+447700900123' })).toMatchObject({
      receipt: { channel: 'whatsapp' },
    }));

  it('is nothing to us in a word or by a channel that is not known', () => {
    expect(heard({ ...callback, MessageStatus: 'something_new' })).toEqual({ ignored: 'something_new' });
    expect(heard({ ...callback, MessageStatus: 'toString' })).toEqual({ ignored: 'toString' });
    expect(heard({ ...callback, MessageStatus: 'sent', To: 'rcs:+447700900123' })).toEqual({
      ignored: 'another channel',
    });
  });

  it('that names no message is invalid', () =>
    expect(heard({ MessageStatus: 'sent', To: '+447700900123' })).toEqual({ invalid: expect.any(String) as unknown }));
});

describe('An inbound message', () => {
  const inbound = {
    ...{ MessageSid: sid, SmsSid: sid, SmsStatus: 'received', NumMedia: '0', NumSegments: '1' },
    ...{ From: '+447700900123', To: '+442079460000', Body: 'Hello' },
  };

  it('by SMS is an interaction of its sender, known by the whole number', () =>
    expect(heard(inbound)).toEqual({
      interaction: {
        type: 'RecordInteraction',
        kind: 'inferred',
        contactId: '+447700900123',
        channel: 'sms',
        messageId: sid,
        occurredAt: null,
        text: 'Hello',
        media: null,
        inReplyTo: null,
        integration: null,
        profile: { phone: '+447700900123' },
      },
    }));

  it('by WhatsApp is of the contact that the Cloud API would name, and may answer a message', () =>
    expect(
      heard({
        ...inbound,
        ...{ From: 'whatsapp:+447700900123', WaId: '447700900123', ProfileName: 'Sample Sender' },
        ...{ ButtonPayload: 'more', OriginalRepliedMessageSid: 'MM1' },
      }),
    ).toMatchObject({
      interaction: {
        contactId: '447700900123',
        channel: 'whatsapp',
        inReplyTo: 'MM1',
        media: { type: 'button', payload: 'more' },
        profile: { name: 'Sample Sender', phone: '+447700900123' },
      },
    }));

  it('may bring files, with or without words, or a place', () => {
    const files = { MediaUrl0: 'https://example.test/0', MediaContentType0: 'image/jpeg' };
    expect(heard({ ...inbound, ...files, NumMedia: '1', Body: '' })).toMatchObject({
      interaction: {
        text: null,
        media: { type: 'files', files: [{ url: 'https://example.test/0', contentType: 'image/jpeg' }] },
      },
    });
    expect(heard({ ...inbound, Latitude: '41.38', Longitude: '2.17', Label: 'The shop' })).toMatchObject({
      interaction: {
        media: { type: 'location', latitude: '41.38', longitude: '2.17', name: 'The shop', address: null },
      },
    });
  });

  it('of a sender without a phone is kept under the name it has', () =>
    expect(heard({ ...inbound, From: 'SAMPLE' })).toMatchObject({ interaction: { contactId: 'SAMPLE', profile: {} } }));

  it('claims no files that it could not have', () => {
    for (const NumMedia of ['-1', 'many', '1e9', ''])
      expect(['interaction']).toContain(Object.keys(heard({ ...inbound, NumMedia }))[0]);
  });

  it('without a sender is invalid', () => {
    const { From: _, ...nobody } = inbound;
    expect(heard(nobody)).toEqual({ invalid: expect.any(String) as unknown });
    expect(heard({})).toEqual({ invalid: expect.any(String) as unknown });
  });
});
