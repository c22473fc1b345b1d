import type { Position } from '#domain/event';
import { deliveryOf, type Delivery } from '#domain/message/message.delivery';
import type { ColumnValue } from '#read-model/view';
import type { Query, ViewReader } from '#read-model/view-store';
import type { MessageRow } from './broadcast-delivery.projection.js';

/** A broadcast's message as its delivery timeline shows it. */
export interface DeliveredMessage
  extends
    Pick<MessageRow, 'messageId' | 'broadcastId' | 'campaign' | 'template' | 'channel' | 'attempt' | 'parameters'>,
    Delivery {}

export interface DeliveryPage {
  readonly items: readonly DeliveredMessage[];
  readonly last: { readonly value: ColumnValue; readonly key: string } | null;
  readonly checkpoint: Position | null;
}

/** All broadcast messages of the lead's contact, newest first; undefined when the organization has no such lead. */
export async function deliveriesOf(
  reader: ViewReader,
  org: string,
  leadId: string,
  page: Pick<Query, 'limit' | 'after'>,
): Promise<DeliveryPage | undefined> {
  const lead = (await reader.get<{ org: string }>('leads', [leadId])).get(leadId);
  if (lead?.org !== org) return undefined;
  const { rows, more, checkpoint } = await reader.find<MessageRow>('messages', {
    where: [{ column: 'contactKey', in: [leadId.slice(0, leadId.lastIndexOf('-'))] }],
    sort: { column: 'sentAt', descending: true },
    ...page,
  });
  const last = rows.at(-1);
  return {
    items: rows.map(({ row }) => shown(row)),
    last: more && last ? { value: last.sortValue, key: last.key } : null,
    checkpoint,
  };
}

const shown = (row: MessageRow): DeliveredMessage => {
  const { messageId, broadcastId, campaign, template, channel, attempt, parameters, receipts } = row;
  return { messageId, broadcastId, campaign, template, channel, attempt, parameters, ...deliveryOf(receipts) };
};
