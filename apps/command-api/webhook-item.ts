import type { ContactCommandInput } from '#commands/contact.handler';
import type { ReceiptInput } from '#commands/message.handler';
import type { Channel } from '#domain/vocabulary';
import { isFreeForm, isId, isName, isText } from '#http/fields';
import { parseInstant } from '#http/instant';

/** One item of a webhook. Reasons and labels are logged, so they contain no personal data. */
export type WebhookItem =
  | { readonly interaction: RecordInteractionInput }
  | { readonly receipt: ReceiptInput }
  /** An item that is not recorded: the provider's name for it. */
  | { readonly ignored: string }
  /** A malformed item: the reason. */
  | { readonly invalid: string };

export type RecordInteractionInput = Extract<ContactCommandInput, { type: 'RecordInteraction' }>;

/** A message from a provider, not validated yet. */
export interface ProviderMessage {
  readonly channel: Channel;
  readonly contactId: unknown;
  readonly messageId: unknown;
  readonly name: unknown;
  readonly phone: string | null;
  /** Null if the provider sends no time. */
  readonly occurredAt: RecordInteractionInput['occurredAt'];
  readonly text: unknown;
  readonly media: unknown;
  readonly inReplyTo: unknown;
  readonly integration: unknown;
}

/** Omits an invalid name instead of rejecting the message. */
export function toInteraction(message: ProviderMessage): WebhookItem {
  const { channel, contactId, messageId, occurredAt, name, phone, media, integration } = message;
  if (!isId(contactId)) return { invalid: 'a message has no valid sender' };
  if (!isId(messageId)) return { invalid: 'a message has no valid ID' };
  const text = message.text ?? null;
  if (text !== null && !isText(text)) return { invalid: 'the text of a message is not a string of at most 64 KiB' };
  if (![media, integration].every((value) => value === null || isFreeForm(value)))
    return { invalid: 'a message has more than 64 KiB of data besides its text' };
  return {
    interaction: {
      type: 'RecordInteraction',
      kind: 'inferred',
      contactId,
      channel,
      messageId,
      occurredAt,
      text,
      media,
      inReplyTo: isId(message.inReplyTo) ? message.inReplyTo : null,
      integration,
      profile: { ...(isName(name) ? { name } : {}), ...(phone === null ? {} : { phone }) },
    },
  };
}

export function toReceiptItem(
  { channel, status, at }: Pick<ReceiptInput, 'channel' | 'status' | 'at'>,
  messageId: unknown,
  error: { readonly code: unknown; readonly detail: unknown } | null,
): WebhookItem {
  if (!isId(messageId)) return { invalid: 'a receipt has no valid message ID' };
  const code = typeof error?.code === 'number' ? String(error.code) : error?.code;
  const detail = isText(error?.detail) && error.detail !== '' ? error.detail : null;
  return { receipt: { channel, messageId, status, at, error: isId(code) ? { code, detail } : null } };
}

/** Parses whole seconds since 1970, given as a number or as digits. Undefined if it is neither. */
export function parseUnixSeconds(value: unknown): RecordInteractionInput['occurredAt'] | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^\d{1,11}$/.test(text)) return undefined;
  return parseInstant(new Date(Number(text) * 1_000).toISOString().replace('.000Z', 'Z'));
}

/** A provider's name for something, if it is safe to log. */
export const toLogLabel = (value: unknown): string =>
  typeof value === 'string' && /^[A-Za-z_.-]{1,40}$/.test(value) ? value : 'something else';

export const toE164 = (digits: unknown): string | null =>
  typeof digits === 'string' && /^[1-9]\d{5,14}$/.test(digits) ? `+${digits}` : null;
