import type { TypedEvent } from '../event-envelope.js';
import type { Status } from '../lead/lead.vocabulary.js';
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

interface BulkReference {
  /** The bulk job's id. The events of its items have it as their `correlation`. */
  readonly bulkId: string;
}

/** A part of a bulk job's selection, written before the job is requested. The selection cannot be changed afterwards. */
export type BulkTargeted = TypedEvent<
  'BulkTargeted',
  BulkReference & {
    /** The id of this attempt to write the selection. A new attempt has a new id and starts again. */
    readonly selection: string;
    /** The index of the first of these leads in the selection, from 0. */
    readonly from: number;
    /** The selected leads, in order. */
    readonly leadIds: readonly string[];
  }
>;

/** A bulk job was requested for all leads of the selection. */
export type BulkRequested = TypedEvent<
  'BulkRequested',
  BulkReference & {
    /** The id of the attempt that wrote the complete selection. */
    readonly selection: string;
    /** The number of items. */
    readonly total: number;
    /** How many items are executed and recorded together. */
    readonly blockSize: number;
    /** Whether one item that would be rejected prevents the execution of all items. */
    readonly mode: BulkMode;
    /** Whether the caller backdated the request and therefore all its items. */
    readonly backdated: boolean;
    /** The command for each lead. Fields that its type does not have are null. */
    readonly action: {
      /** The type of the command. */
      readonly type: BulkAction['type'];
      /** The new status. */
      readonly status: Status | null;
      /** The new score, set by hand. */
      readonly score: number | null;
      /** The agent to assign. */
      readonly agentId: string | null;
      /** Whether open follow-ups are reassigned to the new agent. */
      readonly moveFollowUps: boolean | null;
      /** When the follow-up is due. RFC 3339, UTC, milliseconds. */
      readonly dueAt: string | null;
      /** The agent responsible for the follow-up. */
      readonly assigneeId: string | null;
      /** Whether the status also changes to `follow_up`. */
      readonly alsoSetStatus: boolean | null;
    };
  },
  {
    /** The caller's reason. */
    readonly reason: string | null;
    /** The caller's note. */
    readonly note: string | null;
    /** The filter that selected the leads; null if the caller listed them. */
    readonly filter: unknown;
  }
>;

/** A block of an `all_or_nothing` job was checked: the outcome of each item was determined, but nothing was executed. */
export type BulkItemsChecked = TypedEvent<
  'BulkItemsChecked',
  BulkReference & {
    /** The index of the block, from 0. */
    readonly block: number;
    /** The result that each item would have. */
    readonly results: readonly BulkResult[];
  }
>;

/** The items of a block were executed: in the first round all of them, in a later round only those to retry. */
export type BulkItemsDone = TypedEvent<
  'BulkItemsDone',
  BulkReference & {
    /** 0 for the first round; each retry adds 1. */
    readonly round: number;
    /** The index of the block, from 0. */
    readonly block: number;
    /** The result of each executed item. */
    readonly results: readonly BulkResult[];
  }
>;

/** The caller asked to retry the items that were rejected or had a conflict. */
export type BulkRetried = TypedEvent<
  'BulkRetried',
  BulkReference & {
    /** The round that starts, from 1. */
    readonly round: number;
  }
>;

/** The bulk job was cancelled: no further items are executed. */
export type BulkCancelled = TypedEvent<'BulkCancelled', BulkReference>;

/** All items of the bulk job were executed or rejected. */
export type BulkCompleted = TypedEvent<'BulkCompleted', BulkReference>;

/** An `all_or_nothing` job failed its check: some items would have been rejected, so none was executed. */
export type BulkFailed = TypedEvent<
  'BulkFailed',
  BulkReference & {
    /** How many items would have succeeded. */
    readonly ok: number;
    /** How many leads already had the requested state. */
    readonly unchanged: number;
    /** How many items would have been rejected. */
    readonly rejected: number;
  }
>;
