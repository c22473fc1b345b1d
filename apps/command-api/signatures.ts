import { createHash, createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto';

/*
 * Signatures of provider webhooks. Each covers the bytes as received, and each comparison takes constant time. A signature is null if
 * its header was not sent.
 */

/** The signature is `sha256=` and the HMAC-SHA256 of the body in hex. */
export function isFromWhatsApp(body: Buffer, signature: string | null, appSecret: string): boolean {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(signature ?? '')?.[1];
  return hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), hmac('sha256', appSecret, body));
}

/** Twilio's parameters, such as `From` and `MediaUrl0`. */
const twilioName = /^[A-Z][A-Za-z]*\d*$/;

/**
 * HMAC-SHA1, in base64, of the URL followed by the name and value of every parameter, sorted by name, without separators. Because of
 * that, moving characters between a name and a value does not change the signature. So names must have Twilio's form here, and
 * IDs and addresses in the translator.
 */
export function isFromTwilio(url: string, form: URLSearchParams, signature: string | null, authToken: string): boolean {
  const actual = Buffer.from(signature ?? '', 'base64');
  const names = [...new Set(form.keys())].sort();
  if (!names.every((name) => twilioName.test(name))) return false;
  const parameters = names.flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value));
  const candidates = urlVariants(url).map((variant) => hmac('sha1', authToken, variant + parameters.join('')));
  const matches = candidates.filter(
    (candidate) => candidate.length === actual.length && timingSafeEqual(candidate, actual),
  );
  return matches.length > 0;
}

/** Twilio sometimes signs the URL with its port and sometimes without. Empty if the caller's Host makes it malformed. */
function urlVariants(url: string): readonly string[] {
  if (!URL.canParse(url)) return [];
  const { protocol, host, hostname, port, pathname, search } = new URL(url);
  const defaultPort = protocol === 'https:' ? '443' : '80';
  const hosts = [host, hostname, `${hostname}:${port || defaultPort}`];
  return hosts.map((variant) => `${protocol}//${variant}${pathname}${search}`);
}

const maxAgeSeconds = 5 * 60;

/**
 * The signature is ECDSA over timestamp and body, in base64. A timestamp that is more than five minutes off is rejected, so that an
 * intercepted request cannot be replayed later. SendGrid signs its retries again, with new times and IDs.
 */
export function isFromSendGrid(
  body: Buffer,
  { signature, timestamp }: { readonly signature: string | null; readonly timestamp: string | null },
  key: KeyObject,
  now: string,
): boolean {
  if (signature === null || timestamp === null || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Date.parse(now) / 1_000 - Number(timestamp)) > maxAgeSeconds) return false;
  const signed = Buffer.concat([Buffer.from(timestamp), body]);
  return verify('sha256', signed, key, Buffer.from(signature, 'base64'));
}

/** Compares digests, so that the comparison does not reveal even the length of the secret. */
export const isSameSecret = (actual: string, expected: string): boolean =>
  timingSafeEqual(digest(actual), digest(expected));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const hmac = (algorithm: string, secret: string, data: Buffer | string): Buffer =>
  createHmac(algorithm, secret).update(data).digest();
