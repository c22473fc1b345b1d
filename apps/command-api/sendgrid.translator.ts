import type { ReceiptStatus } from '#domain/message/message.events';
import { isRecord } from '#http/validation';
import { toReceiptItem, parseUnixSeconds, toLogLabel, type WebhookItem } from './webhook-item.js';

/** SendGrid's events in our words. What a reader did beyond opening (a click, a complaint) is no receipt. */
const statuses = new Map<string, ReceiptStatus>([
  ['processed', 'accepted'],
  ['deferred', 'sent'],
  ['delivered', 'delivered'],
  ['open', 'read'],
  ['bounce', 'failed'],
  ['dropped', 'failed'],
]);

/** Every event of the batch. Their `sg_event_id` is made anew when SendGrid repeats itself, so it tells nothing. */
export const translateSendGrid = (body: unknown): readonly WebhookItem[] =>
  Array.isArray(body) ? body.map(eventIn) : [{ invalid: 'a body that is no list' }];

function eventIn(given: unknown): WebhookItem {
  if (!isRecord(given)) return { invalid: 'an event that is no object' };
  const { event, timestamp, sg_message_id: id } = given;
  if (typeof event !== 'string') return { invalid: 'an event without a word' };
  const status = statuses.get(event);
  if (!status) return { ignored: toLogLabel(event) };
  const at = parseUnixSeconds(timestamp)?.at;
  if (at === undefined) return { invalid: 'an event without a time' };
  // A bounce that came long after the attempt names no message.
  if (id === undefined) return { ignored: `${event} without a message id` };
  // What was sent has the id before the dot; behind it stands the way that it went.
  const messageId = typeof id === 'string' ? id.split('.', 1)[0] : id;
  return toReceiptItem({ channel: 'email', status, at }, messageId, errorIn(event, given));
}

/** Why it failed, or was put off. */
function errorIn(event: string, of: Readonly<Record<string, unknown>>): { code: unknown; detail: unknown } | null {
  const detail = of.reason ?? of.response;
  if (event === 'deferred') return { code: 'deferred', detail };
  if (event !== 'bounce' && event !== 'dropped') return null;
  const code = [of.status, of.type].find((it) => typeof it === 'string' && it !== '');
  return { code: code ?? event, detail };
}
