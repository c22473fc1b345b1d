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
/** The body with one bit flipped. */
const altered = Buffer.from(body).map((byte, index) => (index === 5 ? byte ^ 1 : byte)) as Buffer;

describe('isFromWhatsApp', () => {
  const { WHATSAPP_APP_SECRET: secret } = providerSettings;
  const { 'x-hub-signature-256': signature = '' } = whatsAppHeaders(body);
  const isValid = (given: string | null, bytes: Buffer = Buffer.from(body)) => isFromWhatsApp(bytes, given, secret);

  it('accepts a WhatsApp signature over exactly the bytes received', () => {
    expect(isValid(signature)).toBe(true);
    expect(isValid(signature, Buffer.from(altered))).toBe(false);
    expect(isValid(signature, Buffer.from(JSON.stringify(JSON.parse(body), null, 1)))).toBe(false);
  });

  it('rejects every other WhatsApp signature', () => {
    const hex = signature.replace('sha256=', '');
    const others = [
      null,
      '',
      'sha256=',
      hex,
      `sha1=${hex}`,
      signature.slice(0, -1),
      `${signature}0`,
      `${signature}, ${signature}`,
    ];
    for (const other of others) expect(isValid(other)).toBe(false);
    expect(isValid(whatsAppHeaders(body, 'another secret')['x-hub-signature-256'] ?? null)).toBe(false);
  });
});

describe('isFromTwilio', () => {
  const { TWILIO_AUTH_TOKEN: token } = providerSettings;
  const url = 'https://leads.example/v1/webhooks/twilio';
  const form = new URLSearchParams({ To: '+447700900123', Body: 'Grüße + more', MessageSid: 'SM1', Empty: '' });
  const sign = (signedUrl: string, authToken: string = token) =>
    twilioHeaders(signedUrl, form, authToken)['x-twilio-signature'] ?? null;

  it('accepts a Twilio signature over the URL and every parameter', () => {
    expect(isFromTwilio(url, form, sign(url), token)).toBe(true);
    expect(isFromTwilio(`${url}?a=1`, form, sign(`${url}?a=1`), token)).toBe(true);
    for (const [name, value] of form) {
      const changed = new URLSearchParams(form);
      changed.set(name, `${value}x`);
      expect(isFromTwilio(url, changed, sign(url), token)).toBe(false);
    }
    expect(isFromTwilio(url, new URLSearchParams([...form, ['More', '1']]), sign(url), token)).toBe(false);
  });

  it('accepts a Twilio signature over the URL with or without its port', () => {
    expect(isFromTwilio(url, form, sign(url.replace('.example', '.example:443')), token)).toBe(true);
    const withPort = 'http://127.0.0.1:3000/v1/webhooks/twilio';
    expect(isFromTwilio(withPort, form, sign(withPort), token)).toBe(true);
    expect(isFromTwilio(withPort, form, sign(withPort.replace(':3000', '')), token)).toBe(true);
  });

  it('rejects every other Twilio signature', () => {
    for (const other of [null, '', '%', sign('https://other.example/v1/webhooks/twilio'), sign(url, 'another token')])
      expect(isFromTwilio(url, form, other, token)).toBe(false);
  });

  it('rejects a Twilio signature if the name of a parameter is not of the form of Twilio', () => {
    const signature =
      twilioHeaders(url, new URLSearchParams('MessageSid=SM3&NumMedia=0'))['x-twilio-signature'] ?? null;
    expect(isFromTwilio(url, new URLSearchParams('MessageSid=SM3&NumMedia=0'), signature, token)).toBe(true);
    for (const moved of [
      'MessageSid=SM3N&umMedia=0',
      'Message=SidSM3&N&umMedia=0',
      'MessageSid=SM3&Num=Media0&=',
      'M%20=1',
    ])
      expect(isFromTwilio(url, new URLSearchParams(moved), signature, token)).toBe(false);
  });

  it('rejects a Twilio signature over a malformed URL', () => {
    for (const malformed of ['http://a b/%', 'http://localhost:99999/', '://'])
      expect(isFromTwilio(malformed, form, sign(malformed), token)).toBe(false);
  });

  it('treats the values of a repeated Twilio parameter as a set', () => {
    const asSigned = twilioHeaders(`${url}A1A2`, new URLSearchParams())['x-twilio-signature'] ?? null;
    for (const sent of ['A=1&A=2', 'A=2&A=1&A=2'])
      expect(isFromTwilio(url, new URLSearchParams(sent), asSigned, token)).toBe(true);
  });
});

describe('isFromSendGrid', () => {
  const now = new Date();
  const key = createPublicKey({
    key: Buffer.from(providerSettings.SENDGRID_PUBLIC_KEY, 'base64'),
    format: 'der',
    type: 'spki',
  });
  const headers = (...args: Parameters<typeof sendGridHeaders>) => {
    const sent = sendGridHeaders(...args);
    return {
      signature: sent['x-twilio-email-event-webhook-signature'] ?? null,
      timestamp: sent['x-twilio-email-event-webhook-timestamp'] ?? null,
    };
  };
  const isValid = (signed: ReturnType<typeof headers>, bytes: Buffer = Buffer.from(body)) =>
    isFromSendGrid(bytes, signed, key, now.toISOString());

  it('accepts a SendGrid signature over exactly the timestamp and the bytes received', () => {
    expect(isValid(headers(body))).toBe(true);
    expect(isValid(headers(body), Buffer.from(altered))).toBe(false);
    expect(isValid({ ...headers(body), timestamp: String(toUnixSeconds() - 1) })).toBe(false);
  });

  it('rejects a SendGrid signature whose timestamp is more than five minutes off', () => {
    const at = (seconds: number) => headers(body, now.getTime() + seconds * 1_000);
    expect([-299, 299].map((seconds) => isValid(at(seconds)))).toEqual([true, true]);
    expect([-302, 302, -86_400].map((seconds) => isValid(at(seconds)))).toEqual([false, false, false]);
  });

  it('rejects every other SendGrid signature', () => {
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
    expect(others.map((signed) => isValid(signed))).toEqual(others.map(() => false));
  });
});

it('isSameSecret accepts only the identical secret', () => {
  expect(isSameSecret('token', 'token')).toBe(true);
  expect(['', 'Token', 'token ', 'toke'].map((secret) => isSameSecret(secret, 'token'))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
