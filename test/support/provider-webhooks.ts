import { createHmac, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { ApiResponse, App, StringMap } from './app.js';

/*
 * Webhook requests as the providers send and sign them, according to the providers' public documentation. Phone numbers
 * are from the range that Ofcom reserves for drama. Ids are invented.
 */

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** The settings under which an app accepts these signatures. */
export const providerSettings = {
  WHATSAPP_APP_SECRET: 'app-secret-of-the-tests',
  WHATSAPP_VERIFY_TOKEN: 'verify-token-of-the-tests',
  TWILIO_AUTH_TOKEN: 'auth-token-of-the-tests',
  SENDGRID_PUBLIC_KEY: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
} as const;

export const toUnixSeconds = (at: Date | number = Date.now()): number => Math.floor(Number(at) / 1_000);

/* WhatsApp */

export type JsonObject = Readonly<Record<string, unknown>>;

const business = { display_phone_number: '442079460000', phone_number_id: '100000000000001' };

/** One entry with one change of the field `messages` for each value. */
export const whatsAppPayload = (...values: readonly JsonObject[]): JsonObject => ({
  object: 'whatsapp_business_account',
  entry: values.map((value) => ({
    id: '200000000000002',
    changes: [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata: business, ...value } }],
  })),
});

/** An inbound message and the profile of its sender. */
export const whatsAppMessage = (
  from: string,
  type: string,
  part: unknown,
  overrides: JsonObject = {},
  name = 'Sample Sender',
): JsonObject => ({
  contacts: [{ profile: { name }, wa_id: from }],
  messages: [
    { from, id: `wamid.${type}.${from}`, timestamp: String(toUnixSeconds()), type, [type]: part, ...overrides },
  ],
});

export const whatsAppStatus = (
  id: string,
  status: string,
  at: Date | number = Date.now(),
  overrides: JsonObject = {},
): JsonObject => ({
  id,
  status,
  timestamp: String(toUnixSeconds(at)),
  recipient_id: '447700900001',
  conversation: { id: 'c0ffee', origin: { type: 'marketing' } },
  pricing: { billable: true, pricing_model: 'PMP', category: 'marketing' },
  ...overrides,
});

export const whatsAppFailure = (code: number, details: string): JsonObject => ({
  errors: [{ code, title: 'A title', message: 'A title', error_data: { details }, href: 'https://example.test/codes' }],
});

export const whatsAppHeaders = (body: string, secret: string = providerSettings.WHATSAPP_APP_SECRET): StringMap => ({
  'content-type': 'application/json',
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
});

export function postWhatsApp(app: App, payload: unknown): Promise<ApiResponse> {
  const body = JSON.stringify(payload);
  return app.post('/v1/webhooks/whatsapp', body, whatsAppHeaders(body));
}

/* Twilio */

/** The ID of a new message. */
export const newTwilioSid = (): string => `SM${randomBytes(16).toString('hex')}`;

export function twilioHeaders(
  url: string,
  form: URLSearchParams,
  token: string = providerSettings.TWILIO_AUTH_TOKEN,
): StringMap {
  const sortedParams = [...new Set(form.keys())]
    .sort()
    .map((name) => name + form.get(name))
    .join('');
  return {
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': createHmac('sha1', token)
      .update(url + sortedParams)
      .digest('base64'),
  };
}

/** `signedUrl` is the address that Twilio signs, by default that of the app. */
export function postTwilio(
  app: App,
  params: Readonly<Record<string, string>>,
  signedUrl?: string,
): Promise<ApiResponse> {
  const form = new URLSearchParams(params);
  const path = '/v1/webhooks/twilio';
  return app.post(path, form.toString(), twilioHeaders(signedUrl ?? app.url + path, form));
}

/* SendGrid */

export const sendGridHeaders = (body: string, at = Date.now(), key: KeyObject = privateKey): StringMap => {
  const timestamp = String(toUnixSeconds(at));
  return {
    'content-type': 'application/json',
    'x-twilio-email-event-webhook-timestamp': timestamp,
    'x-twilio-email-event-webhook-signature': sign('sha256', Buffer.from(timestamp + body), key).toString('base64'),
  };
};

export function postSendGrid(app: App, events: unknown): Promise<ApiResponse> {
  const body = JSON.stringify(events);
  return app.post('/v1/webhooks/sendgrid', body, sendGridHeaders(body));
}

let lastEventId = 0;
/** `messageId` is the id under which the message was sent. */
export const sendGridEvent = (
  messageId: string,
  event: string,
  at: Date | number = Date.now(),
  overrides: JsonObject = {},
): JsonObject => ({
  email: 'reader@example.test',
  timestamp: toUnixSeconds(at),
  event,
  'smtp-id': '<sample@example.test>',
  category: ['spring'],
  sg_event_id: `event-${++lastEventId}`,
  sg_message_id: `${messageId}.recvd-abc-1-2345-6.0`,
  ...overrides,
});
