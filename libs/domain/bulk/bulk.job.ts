import type { Actor } from '../event.js';
import type { BulkAction, BulkMode } from './bulk.action.js';
import type { BulkEvent, BulkRequested } from './bulk.events.js';
import { summarizeResults } from './bulk.results.js';

export const bulkStates = ['queued', 'running', 'completed', 'cancelled', 'failed'] as const;
export type BulkState = (typeof bulkStates)[number];

/** How far a bulk is, without its items. `failed`: all or nothing, and something would have been refused. */
export interface BulkJob {
  readonly id: string;
  readonly state: BulkState;
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly total: number;
  /** Items that were carried out, refused ones included. */
  readonly done: number;
  readonly ok: number;
  readonly unchanged: number;
  readonly rejected: number;
  /** How often what failed was tried again. */
  readonly retries: number;
  /** The round in which items were carried out first: all or nothing may have come to nothing before. */
  readonly firstRound: number;
  readonly requestedBy: Actor;
  readonly requestedAt: string;
  /** When it was completed, cancelled or failed; null: it is not. */
  readonly closedAt: string | null;
}

export const isOpen = ({ state }: Pick<BulkJob, 'state'>): boolean => state === 'queued' || state === 'running';

/** One fold for the bulk's own decisions, its answers and its view. Undefined before it is requested. */
export function evolveJob(job: BulkJob, event: BulkEvent): BulkJob;
export function evolveJob(job: BulkJob | undefined, event: BulkRequested): BulkJob;
export function evolveJob(job: BulkJob | undefined, event: BulkEvent): BulkJob | undefined;
export function evolveJob(job: BulkJob | undefined, event: BulkEvent): BulkJob | undefined {
  if (event.type === 'BulkRequested') return job ?? requested(event);
  if (!job) return undefined;
  const at = event.meta.occurredAt;
  switch (event.type) {
    case 'BulkItemsChecked':
      return { ...job, state: 'running' };
    case 'BulkItemsDone': {
      const { round, results } = event.data;
      const { total, ok, unchanged, rejected } = summarizeResults(results);
      // What is tried again was counted before, as rejected.
      const again = round > job.firstRound ? total : 0;
      return {
        ...job,
        state: isOpen(job) ? 'running' : job.state,
        done: job.done + total - again,
        ok: job.ok + ok,
        unchanged: job.unchanged + unchanged,
        rejected: job.rejected + rejected - again,
      };
    }
    case 'BulkRetried':
      return {
        ...job,
        state: 'queued',
        retries: event.data.round,
        closedAt: null,
        ...(job.state === 'failed' ? { ok: 0, unchanged: 0, rejected: 0, firstRound: event.data.round } : {}),
      };
    case 'BulkCancelled':
      return { ...job, state: 'cancelled', closedAt: at };
    case 'BulkCompleted':
      return { ...job, state: 'completed', closedAt: at };
    case 'BulkFailed': {
      const { ok, unchanged, rejected } = event.data;
      return { ...job, state: 'failed', ok, unchanged, rejected, closedAt: at };
    }
    case 'BulkTargeted':
    default:
      return job;
  }
}

function requested(event: BulkRequested): BulkJob {
  const { bulkId: id, mode, total } = event.data;
  const counted = { total, done: 0, ok: 0, unchanged: 0, rejected: 0, retries: 0, firstRound: 0 };
  const { actor: requestedBy, occurredAt: requestedAt } = event.meta;
  return {
    id,
    state: 'queued',
    action: toBulkAction(event),
    mode,
    ...counted,
    requestedBy,
    requestedAt,
    closedAt: null,
  };
}

/** The action, as it was asked for. */
export function toBulkAction({ data, personal }: BulkRequested): BulkAction {
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

const nothing = {
  status: null,
  score: null,
  agentId: null,
  moveFollowUps: null,
  dueAt: null,
  assigneeId: null,
  alsoSetStatus: null,
};

/** The action as an event holds it: what people said stands apart. */
export function toStoredAction(action: BulkAction): {
  readonly action: BulkRequested['data']['action'];
  readonly words: { readonly reason: string | null; readonly note: string | null };
} {
  const { reason = null, note = null, ...what } = { reason: null, note: null, ...action };
  return { action: { ...nothing, ...what }, words: { reason, note } };
}

/** The job as callers see it: its action in the words of the request. */
export type BulkJobResource = Omit<BulkJob, 'action' | 'firstRound'> & {
  readonly action: Readonly<Record<string, unknown>>;
};

export function toBulkJobResource({ action, firstRound: _, ...job }: BulkJob): BulkJobResource {
  if (action.type !== 'change_status') return { ...job, action };
  const { score: qualificationScore, ...what } = action;
  return { ...job, action: { ...what, qualificationScore } };
}
