import type { Status } from '../lead/lead.vocabulary.js';

/** `best_effort`: each item succeeds or fails alone. `all_or_nothing`: if one item would be rejected, none is executed. */
export const bulkModes = ['best_effort', 'all_or_nothing'] as const;
export type BulkMode = (typeof bulkModes)[number];

/** The command for each lead, with the fields of the single command. */
export type BulkAction =
  | {
      readonly type: 'change_status';
      readonly status: Status | null;
      readonly score: number | null;
      readonly reason: string | null;
      readonly note: string | null;
    }
  | {
      readonly type: 'assign';
      readonly agentId: string;
      readonly moveFollowUps: boolean;
      readonly note: string | null;
    }
  | { readonly type: 'unassign' }
  | {
      readonly type: 'create_follow_up';
      readonly dueAt: string;
      readonly note: string | null;
      readonly assigneeId: string | null;
      readonly alsoSetStatus: boolean;
    };
