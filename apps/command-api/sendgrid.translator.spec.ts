import { describe, expect, it } from '@jest/globals';
import { sendGridEvent, type JsonObject } from '#test/support/provider-webhooks';
import { translateSendGrid } from './sendgrid.translator.js';

const noon = new Date('2026-03-02T12:00:00Z');
const translate = (event: string, fields: JsonObject = {}) =>
  translateSendGrid([sendGridEvent('mail-1', event, noon, fields)])[0];

describe('A SendGrid event', () => {
  it.each([
    ['processed', 'accepted'],
    ['delivered', 'delivered'],
    ['open', 'read'],
  ])('translateSendGrid translates %s to a receipt with status %s for the message ID before the dot', (event, status) =>
    expect(translate(event)).toEqual({
      receipt: { channel: 'email', messageId: 'mail-1', status, at: '2026-03-02T12:00:00.000Z', error: null },
    }),
  );

  it('translateSendGrid translates bounce and dropped to a failure with the error code and the reason', () => {
    expect(translate('bounce', { status: '5.1.1', reason: '550 5.1.1 no such user', type: 'bounce' })).toMatchObject({
      receipt: { status: 'failed', error: { code: '5.1.1', detail: '550 5.1.1 no such user' } },
    });
    expect(translate('bounce', { type: 'blocked', reason: 'Blocked' })).toMatchObject({
      receipt: { status: 'failed', error: { code: 'blocked', detail: 'Blocked' } },
    });
    expect(translate('dropped', { reason: 'Bounced Address' })).toMatchObject({
      receipt: { status: 'failed', error: { code: 'dropped', detail: 'Bounced Address' } },
    });
  });

  it('translateSendGrid translates deferred to sent, with the response of the receiving server as the error', () =>
    expect(translate('deferred', { response: '451 try later', attempt: '5' })).toMatchObject({
      receipt: { status: 'sent', error: { code: 'deferred', detail: '451 try later' } },
    }));

  it.each(['click', 'unsubscribe', 'spamreport', 'group_unsubscribe', 'group_resubscribe', 'account_status_change'])(
    'translateSendGrid ignores the event %s',
    (event) => expect(translate(event)).toEqual({ ignored: event }),
  );

  it('translateSendGrid ignores an event without a message ID, such as a late bounce', () =>
    expect(translate('bounce', { sg_message_id: undefined })).toEqual({ ignored: 'bounce without a message ID' }));
});

it.each<[string, unknown]>([
  ['is not an object', 'delivered'],
  ['has no name', sendGridEvent('mail-1', undefined as unknown as string)],
  ['has no time', sendGridEvent('mail-1', 'delivered', noon, { timestamp: null })],
  ['has a negative time', sendGridEvent('mail-1', 'delivered', noon, { timestamp: -1 })],
  ['has a fractional time', sendGridEvent('mail-1', 'delivered', noon, { timestamp: 1.5 })],
  ['has an empty message ID', sendGridEvent('', 'delivered', noon)],
  ['has a message ID that is too long', sendGridEvent('x'.repeat(129), 'delivered', noon)],
  ['has a message ID that is not a string', sendGridEvent('', 'delivered', noon, { sg_message_id: 7 })],
])('translateSendGrid keeps the valid events of a batch with an event that %s', (_, invalidEvent) =>
  expect(translateSendGrid([invalidEvent, sendGridEvent('mail-1', 'open', noon)])).toEqual([
    { invalid: expect.any(String) as unknown },
    { receipt: expect.anything() as unknown },
  ]),
);

it('translateSendGrid reports a body that is not an array as one invalid item', () => {
  for (const body of [{}, null, 'open', sendGridEvent('mail-1', 'open')])
    expect(translateSendGrid(body)).toEqual([{ invalid: expect.any(String) as unknown }]);
  expect(translateSendGrid([])).toEqual([]);
});
