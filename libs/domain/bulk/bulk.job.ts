import { createEvolve, type Evolutions } from '../decider.js';
import type { Actor } from '../event-envelope.js';
import type { BulkAction, BulkMode } from './bulk.action.js';
import type { BulkEvent, BulkRequested } from './bulk.events.js';
import { summarizeResults } from './bulk.results.js';

/** `failed`: the check of an `all_or_nothing` job found items that would be rejected. */
export const bulkStates = ['queued', 'running', 'completed', 'cancelled', 'failed'] as const;
export type BulkState = (typeof bulkStates)[number];

/** A bulk job's progress, without its items. A projection stores it as JSON. */
export interface BulkJob {
  readonly id: string;
  readonly state: BulkState;
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly total: number;
  /** How many items were executed, including rejected ones. */
  readonly done: number;
  readonly ok: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly retries: number;
  /** The first round in which items were executed. Later than 0 if the check of an `all_or_nothing` job failed before. */
  readonly firstRound: number;
  readonly requestedBy: Actor;
  readonly requestedAt: string;
  /** When the job was completed, cancelled or failed; null while it is open. */
  readonly closedAt: string | null;
}

export const isOpen = ({ state }: Pick<BulkJob, 'state'>): boolean => state === 'queued' || state === 'running';

/** Returns the job after one more event; undefined before it is requested. Decisions, responses and the view use this fold. */
export function evolveJob(job: BulkJob, event: BulkEvent): BulkJob;
export function evolveJob(job: BulkJob | undefined, event: BulkRequested): BulkJob;
export function evolveJob(job: BulkJob | undefined, event: BulkEvent): BulkJob | undefined;
export function evolveJob(job: BulkJob | undefined, event: BulkEvent): BulkJob | undefined {
  if (job) return evolveKnownJob(job, event);
  return event.type === 'BulkRequested' ? requestedJob(event) : undefined;
}

const evolutions: Evolutions<BulkJob, BulkEvent> = {
  BulkTargeted: (job) => job,
  BulkRequested: (job) => job,
  BulkItemsChecked: (job) => ({ ...job, state: 'running' }),

  BulkItemsDone(job, { data: { round, results } }) {
    const { total, ok, unchanged, rejected } = summarizeResults(results);
    // Retried items were already counted as done and rejected.
    const recounted = round > job.firstRound ? total : 0;
    return {
      ...job,
      state: isOpen(job) ? 'running' : job.state,
      done: job.done + total - recounted,
      ok: job.ok + ok,
      unchanged: job.unchanged + unchanged,
      rejected: job.rejected + rejected - recounted,
    };
  },

  BulkRetried(job, { data: { round } }) {
    const queued = { ...job, state: 'queued', retries: round, closedAt: null } as const;
    return job.state === 'failed' ? { ...queued, ok: 0, unchanged: 0, rejected: 0, firstRound: round } : queued;
  },

  BulkCancelled: (job, { meta }) => ({ ...job, state: 'cancelled', closedAt: meta.occurredAt }),
  BulkCompleted: (job, { meta }) => ({ ...job, state: 'completed', closedAt: meta.occurredAt }),

  BulkFailed(job, { data: { ok, unchanged, rejected }, meta }) {
    return { ...job, state: 'failed', ok, unchanged, rejected, closedAt: meta.occurredAt };
  },
};
const evolveKnownJob = createEvolve(evolutions);

function requestedJob(event: BulkRequested): BulkJob {
  const { bulkId, mode, total } = event.data;
  return {
    id: bulkId,
    state: 'queued',
    action: toBulkAction(event),
    mode,
    total,
    done: 0,
    ok: 0,
    unchanged: 0,
    rejected: 0,
    retries: 0,
    firstRound: 0,
    requestedBy: event.meta.actor,
    requestedAt: event.meta.occurredAt,
    closedAt: null,
  };
}

export function toBulkAction({ data, personal }: Pick<BulkRequested, 'data' | 'personal'>): BulkAction {
  const { type, status, score, agentId, moveFollowUps, dueAt, assigneeId, alsoSetStatus } = data.action;
  const { reason, note } = personal;
  switch (type) {
    case 'change_status':
      return { type, status, score, reason, note };
    case 'assign':
      return { type, agentId: agentId!, moveFollowUps: moveFollowUps!, note };
    case 'unassign':
      return { type };
    case 'create_follow_up':
      return { type, dueAt: dueAt!, note, assigneeId, alsoSetStatus: alsoSetStatus! };
  }
}

interface StoredAction {
  readonly action: BulkRequested['data']['action'];
  readonly text: { readonly reason: string | null; readonly note: string | null };
}

/** The action as an event stores it: `text` goes to the event's personal part. */
export function toStoredAction(action: BulkAction): StoredAction {
  const { type } = action;
  switch (type) {
    case 'change_status': {
      const { status, score, reason, note } = action;
      return { action: { ...emptyAction, type, status, score }, text: { reason, note } };
    }
    case 'assign': {
      const { agentId, moveFollowUps, note } = action;
      return { action: { ...emptyAction, type, agentId, moveFollowUps }, text: { reason: null, note } };
    }
    case 'unassign':
      return { action: { ...emptyAction, type }, text: { reason: null, note: null } };
    case 'create_follow_up': {
      const { dueAt, assigneeId, alsoSetStatus, note } = action;
      return { action: { ...emptyAction, type, dueAt, assigneeId, alsoSetStatus }, text: { reason: null, note } };
    }
  }
}

const emptyAction = {
  status: null,
  score: null,
  agentId: null,
  moveFollowUps: null,
  dueAt: null,
  assigneeId: null,
  alsoSetStatus: null,
};
