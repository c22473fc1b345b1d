import type { Channel } from '#domain/vocabulary';
import type { ReceiptStatus } from '#domain/message/message.events';
import { toInteraction, toReceiptItem, toLogLabel, type WebhookItem } from './webhook-item.js';

/** A message counts as sent, not as delivered, if only some of its segments were delivered. */
const statuses = new Map<string, ReceiptStatus>([
  ['scheduled', 'queued'],
  ['queued', 'queued'],
  ['accepted', 'accepted'],
  ['sending', 'accepted'],
  ['sent', 'sent'],
  ['partially_delivered', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['undelivered', 'failed'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

/** Translates a status callback or an inbound message. Each request from Twilio contains exactly one of them. */
export function translateTwilio(form: URLSearchParams): WebhookItem {
  const twilioStatus = form.get('MessageStatus') ?? form.get('SmsStatus');
  if (twilioStatus === null || twilioStatus === 'received' || twilioStatus === 'receiving')
    return translateMessage(form);
  const status = statuses.get(twilioStatus);
  if (!status) return { ignored: toLogLabel(twilioStatus) };
  const channel = channelOf(form.get('To'));
  if (!channel) return { ignored: 'another channel' };
  const code = form.get('ErrorCode');
  const detail = form.get('ErrorMessage') ?? form.get('ChannelStatusMessage');
  const error = code === null || code === '' || code === '0' ? null : { code, detail };
  return toReceiptItem({ channel, status, at: null }, messageIdOf(form), error);
}

function translateMessage(form: URLSearchParams): WebhookItem {
  const from = form.get('From');
  if (from === null) return { invalid: 'neither a status callback nor a message' };
  const channel = channelOf(from);
  if (!channel) return { ignored: 'another channel' };
  const number = from.replace(/^\w+:/, '');
  if (!address.test(number)) return { invalid: 'a message has no valid sender' };
  // An alphanumeric sender or a short code is not a phone number.
  const phone = /^\+[1-9]\d{5,14}$/.test(number) ? number : null;
  return toInteraction({
    channel,
    // The same contact as through the WhatsApp Cloud API, whose IDs have no plus sign.
    contactId: channel === 'whatsapp' ? number.replace(/^\+/, '') : number,
    messageId: messageIdOf(form),
    name: form.get('ProfileName'),
    phone,
    occurredAt: null,
    text: form.get('Body') || null,
    media: parseMedia(form),
    inReplyTo: form.get('OriginalRepliedMessageSid'),
    integration: null,
  });
}

/** A phone number, an alphanumeric sender or short code, a user ID of WhatsApp, or one of Messenger. */
const address = /^(?:\+[1-9]\d{5,14}|[A-Za-z0-9 .&_+-]{1,11}|[A-Z]{2}\.\d{1,40}|\d{1,20})$/;
const messageId = /^(?:SM|MM)[0-9a-f]{32}$/;

/** Null if it does not have Twilio's form: see isFromTwilio. */
function messageIdOf(form: URLSearchParams): string | null {
  const id = form.get('MessageSid') ?? form.get('SmsSid');
  return id !== null && messageId.test(id) ? id : null;
}

/** An address without a prefix is a phone number. */
const channelOf = (address: string | null): Channel | undefined => {
  if (address?.startsWith('whatsapp:')) return 'whatsapp';
  if (address?.startsWith('messenger:')) return 'facebook';
  return address?.includes(':') ? undefined : 'sms';
};

const maxMediaFiles = 10;

function parseMedia(form: URLSearchParams): object | null {
  const fileCount = Math.min(maxMediaFiles, Number(form.get('NumMedia')) || 0);
  const files = Array.from({ length: fileCount }, (_, index) => ({
    url: form.get(`MediaUrl${index}`),
    contentType: form.get(`MediaContentType${index}`),
  }));
  if (files.length > 0) return { type: 'files', files };
  const [latitude, longitude] = [form.get('Latitude'), form.get('Longitude')];
  if (latitude !== null && longitude !== null)
    return { type: 'location', latitude, longitude, name: form.get('Label'), address: form.get('Address') };
  const payload = form.get('ButtonPayload');
  return payload === null ? null : { type: 'button', payload };
}
