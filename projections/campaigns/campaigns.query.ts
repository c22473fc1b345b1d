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
  const keys = found.rows.map(({ key }) => key);
  const counters = await countByBroadcast(reader, keys);
  return toListPage(
    found,
    found.rows.map(({ key, row }) => toBroadcastResource(row, counters.get(key))),
  );
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
  if (row?.org !== org) return undefined;
  return toBroadcastResource(row, (await countByBroadcast(reader, [key])).get(key));
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

/**
 * The counters of each broadcast that has recipients, in one query that one index answers. Recipients are counted on read: to
 * maintain stored counters, every receipt would have to look them up.
 */
async function countByBroadcast(reader: ViewReader, keys: readonly string[]): Promise<ReadonlyMap<string, Counters>> {
  if (keys.length === 0) return new Map();
  const where: readonly Condition[] = [{ column: 'broadcast', in: keys }];
  const groups = await reader.group('recipients', { where, by: ['broadcast', 'progress', 'state', 'replied'] });
  const failedRank = getStatusRank('failed');
  const counters = new Map<string, Counters>();
  for (const { values, count } of groups) {
    const [broadcast, progress, state, replied] = values as [string, number, number, number];
    const sum = counters.get(broadcast) ?? noRecipients;
    const addIf = (counter: keyof Counters, isCounted: boolean): number => sum[counter] + (isCounted ? count : 0);
    counters.set(broadcast, {
      recipients: addIf('recipients', true),
      sent: addIf('sent', progress >= 1),
      delivered: addIf('delivered', progress >= 2),
      read: addIf('read', progress >= 3),
      failed: addIf('failed', state === failedRank),
      replied: addIf('replied', replied === 1),
    });
  }
  return counters;
}

const noRecipients: Counters = { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };

const toBroadcastResource = (
  { org: _, ...row }: BroadcastRow,
  counters: Counters = noRecipients,
): BroadcastResource => ({ ...row, counters });

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
