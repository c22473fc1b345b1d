import type { Channel } from '#domain/vocabulary';
import type { ReceiptStatus } from '#domain/message/message.events';
import { toInteraction, toReceiptItem, toLogLabel, type WebhookItem } from './webhook-item.js';

/** Twilio's words in ours. A part of the segments that arrived is not the message. */
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

/** A status callback or an inbound message of Twilio's: always one thing. */
export function translateTwilio(form: URLSearchParams): WebhookItem {
  const word = form.get('MessageStatus') ?? form.get('SmsStatus');
  if (word === null || word === 'received' || word === 'receiving') return messageIn(form);
  const status = statuses.get(word);
  if (!status) return { ignored: toLogLabel(word) };
  const channel = channelOf(form.get('To'));
  if (!channel) return { ignored: 'another channel' };
  const code = form.get('ErrorCode');
  const detail = form.get('ErrorMessage') ?? form.get('ChannelStatusMessage');
  const error = code === null || code === '' || code === '0' ? null : { code, detail };
  return toReceiptItem({ channel, status, at: null }, sidOf(form), error);
}

function messageIn(form: URLSearchParams): WebhookItem {
  const from = form.get('From');
  if (from === null) return { invalid: 'neither a status nor a message' };
  const channel = channelOf(from);
  if (!channel) return { ignored: 'another channel' };
  const number = from.replace(/^\w+:/, '');
  // An alphanumeric sender or a short code is no phone.
  const phone = /^\+[1-9]\d{5,14}$/.test(number) ? number : null;
  return toInteraction({
    channel,
    // The same person as by the Cloud API, where an id has no plus.
    contactId: channel === 'whatsapp' ? number.replace(/^\+/, '') : number,
    messageId: sidOf(form),
    name: form.get('ProfileName'),
    phone,
    occurredAt: null,
    text: form.get('Body') || null,
    media: mediaIn(form),
    inReplyTo: form.get('OriginalRepliedMessageSid'),
    integration: null,
  });
}

const sidOf = (form: URLSearchParams): string | null => form.get('MessageSid') ?? form.get('SmsSid');

/** The prefix of an address tells; a bare one is a phone's. */
const channelOf = (address: string | null): Channel | undefined => {
  if (address?.startsWith('whatsapp:')) return 'whatsapp';
  if (address?.startsWith('messenger:')) return 'facebook';
  return address?.includes(':') ? undefined : 'sms';
};

const mostMedia = 10;

function mediaIn(form: URLSearchParams): object | null {
  const many = Math.min(mostMedia, Number(form.get('NumMedia')) || 0);
  const files = Array.from({ length: many }, (_, nth) => ({
    url: form.get(`MediaUrl${nth}`),
    contentType: form.get(`MediaContentType${nth}`),
  }));
  if (files.length > 0) return { type: 'files', files };
  const [latitude, longitude] = [form.get('Latitude'), form.get('Longitude')];
  if (latitude !== null && longitude !== null)
    return { type: 'location', latitude, longitude, name: form.get('Label'), address: form.get('Address') };
  const payload = form.get('ButtonPayload');
  return payload === null ? null : { type: 'button', payload };
}
