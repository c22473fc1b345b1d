import type { ContactCommandInput } from '#commands/contact.handler';
import type { ReceiptInput } from '#commands/message.handler';
import type { Channel } from '#domain/vocabulary';
import { isFreeForm, isId, isName, isText } from '#http/fields';
import { parseInstant } from '#http/instant';

/** What one part of a webhook comes to. */
export type WebhookItem =
  | { readonly interaction: RecordInteractionInput }
  | { readonly receipt: ReceiptInput }
  /** Nothing to us: what it was, in the provider's word. */
  | { readonly ignored: string }
  /** It can't be what it should be: why, with nothing personal in it. */
  | { readonly invalid: string };

export type RecordInteractionInput = Extract<ContactCommandInput, { type: 'RecordInteraction' }>;

/** A message as its provider tells of it: nothing of it is known to be what it should be. */
export interface ProviderMessage {
  readonly channel: Channel;
  readonly contactId: unknown;
  readonly messageId: unknown;
  readonly name: unknown;
  readonly phone: string | null;
  /** Null: the provider gives none. */
  readonly occurredAt: RecordInteractionInput['occurredAt'];
  readonly text: unknown;
  readonly media: unknown;
  readonly inReplyTo: unknown;
  readonly integration: unknown;
}

/** A name that can't be one is left out: the message counts for more. */
export function toInteraction(told: ProviderMessage): WebhookItem {
  const { channel, contactId, messageId, occurredAt, text, media, integration } = told;
  if (!isId(contactId)) return { invalid: 'a message without a sender' };
  if (!isId(messageId)) return { invalid: 'a message without an id' };
  const said = text ?? null;
  if (said !== null && !isText(said)) return { invalid: 'a message whose text is none, or is longer than 64 KiB' };
  if (![media, integration].every((it) => it === null || isFreeForm(it)))
    return { invalid: 'a message with more beside its text than 64 KiB' };
  const profile = {
    ...(isName(told.name) ? { name: told.name } : {}),
    ...(told.phone === null ? {} : { phone: told.phone }),
  };
  const inReplyTo = isId(told.inReplyTo) ? told.inReplyTo : null;
  const what = { contactId, channel, messageId, occurredAt, text: said, media, inReplyTo, integration, profile };
  return { interaction: { type: 'RecordInteraction', kind: 'inferred', ...what } };
}

export function toReceiptItem(
  { channel, status, at }: Pick<ReceiptInput, 'channel' | 'status' | 'at'>,
  messageId: unknown,
  error: { readonly code: unknown; readonly detail: unknown } | null,
): WebhookItem {
  if (!isId(messageId)) return { invalid: 'a receipt without a message id' };
  const code = typeof error?.code === 'number' ? String(error.code) : error?.code;
  const detail = isText(error?.detail) && error.detail !== '' ? error.detail : null;
  return { receipt: { channel, messageId, status, at, error: isId(code) ? { code, detail } : null } };
}

/** Whole seconds since 1970, as a number or in digits; undefined when it is no such time. */
export function parseUnixSeconds(value: unknown): RecordInteractionInput['occurredAt'] | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^\d{1,11}$/.test(text)) return undefined;
  return parseInstant(new Date(Number(text) * 1_000).toISOString().replace('.000Z', 'Z'));
}

/** A provider's word for something, fit for a log. */
export const toLogLabel = (value: unknown): string =>
  typeof value === 'string' && /^[A-Za-z_.-]{1,40}$/.test(value) ? value : 'something else';

export const toE164 = (digits: unknown): string | null =>
  typeof digits === 'string' && /^[1-9]\d{5,14}$/.test(digits) ? `+${digits}` : null;
