import { expect } from '@jest/globals';
import type { ItemResult } from '#commands/batch';
import type { ReceiptStatus } from '#domain/message/message.events';
import type { DeliveredMessage } from '#projections/broadcast-delivery/broadcast-delivery.query';
import type { ShownBroadcast, ShownRecipient } from '#projections/campaigns/campaigns.query';
import type { Answer, App, Query, Sent } from './app.js';
import { allItems, patiently, unique, writes } from './story.js';

/* What happens in stories of broadcasts. Broadcasts and messages get ids of their own unless the story names them. */

export interface Batch {
  readonly results: readonly ItemResult[];
  readonly position: string;
  readonly code: string;
}

export const campaign = { id: 'spring', name: 'Spring' };
export const template = { name: 'spring_offer', language: 'en', category: 'marketing', body: 'Hello {{1}}' };

export const broadcastOf = (more: object = {}): object => ({
  id: unique('broadcast'),
  name: 'Spring, first round',
  campaign,
  template,
  channel: 'whatsapp',
  ...more,
});

/** The id of a new broadcast. */
export async function aBroadcast(app: App, more: object = {}): Promise<string> {
  const { status, body } = await app.call<{ broadcast: ShownBroadcast }>('POST', '/v1/broadcasts', broadcastOf(more));
  expect(status).toBe(201);
  return body.broadcast.id;
}

/** Large batches take long on a busy machine: whoever is told so sends them again, and what was recorded is not recorded twice. */
export const send = (
  app: App,
  broadcastId: string,
  messages: readonly unknown[],
  sent?: Sent,
): Promise<Answer<Batch>> =>
  patiently(() => app.call('POST', `/v1/broadcasts/${broadcastId}/messages`, { messages }, sent));

/** A message of a new broadcast to a contact, both new unless the story names them. */
export async function aMessage(
  app: App,
  more: object = {},
): Promise<{ contactId: string; messageId: string; broadcastId: string }> {
  const asked = { contactId: unique('contact'), messageId: unique('bm'), broadcastId: '', ...more };
  const broadcastId = asked.broadcastId || (await aBroadcast(app));
  const { contactId, messageId, ...rest } = { ...asked, broadcastId: undefined };
  const { status } = await send(app, broadcastId, [{ contactId, messageId, ...rest }]);
  expect(status).toBe(200);
  return { contactId, messageId, broadcastId };
}

/** What a provider says of a message, at a second of one day. */
export const receipt = (messageId: string, status: ReceiptStatus, second: number, more: object = {}): object => ({
  channel: 'whatsapp',
  messageId,
  status,
  occurredAt: secondOf(second),
  ...more,
});
export const secondOf = (second: number): string => new Date(Date.UTC(2026, 2, 2, 9, 0, second)).toISOString();

export const receive = (app: App, receipts: readonly unknown[], sent?: Sent): Promise<Answer<Batch>> =>
  patiently(() => app.call('POST', '/v1/receipts', { receipts }, sent));

export const outcomes = ({ body }: Answer<Batch>): readonly string[] => body.results.map((it) => it.outcome);

/** The delivery timeline of a lead of the contact, opened for that if there is none. */
export async function deliveriesOf(app: App, contactId: string): Promise<DeliveredMessage[]> {
  const { leadId, position: after } = await writes(app, { contactId });
  return allItems(app, `/v1/leads/${leadId}/broadcasts`, { after });
}

export const broadcastNow = async (app: App, id: string, after: string): Promise<ShownBroadcast> => {
  const answer = await app.get<ShownBroadcast>(`/v1/broadcasts/${id}`, { after });
  expect(answer.status).toBe(200);
  return answer.body;
};

export const recipientsOf = (app: App, id: string, query: Query = {}): Promise<ShownRecipient[]> =>
  allItems(app, `/v1/broadcasts/${id}/recipients`, query);
