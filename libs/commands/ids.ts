import { createHmac, hash, randomUUID } from 'node:crypto';
import type { StreamName } from '#event-store/stream-name';

/** All ids that are derived live below this namespace. Never changed: stored ids depend on it. */
const namespace = '6f0f2f3c-6c1b-5d0e-9a54-3a3a6f1f8d21';

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * A contact's key: 128 bits of HMAC-SHA256 over organization and contactId, as 26 letters and digits (base32). Nothing can be
 * read out of it, and with the same secret the same contact always has the same key.
 */
export const deriveContactKey = (idKey: string, org: string, contactId: string): string =>
  base32Of(createHmac('sha256', idKey).update(`${org}\u0000${contactId}`).digest().subarray(0, 16));

/** A message's key, likewise: providers put phone numbers into message ids. */
export const deriveMessageKey = (idKey: string, org: string, channel: string, messageId: string): string =>
  base32Of(createHmac('sha256', idKey).update(`${org}\u0000${channel}\u0000${messageId}`).digest().subarray(0, 16));

function base32Of(bytes: Uint8Array): string {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += base32[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return text + base32[(held << (5 - bits)) & 31];
}

export const contactStream = (org: string, contactKey: string): StreamName => `contact-${org}-${contactKey}`;
export const agentStream = (org: string, agentId: string): StreamName => `agent-${org}-${agentId}`;

export const broadcastStream = (org: string, broadcastId: string): StreamName => `broadcast-${org}-${broadcastId}`;
export const bulkStream = (org: string, bulkId: string): StreamName => `bulk-${org}-${bulkId}`;
export const messageStream = (org: string, messageKey: string): StreamName => `message-${org}-${messageKey}`;

/** Each export has a stream of its own: none waits for another. */
export const exportStream = (org: string, exportId: string): StreamName => `export-${org}-${exportId}`;

/**
 * The UUIDv5 of a name in a namespace, which is itself a UUID (RFC 9562, section 5.5). Each command derives several; Node.js has
 * no function for it.
 */
function v5(name: string, namespace: string): string {
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(name));
  bytes.write(namespace.replaceAll('-', ''), 'hex');
  bytes.write(name, 16);
  const hex = hash('sha1', bytes);
  const variant = ((parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The same names within the same stream give the same id, always. */
export function createIdFactory(stream: string): (...names: readonly string[]) => string {
  let within: string | undefined;
  return (...names) => v5(names.join('\u0000'), (within ??= v5(stream, namespace)));
}

/** The id of a command: told by the caller's Idempotency-Key, random without one. */
export const createCommandId = (org: string, idempotencyKey: string | null): string =>
  idempotencyKey === null ? randomUUID() : v5(`${org}\u0000${idempotencyKey}`, namespace);

/** Ids of what a command makes: its n-th event, a follow-up. */
export const deriveId = (commandId: string, what: string | number): string => v5(String(what), commandId);
