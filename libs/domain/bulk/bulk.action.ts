import type { Status } from '../lead/lead.state.js';

/** `best_effort`: each item by itself. `all_or_nothing`: if one would be refused, nothing is done. */
export const bulkModes = ['best_effort', 'all_or_nothing'] as const;
export type BulkMode = (typeof bulkModes)[number];

/** What is done to each lead: the words of the single commands. */
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
