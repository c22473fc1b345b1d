import { describe, expect, it } from '@jest/globals';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import {
  toUnixSeconds,
  providerSettings,
  sendGridHeaders,
  twilioHeaders,
  whatsAppHeaders,
} from '#test/support/provider-webhooks';
import { isFromSendGrid, isFromTwilio, isFromWhatsApp, isSameSecret } from './signatures.js';

const body = '{"text":"Grüße 👋"}';
/** The same with one bit of one byte changed. */
const altered = Buffer.from(body).map((byte, at) => (at === 5 ? byte ^ 1 : byte)) as Buffer;

describe('WhatsApp', () => {
  const { WHATSAPP_APP_SECRET: secret } = providerSettings;
  const { 'x-hub-signature-256': signature = '' } = whatsAppHeaders(body);
  const holds = (given: string | null, of: Buffer = Buffer.from(body)) => isFromWhatsApp(of, given, secret);

  it('is known by its signature over the very bytes', () => {
    expect(holds(signature)).toBe(true);
    expect(holds(signature, Buffer.from(altered))).toBe(false);
    expect(holds(signature, Buffer.from(JSON.stringify(JSON.parse(body), null, 1)))).toBe(false);
  });

  it('is not known by anything else', () => {
    const bare = signature.replace('sha256=', '');
    const others = [
      null,
      '',
      'sha256=',
      bare,
      `sha1=${bare}`,
      signature.slice(0, -1),
      `${signature}0`,
      `${signature}, ${signature}`,
    ];
    for (const other of others) expect(holds(other)).toBe(false);
    expect(holds(whatsAppHeaders(body, 'another secret')['x-hub-signature-256'] ?? null)).toBe(false);
  });
});

describe('Twilio', () => {
  const { TWILIO_AUTH_TOKEN: token } = providerSettings;
  const url = 'https://leads.example/v1/webhooks/twilio';
  const form = new URLSearchParams({ To: '+447700900123', Body: 'Grüße + more', MessageSid: 'SM1', Empty: '' });
  const signed = (of: string, by: string = token) => twilioHeaders(of, form, by)['x-twilio-signature'] ?? null;

  it('is known by its signature over the URL and every parameter', () => {
    expect(isFromTwilio(url, form, signed(url), token)).toBe(true);
    expect(isFromTwilio(`${url}?a=1`, form, signed(`${url}?a=1`), token)).toBe(true);
    for (const [name, value] of form) {
      const other = new URLSearchParams(form);
      other.set(name, `${value}x`);
      expect(isFromTwilio(url, other, signed(url), token)).toBe(false);
    }
    expect(isFromTwilio(url, new URLSearchParams([...form, ['More', '1']]), signed(url), token)).toBe(false);
  });

  it('is known with the port in the URL and without', () => {
    expect(isFromTwilio(url, form, signed(url.replace('.example', '.example:443')), token)).toBe(true);
    const withPort = 'http://127.0.0.1:3000/v1/webhooks/twilio';
    expect(isFromTwilio(withPort, form, signed(withPort), token)).toBe(true);
    expect(isFromTwilio(withPort, form, signed(withPort.replace(':3000', '')), token)).toBe(true);
  });

  it('is not known by anything else', () => {
    for (const other of [
      null,
      '',
      '%',
      signed('https://other.example/v1/webhooks/twilio'),
      signed(url, 'another token'),
    ])
      expect(isFromTwilio(url, form, other, token)).toBe(false);
  });

  it('takes a parameter given more than once as a set', () => {
    const asSigned = twilioHeaders(`${url}A1A2`, new URLSearchParams())['x-twilio-signature'] ?? null;
    for (const sent of ['A=1&A=2', 'A=2&A=1&A=2'])
      expect(isFromTwilio(url, new URLSearchParams(sent), asSigned, token)).toBe(true);
  });
});

describe('SendGrid', () => {
  const now = new Date();
  const key = createPublicKey({
    key: Buffer.from(providerSettings.SENDGRID_PUBLIC_KEY, 'base64'),
    format: 'der',
    type: 'spki',
  });
  const headers = (...of: Parameters<typeof sendGridHeaders>) => {
    const sent = sendGridHeaders(...of);
    return {
      signature: sent['x-twilio-email-event-webhook-signature'] ?? null,
      timestamp: sent['x-twilio-email-event-webhook-timestamp'] ?? null,
    };
  };
  const holds = (signed: ReturnType<typeof headers>, of: Buffer = Buffer.from(body)) =>
    isFromSendGrid(of, signed, key, now.toISOString());

  it('is known by its signature over the time and the very bytes', () => {
    expect(holds(headers(body))).toBe(true);
    expect(holds(headers(body), Buffer.from(altered))).toBe(false);
    expect(holds({ ...headers(body), timestamp: String(toUnixSeconds() - 1) })).toBe(false);
  });

  it('is not known when it is more than five minutes off', () => {
    const at = (seconds: number) => headers(body, now.getTime() + seconds * 1_000);
    expect([-299, 299].map((it) => holds(at(it)))).toEqual([true, true]);
    expect([-302, 302, -86_400].map((it) => holds(at(it)))).toEqual([false, false, false]);
  });

  it('is not known by anything else', () => {
    const { signature, timestamp } = headers(body);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const others = [
      { signature: null, timestamp },
      { signature, timestamp: null },
      { signature: '', timestamp },
      { signature: 'not base64 at all', timestamp },
      { signature, timestamp: '' },
      { signature, timestamp: new Date().toISOString() },
      headers(body, now.getTime(), privateKey),
    ];
    expect(others.map((it) => holds(it))).toEqual(others.map(() => false));
  });
});

it('a word is the same only as itself', () => {
  expect(isSameSecret('token', 'token')).toBe(true);
  expect(['', 'Token', 'token ', 'toke'].map((it) => isSameSecret(it, 'token'))).toEqual([false, false, false, false]);
});
