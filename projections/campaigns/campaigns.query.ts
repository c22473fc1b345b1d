import { selectBestAttempt, computeDelivery, getStatusRank } from '#domain/message/message.delivery';
import type { ReceiptStatus } from '#domain/message/message.events';
import type { Condition, RowQuery, ViewReader } from '#read-model/view-store';
import { toListPage, type ListPage } from '../page.js';
import { broadcastKey, type BroadcastRow, type RecipientRow } from './campaigns.projection.js';

/**
 * Numbers of recipients. A read message also counts as delivered, and a delivered one as sent. `failed` counts the recipients whose
 * best attempt failed.
 */
export type Counters = Readonly<Record<'recipients' | 'sent' | 'delivered' | 'read' | 'failed' | 'replied', number>>;

export interface BroadcastResource extends Omit<BroadcastRow, 'org'> {
  readonly counters: Counters;
}

export interface RecipientResource {
  readonly contactId: string;
  readonly state: ReceiptStatus;
  readonly attempts: readonly { readonly messageId: string; readonly attempt: number; readonly state: ReceiptStatus }[];
  readonly repliedLeadId: string | null;
}

/** Newest first. */
export async function listBroadcasts(
  reader: ViewReader,
  org: string,
  page: Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<BroadcastResource>> {
  const found = await reader.find<BroadcastRow>('broadcasts', {
    where: [{ column: 'org', in: [org] }],
    sort: { column: 'createdAt', descending: true },
    ...page,
  });
  return toListPage(found, await Promise.all(found.rows.map(({ row }) => toBroadcastResource(reader, row))));
}

export const countBroadcasts = (reader: ViewReader, org: string): Promise<number> =>
  reader.count('broadcasts', { where: [{ column: 'org', in: [org] }] });

/** Undefined if the organization has no such broadcast. */
export async function loadBroadcast(
  reader: ViewReader,
  org: string,
  id: string,
): Promise<BroadcastResource | undefined> {
  const key = broadcastKey(org, id);
  const row = (await reader.get<BroadcastRow>('broadcasts', [key])).get(key);
  return row?.org === org ? toBroadcastResource(reader, row) : undefined;
}

/** In the order of the first send. Undefined if the organization has no such broadcast. */
export async function listRecipients(
  reader: ViewReader,
  org: string,
  broadcastId: string,
  states: readonly ReceiptStatus[] | null,
  page: Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<RecipientResource> | undefined> {
  const key = broadcastKey(org, broadcastId);
  if ((await reader.get<BroadcastRow>('broadcasts', [key])).get(key)?.org !== org) return undefined;
  const found = await reader.find<RecipientRow>('recipients', {
    where: recipientConditions(key, states),
    sort: { column: 'sentAt', descending: false },
    ...page,
  });
  return toListPage(
    found,
    found.rows.map(({ row }) => toRecipientResource(row)),
  );
}

export const countRecipients = (
  reader: ViewReader,
  org: string,
  broadcastId: string,
  states: readonly ReceiptStatus[] | null,
): Promise<number> =>
  reader.count('recipients', { where: recipientConditions(broadcastKey(org, broadcastId), states) });

const recipientConditions = (key: string, states: readonly ReceiptStatus[] | null): readonly Condition[] => [
  { column: 'broadcast', in: [key] },
  ...(states ? [{ column: 'state', in: states.map(getStatusRank) }] : []),
];

/** Recipients are counted on read, from an index. To maintain stored counters, every receipt would have to look them up. */
async function toBroadcastResource(reader: ViewReader, { org, ...row }: BroadcastRow): Promise<BroadcastResource> {
  const count = (...where: readonly Condition[]): Promise<number> =>
    reader.count('recipients', { where: [{ column: 'broadcast', in: [broadcastKey(org, row.id)] }, ...where] });
  const [recipients, sent, delivered, read, failed, replied] = await Promise.all([
    count(),
    count({ column: 'progress', from: 1 }),
    count({ column: 'progress', from: 2 }),
    count({ column: 'progress', from: 3 }),
    count({ column: 'state', in: [getStatusRank('failed')] }),
    count({ column: 'replied', in: [1] }),
  ]);
  return { ...row, counters: { recipients, sent, delivered, read, failed, replied } };
}

const toRecipientResource = ({ contactId, attempts, repliedLeadId }: RecipientRow): RecipientResource => ({
  contactId,
  state: selectBestAttempt(attempts)!.delivery.state,
  attempts: attempts.map(({ messageId, attempt, receipts }) => ({
    messageId,
    attempt,
    state: computeDelivery(receipts).state,
  })),
  repliedLeadId,
});
