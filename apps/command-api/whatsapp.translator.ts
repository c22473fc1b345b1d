import type { ReceiptStatus } from '#domain/message/message.events';
import { isRecord } from '#http/validation';
import {
  toE164,
  toInteraction,
  toReceiptItem,
  parseUnixSeconds,
  toLogLabel,
  type WebhookItem,
} from './webhook-item.js';

/*
 * The webhook of the WhatsApp Cloud API contains entries; these contain changes, which contain messages and statuses. A malformed part
 * is reported as invalid and does not affect the others.
 */

type Json = Readonly<Record<string, unknown>>;

export const translateWhatsApp = (body: unknown): readonly WebhookItem[] =>
  partsOf(body, 'entry').flatMap((entry) =>
    isRecord(entry) ? partsOf(entry, 'changes').flatMap(translateChange) : { invalid: 'an entry is not an object' },
  );

/** A missing array counts as one undefined part, which is then reported as invalid. */
const partsOf = (value: unknown, name: string): readonly unknown[] =>
  (isRecord(value) ? arrayOrUndefined(value[name]) : undefined) ?? [undefined];

const arrayOrUndefined = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);

function translateChange(change: unknown): readonly WebhookItem[] {
  if (!isRecord(change)) return [{ invalid: 'a change is not an object' }];
  const { field, value } = change;
  if (field !== 'messages') return [{ ignored: toLogLabel(field) }];
  if (!isRecord(value)) return [{ invalid: 'a change has no value' }];
  const { messages = [], statuses = [], errors } = value;
  const contacts = arrayOrUndefined(value.contacts) ?? [];
  return [
    ...(arrayOrUndefined(messages) ?? [undefined]).map((message) => translateMessage(message, contacts)),
    ...(arrayOrUndefined(statuses) ?? [undefined]).map(translateStatus),
    ...(arrayOrUndefined(errors) ?? []).map(() => ({ ignored: 'error' })),
  ];
}

function translateMessage(message: unknown, contacts: readonly unknown[]): WebhookItem {
  if (!isRecord(message)) return { invalid: 'a message is not an object' };
  const { type, id, from, from_user_id: userId, timestamp, context, referral } = message;
  if (typeof type !== 'string') return { invalid: 'a message has no type' };
  const content = parseContent(type, message);
  if (content === 'ignored') return { ignored: toLogLabel(type) };
  if (content === 'invalid') return { invalid: `a message of type ${toLogLabel(type)} has no valid content` };
  const occurredAt = parseUnixSeconds(timestamp);
  if (!occurredAt) return { invalid: 'a message has no valid time' };
  // A sender who hides the phone number behind a user name has only a user ID.
  const sender = contacts
    .filter(isRecord)
    .find((contact) => (from === undefined ? contact.user_id === userId : contact.wa_id === from));
  return toInteraction({
    channel: 'whatsapp',
    contactId: from ?? userId,
    messageId: id,
    name: isRecord(sender?.profile) ? sender.profile.name : undefined,
    phone: toE164(from),
    occurredAt,
    ...content,
    inReplyTo: isRecord(context) ? context.id : null,
    integration: isRecord(referral) ? { referral } : null,
  });
}

interface Content {
  readonly text: unknown;
  readonly media: object | null;
}

const mediaTypes = ['image', 'video', 'audio', 'voice', 'document', 'sticker', 'location'];

/** For each message type: the field of its part that contains the text. Other types are ignored unless `parseContent` handles them. */
const textFields = new Map([
  ['text', 'body'],
  ...mediaTypes.map((type) => [type, 'caption'] as const),
  ['button', 'text'],
  ['order', 'text'],
] as const);

/** For each type of interactive reply: the field that contains the chosen button or list entry, or the submitted form. */
const replyTextFields = new Map<unknown, string>([
  ['button_reply', 'title'],
  ['list_reply', 'title'],
  ['nfm_reply', 'body'],
]);

function parseContent(type: string, message: Json): Content | 'ignored' | 'invalid' {
  const part = message[type];
  if (type === 'request_welcome') return { text: null, media: { type } };
  if (type === 'contacts') return Array.isArray(part) ? { text: null, media: { type, contacts: part } } : 'invalid';
  if (type === 'interactive') return isRecord(part) ? parseReply(part) : 'invalid';
  const field = textFields.get(type);
  if (field === undefined) return 'ignored';
  if (!isRecord(part)) return 'invalid';
  if (type === 'text') return typeof part.body === 'string' ? { text: part.body, media: null } : 'invalid';
  return toContent(type, part, field);
}

function parseReply({ type, ...parts }: Json): Content | 'ignored' | 'invalid' {
  const field = replyTextFields.get(type);
  if (field === undefined) return 'ignored';
  const part = parts[String(type)];
  return isRecord(part) ? toContent(String(type), part, field) : 'invalid';
}

/** One field is the text. The others are stored as media. */
function toContent(type: string, { type: _, ...part }: Json, textField: string): Content {
  const { [textField]: text = null, ...media } = part;
  return { text, media: { ...media, type } };
}

const statuses = new Map<unknown, ReceiptStatus>([
  ['accepted', 'accepted'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['failed', 'failed'],
]);

function translateStatus(value: unknown): WebhookItem {
  if (!isRecord(value)) return { invalid: 'a status is not an object' };
  if (typeof value.status !== 'string') return { invalid: 'a status has no name' };
  const status = statuses.get(value.status);
  if (!status) return { ignored: toLogLabel(value.status) };
  const at = parseUnixSeconds(value.timestamp)?.at;
  if (at === undefined) return { invalid: 'a status has no valid time' };
  const error = arrayOrUndefined(value.errors)?.[0];
  return toReceiptItem({ channel: 'whatsapp', status, at }, value.id, isRecord(error) ? parseError(error) : null);
}

const parseError = ({ code, title, message, error_data: data }: Json): { code: unknown; detail: unknown } => ({
  code,
  detail: (isRecord(data) ? data.details : undefined) ?? message ?? title,
});
