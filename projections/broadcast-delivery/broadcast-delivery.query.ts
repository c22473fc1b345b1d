import { computeDelivery, type Delivery } from '#domain/message/message.delivery';
import { contactKeyOf } from '#domain/lead/lead.id';
import type { Condition, RowQuery, ViewReader } from '#read-model/view-store';
import { toListPage, type ListPage } from '../page.js';
import type { MessageRow } from './broadcast-delivery.projection.js';

/** A broadcast message with its delivery timeline. */
export interface DeliveredMessage
  extends
    Pick<MessageRow, 'messageId' | 'broadcastId' | 'campaign' | 'template' | 'channel' | 'attempt' | 'parameters'>,
    Delivery {}

/** All broadcast messages of the lead's contact, newest first; undefined if the organization has no such lead. */
export async function listDeliveries(
  reader: ViewReader,
  org: string,
  leadId: string,
  page: Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<DeliveredMessage> | undefined> {
  const lead = (await reader.get<{ org: string }>('leads', [leadId])).get(leadId);
  if (lead?.org !== org) return undefined;
  const found = await reader.find<MessageRow>('messages', {
    where: messagesOfContact(leadId),
    sort: { column: 'sentAt', descending: true },
    ...page,
  });
  return toListPage(
    found,
    found.rows.map(({ row }) => toResource(row)),
  );
}

export const countDeliveries = (reader: ViewReader, leadId: string): Promise<number> =>
  reader.count('messages', { where: messagesOfContact(leadId) });

const messagesOfContact = (leadId: string): readonly Condition[] => [
  { column: 'contactKey', in: [contactKeyOf(leadId)] },
];

const toResource = (row: MessageRow): DeliveredMessage => {
  const { messageId, broadcastId, campaign, template, channel, attempt, parameters, receipts } = row;
  return { messageId, broadcastId, campaign, template, channel, attempt, parameters, ...computeDelivery(receipts) };
};
