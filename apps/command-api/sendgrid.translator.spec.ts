import { describe, expect, it } from '@jest/globals';
import { sendGridEvent, type JsonObject } from '#test/support/provider-webhooks';
import { translateSendGrid } from './sendgrid.translator.js';

const noon = new Date('2026-03-02T12:00:00Z');
const heard = (event: string, more: JsonObject = {}) =>
  translateSendGrid([sendGridEvent('mail-1', event, noon, more)])[0];

describe('An event', () => {
  it.each([
    ['processed', 'accepted'],
    ['delivered', 'delivered'],
    ['open', 'read'],
  ])('%s is a receipt that says %s, of the message before the dot', (event, status) =>
    expect(heard(event)).toEqual({
      receipt: { channel: 'email', messageId: 'mail-1', status, at: '2026-03-02T12:00:00.000Z', error: null },
    }),
  );

  it('bounce or dropped is a failure, with the code of the other side and the reason', () => {
    expect(heard('bounce', { status: '5.1.1', reason: '550 5.1.1 no such user', type: 'bounce' })).toMatchObject({
      receipt: { status: 'failed', error: { code: '5.1.1', detail: '550 5.1.1 no such user' } },
    });
    expect(heard('bounce', { type: 'blocked', reason: 'Blocked' })).toMatchObject({
      receipt: { status: 'failed', error: { code: 'blocked', detail: 'Blocked' } },
    });
    expect(heard('dropped', { reason: 'Bounced Address' })).toMatchObject({
      receipt: { status: 'failed', error: { code: 'dropped', detail: 'Bounced Address' } },
    });
  });

  it('deferred is sent, with a note of what the other side said', () =>
    expect(heard('deferred', { response: '451 try later', attempt: '5' })).toMatchObject({
      receipt: { status: 'sent', error: { code: 'deferred', detail: '451 try later' } },
    }));

  it.each(['click', 'unsubscribe', 'spamreport', 'group_unsubscribe', 'group_resubscribe', 'account_status_change'])(
    '%s is no receipt',
    (event) => expect(heard(event)).toEqual({ ignored: event }),
  );

  it('that names no message, as a late bounce, is nothing to us', () =>
    expect(heard('bounce', { sg_message_id: undefined })).toEqual({ ignored: 'bounce without a message id' }));
});

it.each<[string, unknown]>([
  ['no object', 'delivered'],
  ['without a word', sendGridEvent('mail-1', undefined as unknown as string)],
  ['without a time', sendGridEvent('mail-1', 'delivered', noon, { timestamp: null })],
  ['at a time that is none', sendGridEvent('mail-1', 'delivered', noon, { timestamp: -1 })],
  ['at a broken time', sendGridEvent('mail-1', 'delivered', noon, { timestamp: 1.5 })],
  ['of a message id that is none', sendGridEvent('', 'delivered', noon)],
  ['of a message id too long', sendGridEvent('x'.repeat(129), 'delivered', noon)],
  ['of a message id that is no text', sendGridEvent('', 'delivered', noon, { sg_message_id: 7 })],
])('a batch keeps its good events beside one that is %s', (_, wrong) =>
  expect(translateSendGrid([wrong, sendGridEvent('mail-1', 'open', noon)])).toEqual([
    { invalid: expect.any(String) as unknown },
    { receipt: expect.anything() as unknown },
  ]),
);

it('a body that is no batch is invalid as a whole', () => {
  for (const body of [{}, null, 'open', sendGridEvent('mail-1', 'open')])
    expect(translateSendGrid(body)).toEqual([{ invalid: expect.any(String) as unknown }]);
  expect(translateSendGrid([])).toEqual([]);
});
