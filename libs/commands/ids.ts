import { createHmac, hash, randomUUID } from 'node:crypto';
import type { StreamName } from '#event-store/stream-name';

/** The namespace of all derived ids. It must never change: stored ids depend on it. */
const namespace = '6f0f2f3c-6c1b-5d0e-9a54-3a3a6f1f8d21';

const base32Alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * 128 bits of HMAC-SHA256 over the organization and the contact's id, as 26 base32 characters. The key reveals nothing about
 * the contact, and the same secret always gives the same key.
 */
export const deriveContactKey = (idKey: string, org: string, contactId: string): string =>
  toBase32(createHmac('sha256', idKey).update(`${org}\u0000${contactId}`).digest().subarray(0, 16));

/** Derived like a contact's key, because providers put phone numbers into message ids. */
export const deriveMessageKey = (idKey: string, org: string, channel: string, messageId: string): string =>
  toBase32(createHmac('sha256', idKey).update(`${org}\u0000${channel}\u0000${messageId}`).digest().subarray(0, 16));

function toBase32(bytes: Uint8Array): string {
  let bits = 0;
  let buffer = 0;
  let text = '';
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += base32Alphabet[(buffer >>> (bits - 5)) & 31];
    buffer &= (1 << bits) - 1;
  }
  return text + base32Alphabet[(buffer << (5 - bits)) & 31];
}

export const contactStream = (org: string, contactKey: string): StreamName => `contact-${org}-${contactKey}`;
export const agentStream = (org: string, agentId: string): StreamName => `agent-${org}-${agentId}`;
export const broadcastStream = (org: string, broadcastId: string): StreamName => `broadcast-${org}-${broadcastId}`;
export const bulkStream = (org: string, bulkId: string): StreamName => `bulk-${org}-${bulkId}`;
export const messageStream = (org: string, messageKey: string): StreamName => `message-${org}-${messageKey}`;

/** Each export has its own stream, so that exports do not wait for each other. */
export const exportStream = (org: string, exportId: string): StreamName => `export-${org}-${exportId}`;

/** The UUIDv5 of a name (RFC 9562, section 5.5). Own code because Node.js has no function for it; every command derives several. */
function uuidV5(name: string, namespaceId: string): string {
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(name));
  bytes.write(namespaceId.replaceAll('-', ''), 'hex');
  bytes.write(name, 16);
  const hex = hash('sha1', bytes);
  const variant = ((parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Returns a function that derives ids within a stream: the same names always give the same id. */
export function createIdFactory(stream: string): (...names: readonly string[]) => string {
  let streamId: string | undefined;
  return (...names) => uuidV5(names.join('\u0000'), (streamId ??= uuidV5(stream, namespace)));
}

/** Derived from the caller's Idempotency-Key (UUIDv5), or random without one (UUIDv4). */
export const createCommandId = (org: string, idempotencyKey: string | null): string =>
  idempotencyKey === null ? randomUUID() : uuidV5(`${org}\u0000${idempotencyKey}`, namespace);

/** An id for something that a command creates: an event, a follow-up, another command. */
export const deriveId = (commandId: string, name: string | number): string => uuidV5(String(name), commandId);
