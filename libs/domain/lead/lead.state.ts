import type { Channel, Profile } from '../vocabulary.js';
import type { ActiveStatus, Factor, FinalStatus, Origin, ScoreSource } from './lead.vocabulary.js';

/** An AI score that does not count because a score set by hand is pinned. */
export interface Suggestion {
  readonly score: number;
  readonly model: string;
  readonly modelVersion: string | null;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  readonly suggestedAt: string;
}

export interface Qualification {
  /** An integer from 0 to 100; null if the lead was never scored. */
  readonly score: number | null;
  readonly source: ScoreSource | null;
  /** AI results do not change a pinned score. */
  readonly pinned: boolean;
  readonly model: string | null;
  readonly modelVersion: string | null;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  readonly scoredAt: string | null;
  readonly suggestion: Suggestion | null;
}

export interface FollowUp {
  readonly id: string;
  readonly dueAt: string;
  readonly assigneeId: string | null;
  readonly note: string | null;
  readonly state: 'open' | 'completed' | 'cancelled';
  readonly createdAt: string;
  readonly closedAt: string | null;
  readonly closedReason: string | null;
  /** When its reminder fired; null if none has fired for the current due time. */
  readonly remindedAt: string | null;
}

/** State that only decisions need. */
export interface LeadMemory {
  readonly interactions: number;
  readonly newestInteraction: string | null;
  readonly outboundMessages: number;
  /** How many interactions the model had read for the newest accepted AI result. */
  readonly aiRead: number;
  /** How many interactions the model had read for the current suggestion. */
  readonly suggestionRead: number;
  /** The `aiResultKey` of the AI result dropped last: the same result is dropped only once. */
  readonly dropped: string | null;
  /** How many interactions the model was given when it failed last. */
  readonly failedRead: number;
  /** A person has set the status: automation does not change it. */
  readonly statusByPerson: boolean;
  /** Since when the lead has been waiting for an agent: see `evolveWaitingSince`. */
  readonly waitingSince: string | null;
}

/** The fields of a lead that do not depend on whether it is active. Projections store a lead as JSON; unknown values are null. */
export interface LeadFields {
  readonly id: string;
  readonly contactKey: string;
  readonly contactId: string;
  readonly contact: Profile;
  readonly ordinal: number;
  readonly previousLeadId: string | null;
  readonly channel: Channel | null;
  readonly origin: Origin;
  readonly statusChangedAt: string;
  readonly reason: string | null;
  readonly qualification: Qualification;
  readonly agentId: string | null;
  readonly assignedAt: string | null;
  readonly followUps: readonly FollowUp[];
  readonly lastInteractionAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** The number of the lead's own events. */
  readonly version: number;
  readonly memory: LeadMemory;
}

interface ActiveState {
  readonly active: true;
  readonly status: ActiveStatus;
  readonly closedAt: null;
}
interface ClosedState {
  readonly active: false;
  readonly status: FinalStatus;
  readonly closedAt: string;
}

export type ActiveLead = LeadFields & ActiveState;
export type ClosedLead = LeadFields & ClosedState;
/** Decisions use this state, lists store it and responses show it, so they cannot disagree. */
export type Lead = ActiveLead | ClosedLead;

/** Fields to change in a lead. The fields of its state change together or not at all. */
export type LeadChanges =
  Partial<LeadFields> | (Partial<LeadFields> & ActiveState) | (Partial<LeadFields> & ClosedState);

export const openFollowUpsOf = (lead: Lead): readonly FollowUp[] =>
  lead.followUps.filter((followUp) => followUp.state === 'open');

/** The open follow-up with the earliest due time; of several with the same due time, the one created first. */
export const findNextFollowUp = (lead: Lead): FollowUp | undefined =>
  openFollowUpsOf(lead).reduce<FollowUp | undefined>(
    (next, followUp) => (next && next.dueAt <= followUp.dueAt ? next : followUp),
    undefined,
  );

/** AI results with the same key are the same result. */
export const aiResultKey = (result: {
  readonly score: number;
  readonly model: string;
  readonly modelVersion: string | null;
  readonly read: number;
}): string => JSON.stringify([result.score, result.model, result.modelVersion, result.read]);
