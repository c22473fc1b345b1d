import { expect } from '@jest/globals';
import type { BatchItemResult } from '#commands/batch';
import type { ReceiptStatus } from '#domain/message/message.events';
import type { DeliveredMessage } from '#projections/broadcast-delivery/broadcast-delivery.query';
import type { BroadcastResource, RecipientResource } from '#projections/campaigns/campaigns.query';
import type { ApiResponse, App, QueryParams, StringMap } from './app.js';
import { getAllItems, postInteraction, retryWhileUnavailable, uniqueId } from './api-steps.js';

/* Requests about broadcasts. Broadcasts and messages get new ids unless the scenario names them. */

export interface BatchResponseBody {
  readonly results: readonly BatchItemResult[];
  readonly position: string;
  readonly code: string;
}

export const campaign = { id: 'spring', name: 'Spring' };
export const template = { name: 'spring_offer', language: 'en', category: 'marketing', body: 'Hello {{1}}' };

export const broadcastBody = (overrides: object = {}): object => ({
  id: uniqueId('broadcast'),
  name: 'Spring, first round',
  campaign,
  template,
  channel: 'whatsapp',
  ...overrides,
});

/** Creates a broadcast and returns its id. */
export async function postBroadcast(app: App, overrides: object = {}): Promise<string> {
  const { status, body } = await app.call<{ broadcast: BroadcastResource }>(
    'POST',
    '/v1/broadcasts',
    broadcastBody(overrides),
  );
  expect(status).toBe(201);
  return body.broadcast.id;
}

/** Retries a batch that gets a 503 on a busy machine. Messages that were recorded are not recorded twice. */
export const postMessages = (
  app: App,
  broadcastId: string,
  messages: readonly unknown[],
  headers?: StringMap,
): Promise<ApiResponse<BatchResponseBody>> =>
  retryWhileUnavailable(() => app.call('POST', `/v1/broadcasts/${broadcastId}/messages`, { messages }, headers));

/** Records one message, by default of a new broadcast to a new contact. */
export async function postMessage(
  app: App,
  overrides: object = {},
): Promise<{ contactId: string; messageId: string; broadcastId: string }> {
  const {
    contactId,
    messageId,
    broadcastId: givenBroadcastId,
    ...message
  } = { contactId: uniqueId('contact'), messageId: uniqueId('bm'), broadcastId: '', ...overrides };
  const broadcastId = givenBroadcastId || (await postBroadcast(app));
  const { status } = await postMessages(app, broadcastId, [{ contactId, messageId, ...message }]);
  expect(status).toBe(200);
  return { contactId, messageId, broadcastId };
}

/** A provider's receipt for a message, dated with `timeAtSecond`. */
export const receiptBody = (
  messageId: string,
  status: ReceiptStatus,
  second: number,
  overrides: object = {},
): object => ({
  channel: 'whatsapp',
  messageId,
  status,
  occurredAt: timeAtSecond(second),
  ...overrides,
});

/** The time that is `second` seconds after 09:00 UTC on 2 March 2026. */
export const timeAtSecond = (second: number): string => new Date(Date.UTC(2026, 2, 2, 9, 0, second)).toISOString();

export const postReceipts = (
  app: App,
  receipts: readonly unknown[],
  headers?: StringMap,
): Promise<ApiResponse<BatchResponseBody>> =>
  retryWhileUnavailable(() => app.call('POST', '/v1/receipts', { receipts }, headers));

export const batchOutcomes = ({ body }: ApiResponse<BatchResponseBody>): readonly string[] =>
  body.results.map((result) => result.outcome);

/** The delivery timeline of the contact's active lead. Opens a lead if there is none. */
export async function getDeliveries(app: App, contactId: string): Promise<DeliveredMessage[]> {
  const { leadId, position: after } = await postInteraction(app, { contactId });
  return getAllItems(app, `/v1/leads/${leadId}/broadcasts`, { after });
}

export async function getBroadcast(app: App, id: string, after: string): Promise<BroadcastResource> {
  const response = await app.get<BroadcastResource>(`/v1/broadcasts/${id}`, { after });
  expect(response.status).toBe(200);
  return response.body;
}

export const getRecipients = (app: App, id: string, query: QueryParams = {}): Promise<RecipientResource[]> =>
  getAllItems(app, `/v1/broadcasts/${id}/recipients`, query);
