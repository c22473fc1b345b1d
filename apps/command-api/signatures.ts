import { createHash, createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto';

/*
 * Whether a webhook comes from its provider. Each goes over the bytes as they came; none tells by its time how much of a
 * signature was right. A null is a header that was not sent.
 */

/** HMAC-SHA256 of the body, in hex behind `sha256=`. */
export function isFromWhatsApp(body: Buffer, signature: string | null, appSecret: string): boolean {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(signature ?? '')?.[1];
  return hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), hmac('sha256', appSecret, body));
}

/** HMAC-SHA1, in base64, of the URL and all parameters in the order of their names: name, value, name, value, without a separator. */
export function isFromTwilio(url: string, form: URLSearchParams, signature: string | null, authToken: string): boolean {
  const given = Buffer.from(signature ?? '', 'base64');
  const names = [...new Set(form.keys())].sort();
  const said = names.flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value)).join('');
  const expected = spellings(url).map((it) => hmac('sha1', authToken, it + said));
  return expected.filter((it) => it.length === given.length && timingSafeEqual(it, given)).length > 0;
}

/** Twilio signs a URL now with its port and now without. */
function spellings(text: string): readonly string[] {
  const { protocol, host, hostname, port, pathname, search } = new URL(text);
  const usual = protocol === 'https:' ? '443' : '80';
  return [host, hostname, `${hostname}:${port || usual}`].map((it) => `${protocol}//${it}${pathname}${search}`);
}

const fiveMinutes = 5 * 60;

/**
 * ECDSA over the time and the body, in base64. A time more than five minutes off is refused: what somebody has overheard can't
 * be sent again later. SendGrid's own repeats are made anew, each with its time and ids.
 */
export function isFromSendGrid(
  body: Buffer,
  { signature, timestamp }: { readonly signature: string | null; readonly timestamp: string | null },
  key: KeyObject,
  now: string,
): boolean {
  if (signature === null || timestamp === null || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Date.parse(now) / 1_000 - Number(timestamp)) > fiveMinutes) return false;
  const signed = Buffer.concat([Buffer.from(timestamp), body]);
  return verify('sha256', signed, key, Buffer.from(signature, 'base64'));
}

/** Compared by their digests, so that not even the length is told. */
export const isSameSecret = (given: string, word: string): boolean => timingSafeEqual(digest(given), digest(word));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const hmac = (algorithm: string, secret: string, said: Buffer | string): Buffer =>
  createHmac(algorithm, secret).update(said).digest();
