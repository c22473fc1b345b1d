import type { TypedEvent } from '../event.js';
import type { Status } from '../lead/lead.state.js';
import type { BulkAction, BulkMode } from './bulk.action.js';
import type { BulkResult } from './bulk.results.js';

export type BulkEvent =
  | BulkTargeted
  | BulkRequested
  | BulkItemsChecked
  | BulkItemsDone
  | BulkRetried
  | BulkCancelled
  | BulkCompleted
  | BulkFailed;

/** A part of a bulk's selection, written before the bulk is requested: it is fixed then. */
export type BulkTargeted = TypedEvent<
  'BulkTargeted',
  {
    /** The bulk's id: what its items did has it as correlation. */
    bulkId: string;
    /** Which attempt at selecting it is part of: one that was broken off is begun anew under another id. */
    selection: string;
    /** The place of the first of these leads among all, from 0. */
    from: number;
    /** The leads, as they were named or found. */
    leadIds: readonly string[];
  }
>;

/** The same is to be done to all leads of the selection before it. */
export type BulkRequested = TypedEvent<
  'BulkRequested',
  {
    bulkId: string;
    /** The attempt at selecting that came to its end. */
    selection: string;
    /** How many items there are. */
    total: number;
    /** How many items are carried out and recorded together. */
    blockSize: number;
    /** Whether one refusal stops all. */
    mode: BulkMode;
    /** The caller dated it back, and with it its items. */
    backdated: boolean;
    /** What is to be done; what does not belong to its type is null. */
    action: {
      /** Which command each item is. */
      type: BulkAction['type'];
      /** The status to change to. */
      status: Status | null;
      /** The score to set by hand. */
      score: number | null;
      /** Whom to assign. */
      agentId: string | null;
      /** Whether open follow-ups move along. */
      moveFollowUps: boolean | null;
      /** When the follow-up is due. */
      dueAt: string | null;
      /** Whose follow-up it is. */
      assigneeId: string | null;
      /** Whether the status becomes `follow_up`. */
      alsoSetStatus: boolean | null;
    };
  },
  {
    /** Why, as the caller said it. */
    reason: string | null;
    /** Whatever else the caller said. */
    note: string | null;
    /** The filter that selected the leads; null where they were named. */
    filter: unknown;
  }
>;

/** What would become of a block of items, of which none was carried out: asked before all or nothing. */
export type BulkItemsChecked = TypedEvent<
  'BulkItemsChecked',
  {
    bulkId: string;
    /** Which block of items, from 0. */
    block: number;
    /** What would become of each. */
    results: readonly BulkResult[];
  }
>;

/** Items of a block were carried out: all of it, or in a later round those to be tried again. */
export type BulkItemsDone = TypedEvent<
  'BulkItemsDone',
  {
    bulkId: string;
    /** 0, and one more with each retry. */
    round: number;
    block: number;
    /** What became of each. */
    results: readonly BulkResult[];
  }
>;

/** What was refused is tried again. */
export type BulkRetried = TypedEvent<'BulkRetried', { bulkId: string; round: number }>;

/** No more items are begun. */
export type BulkCancelled = TypedEvent<'BulkCancelled', { bulkId: string }>;

/** All items were carried out, as far as they were not refused. */
export type BulkCompleted = TypedEvent<'BulkCompleted', { bulkId: string }>;

/** All or nothing came to nothing: some items would have been refused. */
export type BulkFailed = TypedEvent<
  'BulkFailed',
  {
    bulkId: string;
    /** How many would have gone well. */
    ok: number;
    /** How many were as asked already. */
    unchanged: number;
    /** How many would have been refused. */
    rejected: number;
  }
>;
