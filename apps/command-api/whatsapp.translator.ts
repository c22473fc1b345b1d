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
 * The WhatsApp Cloud API's webhook: entries of changes of messages and statuses, any number of each. Wherever the shape is not
 * what it should be, that part alone is invalid.
 */

type Json = Readonly<Record<string, unknown>>;

/** Each message, status and whatever else the body tells of. */
export const translateWhatsApp = (body: unknown): readonly WebhookItem[] =>
  partsOf(body, 'entry').flatMap((entry) =>
    isRecord(entry) ? partsOf(entry, 'changes').flatMap(inChange) : { invalid: 'an entry that is no object' },
  );

/** Undefined, which is no part at all, stands for a list that is missing. */
const partsOf = (of: unknown, name: string): readonly unknown[] =>
  (isRecord(of) ? listIn(of[name]) : undefined) ?? [undefined];

const listIn = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);

function inChange(change: unknown): readonly WebhookItem[] {
  if (!isRecord(change)) return [{ invalid: 'a change that is no object' }];
  const { field, value } = change;
  if (field !== 'messages') return [{ ignored: toLogLabel(field) }];
  if (!isRecord(value)) return [{ invalid: 'a change without a value' }];
  const { messages = [], statuses = [], errors } = value;
  const contacts = listIn(value.contacts) ?? [];
  return [
    ...(listIn(messages) ?? [undefined]).map((it) => messageIn(it, contacts)),
    ...(listIn(statuses) ?? [undefined]).map(statusIn),
    ...(listIn(errors) ?? []).map(() => ({ ignored: 'error' })),
  ];
}

function messageIn(message: unknown, contacts: readonly unknown[]): WebhookItem {
  if (!isRecord(message)) return { invalid: 'a message that is no object' };
  const { type, id, from, from_user_id: userId, timestamp, context, referral } = message;
  if (typeof type !== 'string') return { invalid: 'a message without a type' };
  const said = contentOf(type, message);
  if (said === 'ignored') return { ignored: toLogLabel(type) };
  if (said === 'invalid') return { invalid: `a message of type ${toLogLabel(type)} that lacks its part` };
  const occurredAt = parseUnixSeconds(timestamp);
  if (!occurredAt) return { invalid: 'a message without a time' };
  // Who hides the phone number behind a user name is known by another id alone.
  const sender = contacts
    .filter(isRecord)
    .find((it) => (from === undefined ? it.user_id === userId : it.wa_id === from));
  return toInteraction({
    channel: 'whatsapp',
    contactId: from ?? userId,
    messageId: id,
    name: isRecord(sender?.profile) ? sender.profile.name : undefined,
    phone: toE164(from),
    occurredAt,
    ...said,
    inReplyTo: isRecord(context) ? context.id : null,
    integration: isRecord(referral) ? { referral } : null,
  });
}

interface Content {
  readonly text: unknown;
  readonly media: object | null;
}

/** The field of each type's part in which its sender's words stand. Types that are not named here open nothing. */
const words = new Map([
  ['text', 'body'],
  ...['image', 'video', 'audio', 'voice', 'document', 'sticker', 'location'].map((it) => [it, 'caption'] as const),
  ['button', 'text'],
  ['order', 'text'],
] as const);

/** What was picked from buttons or a list, or filled into a form. */
const answers = new Map<unknown, string>([
  ['button_reply', 'title'],
  ['list_reply', 'title'],
  ['nfm_reply', 'body'],
]);

function contentOf(type: string, message: Json): Content | 'ignored' | 'invalid' {
  const part = message[type];
  if (type === 'request_welcome') return { text: null, media: { type } };
  if (type === 'contacts') return listIn(part) ? { text: null, media: { type, contacts: part } } : 'invalid';
  if (type === 'interactive') return isRecord(part) ? chosen(part) : 'invalid';
  const field = words.get(type);
  if (field === undefined) return 'ignored';
  if (!isRecord(part)) return 'invalid';
  if (type === 'text') return typeof part.body === 'string' ? { text: part.body, media: null } : 'invalid';
  return withText(type, part, field);
}

function chosen({ type, ...of }: Json): Content | 'ignored' | 'invalid' {
  const field = answers.get(type);
  if (field === undefined) return 'ignored';
  const part = of[String(type)];
  return isRecord(part) ? withText(String(type), part, field) : 'invalid';
}

/** One field is what was said, the others stay with the message as they came. */
function withText(type: string, { type: _, ...part }: Json, field: string): Content {
  const { [field]: text = null, ...media } = part;
  return { text, media: { ...media, type } };
}

const statuses = new Map<unknown, ReceiptStatus>([
  ['accepted', 'accepted'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['failed', 'failed'],
]);

function statusIn(given: unknown): WebhookItem {
  if (!isRecord(given)) return { invalid: 'a status that is no object' };
  const status = statuses.get(given.status);
  if (!status)
    return typeof given.status === 'string'
      ? { ignored: toLogLabel(given.status) }
      : { invalid: 'a status without a word' };
  const at = parseUnixSeconds(given.timestamp)?.at;
  if (at === undefined) return { invalid: 'a status without a time' };
  const error = listIn(given.errors)?.[0];
  return toReceiptItem({ channel: 'whatsapp', status, at }, given.id, isRecord(error) ? errorIn(error) : null);
}

const errorIn = ({ code, title, message, error_data: data }: Json): { code: unknown; detail: unknown } => ({
  code,
  detail: (isRecord(data) ? data.details : undefined) ?? message ?? title,
});
