import { describe, expect, it } from '@jest/globals';
import { translateTwilio } from './twilio.translator.js';

const translate = (parameters: Readonly<Record<string, string>>) => translateTwilio(new URLSearchParams(parameters));
const sid = 'SM00000000000000000000000000000001';
const callback = { MessageSid: sid, SmsSid: sid, AccountSid: 'AC1', From: '+442079460000', To: '+447700900123' };

describe('A Twilio status callback', () => {
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
  ])('translateTwilio translates the status %s to a receipt with status %s and no time', (twilioStatus, status) =>
    expect(translate({ ...callback, MessageStatus: twilioStatus, SmsStatus: twilioStatus })).toEqual({
      receipt: { channel: 'sms', messageId: sid, status, at: null, error: null },
    }),
  );

  it('translateTwilio keeps the error code, and the error message if there is one', () => {
    const failed = { ...callback, MessageStatus: 'undelivered', ErrorCode: '30003' };
    expect(translate(failed)).toMatchObject({ receipt: { error: { code: '30003', detail: null } } });
    expect(translate({ ...failed, ErrorMessage: 'Unreachable' })).toMatchObject({
      receipt: { error: { code: '30003', detail: 'Unreachable' } },
    });
    for (const noError of ['', '0'])
      expect(translate({ ...callback, MessageStatus: 'sent', ErrorCode: noError })).toMatchObject({
        receipt: { error: null },
      });
  });

  it('translateTwilio takes the channel WhatsApp from the prefix of the address', () =>
    expect(translate({ ...callback, MessageStatus: 'read', To: 'whatsapp:+447700900123' })).toMatchObject({
      receipt: { channel: 'whatsapp' },
    }));

  it('translateTwilio ignores unknown statuses and unknown channels', () => {
    expect(translate({ ...callback, MessageStatus: 'something_new' })).toEqual({ ignored: 'something_new' });
    expect(translate({ ...callback, MessageStatus: 'toString' })).toEqual({ ignored: 'toString' });
    expect(translate({ ...callback, MessageStatus: 'sent', To: 'rcs:+447700900123' })).toEqual({
      ignored: 'another channel',
    });
  });

  it.each(['SM1', `${sid}N`, sid.replace('SM', 'XX'), sid.toUpperCase().replace('0', 'A'), ''])(
    'translateTwilio reports a status callback with the message ID "%s" as invalid, which is not of the form of Twilio',
    (id) =>
      expect(translate({ ...callback, MessageSid: id, MessageStatus: 'sent' })).toEqual({
        invalid: 'a receipt has no valid message ID',
      }),
  );

  it('translateTwilio reports a status callback without a message ID as invalid', () =>
    expect(translate({ MessageStatus: 'sent', To: '+447700900123' })).toEqual({
      invalid: expect.any(String) as unknown,
    }));
});

describe('An inbound Twilio message', () => {
  const inbound = {
    MessageSid: sid,
    SmsSid: sid,
    SmsStatus: 'received',
    NumMedia: '0',
    NumSegments: '1',
    From: '+447700900123',
    To: '+442079460000',
    Body: 'Hello',
  };

  it('translateTwilio translates an SMS to an interaction of the contact with that phone number', () =>
    expect(translate(inbound)).toEqual({
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

  it('translateTwilio gives a WhatsApp message the contact ID of the Cloud API and the message that it replies to', () =>
    expect(
      translate({
        ...inbound,
        From: 'whatsapp:+447700900123',
        WaId: '447700900123',
        ProfileName: 'Sample Sender',
        ButtonPayload: 'more',
        OriginalRepliedMessageSid: 'MM1',
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

  it('translateTwilio keeps files and locations as media', () => {
    const files = { MediaUrl0: 'https://example.test/0', MediaContentType0: 'image/jpeg' };
    expect(translate({ ...inbound, ...files, NumMedia: '1', Body: '' })).toMatchObject({
      interaction: {
        text: null,
        media: { type: 'files', files: [{ url: 'https://example.test/0', contentType: 'image/jpeg' }] },
      },
    });
    expect(translate({ ...inbound, Latitude: '41.38', Longitude: '2.17', Label: 'The shop' })).toMatchObject({
      interaction: {
        media: { type: 'location', latitude: '41.38', longitude: '2.17', name: 'The shop', address: null },
      },
    });
  });

  it('translateTwilio uses an alphanumeric sender as the contact ID, without a phone number', () =>
    expect(translate({ ...inbound, From: 'SAMPLE' })).toMatchObject({
      interaction: { contactId: 'SAMPLE', profile: {} },
    }));

  it.each(['12345', 'Sample Shop', 'whatsapp:US.13491208655302741918', 'messenger:1234567890123456'])(
    'translateTwilio accepts a message from %s',
    (From) => expect(translate({ ...inbound, From })).toMatchObject({ interaction: { messageId: sid } }),
  );

  it.each(['+447700900123FromCity', `+447700900123MessageSid${sid}`, '', 'whatsapp:', '+0'.repeat(20)])(
    'translateTwilio reports a message from "%s" as invalid',
    (From) => expect(translate({ ...inbound, From })).toEqual({ invalid: 'a message has no valid sender' }),
  );

  it('translateTwilio accepts a message with an invalid number of files', () => {
    for (const NumMedia of ['-1', 'many', '1e9', ''])
      expect(['interaction']).toContain(Object.keys(translate({ ...inbound, NumMedia }))[0]);
  });

  it('translateTwilio reports a message without a sender as invalid', () => {
    const { From: _, ...withoutSender } = inbound;
    expect(translate(withoutSender)).toEqual({ invalid: expect.any(String) as unknown });
    expect(translate({})).toEqual({ invalid: expect.any(String) as unknown });
  });
});
