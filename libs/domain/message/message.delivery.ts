import { receiptStatuses, type Receipt, type ReceiptError, type ReceiptStatus } from './message.events.js';

/** A message's state and history. Times are the provider's, in RFC 3339, UTC, milliseconds. */
export interface Delivery {
  readonly state: ReceiptStatus;
  readonly milestones: {
    readonly queuedAt: string | null;
    readonly sentAt: string | null;
    readonly deliveredAt: string | null;
    /** The message was read, so it was delivered, but no receipt says when. */
    readonly deliveredImplied: boolean;
    readonly readAt: string | null;
    readonly failedAt: string | null;
  };
  /** The provider reported both a failure and a delivery. */
  readonly conflict: boolean;
  /** The error of the latest failure, even if the message was delivered. */
  readonly error: ReceiptError | null;
  /** Every receipt, in chronological order. */
  readonly timeline: readonly {
    readonly status: ReceiptStatus;
    readonly occurredAt: string;
    readonly recordedAt: string;
    readonly error: ReceiptError | null;
  }[];
}

export const getStatusRank = (status: ReceiptStatus): number => receiptStatuses.indexOf(status);

/** A total order that does not depend on the order of arrival. */
const compareReceipts = (a: Receipt, b: Receipt): number =>
  compare(a.at, b.at) ||
  getStatusRank(a.status) - getStatusRank(b.status) ||
  compare(a.error?.code ?? '', b.error?.code ?? '');
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Depends only on the set of receipts, not on the order in which they arrived. */
export function computeDelivery(receipts: readonly Receipt[]): Delivery {
  const timeline = [...receipts].sort(compareReceipts);
  const firstAt = (status: ReceiptStatus): string | null =>
    timeline.find((receipt) => receipt.status === status)?.at ?? null;
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
    error: timeline.findLast((receipt) => receipt.status === 'failed')?.error ?? null,
    timeline: timeline.map(({ status, at, recordedAt, error }) => ({ status, occurredAt: at, recordedAt, error })),
  };
}

/** 3: read, 2: delivered, 1: sent, 0: none of these. */
export function computeDeliveryProgress({ milestones }: Delivery): 0 | 1 | 2 | 3 {
  if (milestones.readAt !== null) return 3;
  if (milestones.deliveredAt !== null) return 2;
  return milestones.sentAt !== null ? 1 : 0;
}

/** One message to a recipient. A retry is another message. */
interface MessageAttempt {
  readonly messageId: string;
  readonly attempt: number;
  readonly receipts: readonly Receipt[];
}

/**
 * Selects the attempt that counts for its recipient: the one with the highest status, or the latest of several. Here `failed` ranks
 * lowest. Returns undefined without attempts. The result does not depend on the order of the attempts.
 */
export function selectBestAttempt<Attempt extends MessageAttempt>(
  attempts: readonly Attempt[],
): { attempt: Attempt; delivery: Delivery } | undefined {
  const rankOf = ({ state }: Delivery): number => (state === 'failed' ? -1 : getStatusRank(state));
  return attempts
    .map((attempt) => ({ attempt, delivery: computeDelivery(attempt.receipts) }))
    .sort(
      (a, b) =>
        rankOf(a.delivery) - rankOf(b.delivery) ||
        a.attempt.attempt - b.attempt.attempt ||
        compare(a.attempt.messageId, b.attempt.messageId),
    )
    .at(-1);
}
