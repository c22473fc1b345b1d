import { expect } from '@jest/globals';
import type { BatchItemResult } from '#commands/batch';
import type { ReceiptStatus } from '#domain/message/message.events';
import type { DeliveredMessage } from '#projections/broadcast-delivery/broadcast-delivery.query';
import type { BroadcastResource, RecipientResource } from '#projections/campaigns/campaigns.query';
import type { ApiResponse, App, QueryParams, StringMap } from './app.js';
import { getAllItems, retryWhileUnavailable, uniqueId, postInteraction } from './api-steps.js';

/* What happens in stories of broadcasts. Broadcasts and messages get ids of their own unless the story names them. */

export interface BatchResponseBody {
  readonly results: readonly BatchItemResult[];
  readonly position: string;
  readonly code: string;
}

export const campaign = { id: 'spring', name: 'Spring' };
export const template = { name: 'spring_offer', language: 'en', category: 'marketing', body: 'Hello {{1}}' };

export const broadcastBody = (more: object = {}): object => ({
  id: uniqueId('broadcast'),
  name: 'Spring, first round',
  campaign,
  template,
  channel: 'whatsapp',
  ...more,
});

/** The id of a new broadcast. */
export async function postBroadcast(app: App, more: object = {}): Promise<string> {
  const { status, body } = await app.call<{ broadcast: BroadcastResource }>(
    'POST',
    '/v1/broadcasts',
    broadcastBody(more),
  );
  expect(status).toBe(201);
  return body.broadcast.id;
}

/** Large batches take long on a busy machine: whoever is told so sends them again, and what was recorded is not recorded twice. */
export const postMessages = (
  app: App,
  broadcastId: string,
  messages: readonly unknown[],
  sent?: StringMap,
): Promise<ApiResponse<BatchResponseBody>> =>
  retryWhileUnavailable(() => app.call('POST', `/v1/broadcasts/${broadcastId}/messages`, { messages }, sent));

/** A message of a new broadcast to a contact, both new unless the story names them. */
export async function postMessage(
  app: App,
  more: object = {},
): Promise<{ contactId: string; messageId: string; broadcastId: string }> {
  const asked = { contactId: uniqueId('contact'), messageId: uniqueId('bm'), broadcastId: '', ...more };
  const broadcastId = asked.broadcastId || (await postBroadcast(app));
  const { contactId, messageId, ...rest } = { ...asked, broadcastId: undefined };
  const { status } = await postMessages(app, broadcastId, [{ contactId, messageId, ...rest }]);
  expect(status).toBe(200);
  return { contactId, messageId, broadcastId };
}

/** What a provider says of a message, at a second of one day. */
export const receiptBody = (messageId: string, status: ReceiptStatus, second: number, more: object = {}): object => ({
  channel: 'whatsapp',
  messageId,
  status,
  occurredAt: timeAtSecond(second),
  ...more,
});
export const timeAtSecond = (second: number): string => new Date(Date.UTC(2026, 2, 2, 9, 0, second)).toISOString();

export const postReceipts = (
  app: App,
  receipts: readonly unknown[],
  sent?: StringMap,
): Promise<ApiResponse<BatchResponseBody>> =>
  retryWhileUnavailable(() => app.call('POST', '/v1/receipts', { receipts }, sent));

export const batchOutcomes = ({ body }: ApiResponse<BatchResponseBody>): readonly string[] =>
  body.results.map((it) => it.outcome);

/** The delivery timeline of a lead of the contact, opened for that if there is none. */
export async function getDeliveries(app: App, contactId: string): Promise<DeliveredMessage[]> {
  const { leadId, position: after } = await postInteraction(app, { contactId });
  return getAllItems(app, `/v1/leads/${leadId}/broadcasts`, { after });
}

export const getBroadcast = async (app: App, id: string, after: string): Promise<BroadcastResource> => {
  const answer = await app.get<BroadcastResource>(`/v1/broadcasts/${id}`, { after });
  expect(answer.status).toBe(200);
  return answer.body;
};

export const getRecipients = (app: App, id: string, query: QueryParams = {}): Promise<RecipientResource[]> =>
  getAllItems(app, `/v1/broadcasts/${id}/recipients`, query);
