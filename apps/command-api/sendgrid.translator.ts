import type { ReceiptStatus } from '#domain/message/message.events';
import { isRecord } from '#http/validation';
import { toReceiptItem, parseUnixSeconds, toLogLabel, type WebhookItem } from './webhook-item.js';

/** The events that are receipts. What a reader does after opening a message, such as a click or a complaint, is not a receipt. */
const statuses = new Map<string, ReceiptStatus>([
  ['processed', 'accepted'],
  ['deferred', 'sent'],
  ['delivered', 'delivered'],
  ['open', 'read'],
  ['bounce', 'failed'],
  ['dropped', 'failed'],
]);

/** SendGrid generates a new `sg_event_id` when it repeats an event. That ID does not identify duplicates and is not used. */
export const translateSendGrid = (body: unknown): readonly WebhookItem[] =>
  Array.isArray(body) ? body.map(translateEvent) : [{ invalid: 'the body is not an array' }];

function translateEvent(value: unknown): WebhookItem {
  if (!isRecord(value)) return { invalid: 'an event is not an object' };
  const { event, timestamp, sg_message_id: id } = value;
  if (typeof event !== 'string') return { invalid: 'an event has no name' };
  const status = statuses.get(event);
  if (!status) return { ignored: toLogLabel(event) };
  const at = parseUnixSeconds(timestamp)?.at;
  if (at === undefined) return { invalid: 'an event has no valid time' };
  // A bounce that arrives long after the attempt has no message ID.
  if (id === undefined) return { ignored: `${event} without a message ID` };
  // The part before the first dot is the ID of the sent message. The rest describes its route.
  const messageId = typeof id === 'string' ? id.split('.', 1)[0] : id;
  return toReceiptItem({ channel: 'email', status, at }, messageId, parseError(event, value));
}

/** Why the message failed or was deferred. */
function parseError(
  event: string,
  value: Readonly<Record<string, unknown>>,
): { readonly code: unknown; readonly detail: unknown } | null {
  const detail = value.reason ?? value.response;
  if (event === 'deferred') return { code: 'deferred', detail };
  if (event !== 'bounce' && event !== 'dropped') return null;
  const code = [value.status, value.type].find((text) => typeof text === 'string' && text !== '');
  return { code: code ?? event, detail };
}
