import { receiptStatuses, type Receipt, type ReceiptError, type ReceiptStatus } from './message.events.js';

/** What became of a message. Times are the provider's; RFC 3339, UTC, milliseconds. */
export interface Delivery {
  readonly state: ReceiptStatus;
  readonly milestones: {
    readonly queuedAt: string | null;
    readonly sentAt: string | null;
    readonly deliveredAt: string | null;
    /** It was read, so it was delivered, though nobody said when. */
    readonly deliveredImplied: boolean;
    readonly readAt: string | null;
    readonly failedAt: string | null;
  };
  /** The provider says both that it failed and that it arrived. */
  readonly conflict: boolean;
  /** That of the latest failure, also when the message arrived. */
  readonly error: ReceiptError | null;
  /** Every receipt, by when it happened. */
  readonly timeline: readonly {
    readonly status: ReceiptStatus;
    readonly occurredAt: string;
    readonly recordedAt: string;
    readonly error: ReceiptError | null;
  }[];
}

export const getStatusRank = (status: ReceiptStatus): number => receiptStatuses.indexOf(status);

/** A total order that does not depend on the order of arrival. */
const inOrder = (a: Receipt, b: Receipt): number =>
  compare(a.at, b.at) ||
  getStatusRank(a.status) - getStatusRank(b.status) ||
  compare(a.error?.code ?? '', b.error?.code ?? '');
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A pure function of the set of a message's receipts: order, repeats and delays of their arrival don't matter. */
export function computeDelivery(receipts: readonly Receipt[]): Delivery {
  const timeline = [...receipts].sort(inOrder);
  const firstAt = (status: ReceiptStatus): string | null => timeline.find((it) => it.status === status)?.at ?? null;
  const highest = timeline.reduce((rank, { status }) => Math.max(rank, getStatusRank(status)), 0);
  const deliveredAt = firstAt('delivered');
  const readAt = firstAt('read');
  const failedAt = firstAt('failed');
  return {
    state: receiptStatuses[highest]!,
    milestones: {
      queuedAt: firstAt('queued'),
      sentAt: firstAt('sent'),
      deliveredAt,
      deliveredImplied: readAt !== null && deliveredAt === null,
      readAt,
      failedAt,
    },
    conflict: failedAt !== null && (deliveredAt !== null || readAt !== null),
    error: timeline.findLast((it) => it.status === 'failed')?.error ?? null,
    timeline: timeline.map(({ status, at, recordedAt, error }) => ({ status, occurredAt: at, recordedAt, error })),
  };
}

/** How far a message got: 3 read, 2 delivered, 1 sent (what is implied counts), 0 not yet. */
export function computeDeliveryProgress({ milestones }: Delivery): 0 | 1 | 2 | 3 {
  if (milestones.readAt !== null) return 3;
  if (milestones.deliveredAt !== null) return 2;
  return milestones.sentAt !== null ? 1 : 0;
}

/** A message to a recipient; a retry is another one. */
interface Attempted {
  readonly messageId: string;
  readonly attempt: number;
  readonly receipts: readonly Receipt[];
}

/**
 * The attempt that counts for its recipient: the one that got farthest; a failed one only where all failed; else the latest.
 * Like a delivery it does not depend on the order in which things became known.
 */
export function selectBestAttempt<Attempt extends Attempted>(
  attempts: readonly Attempt[],
): { attempt: Attempt; delivery: Delivery } | undefined {
  const worth = ({ state }: Delivery): number => (state === 'failed' ? -1 : getStatusRank(state));
  return attempts
    .map((attempt) => ({ attempt, delivery: computeDelivery(attempt.receipts) }))
    .sort(
      (a, b) =>
        worth(a.delivery) - worth(b.delivery) ||
        a.attempt.attempt - b.attempt.attempt ||
        compare(a.attempt.messageId, b.attempt.messageId),
    )
    .at(-1);
}
