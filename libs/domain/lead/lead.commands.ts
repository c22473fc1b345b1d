import type { AssignmentMode, Channel, Factor, Status } from './lead.state.js';

/** Everything that can be asked of a lead. Times are RFC 3339 in UTC with milliseconds; absent facts are null. */
export type LeadCommand =
  | ChangeStatus
  | AssignAgent
  | UnassignAgent
  | RecordAiResult
  | RecordQualificationFailure
  | UnpinScore
  | CreateFollowUp
  | CompleteFollowUp
  | CancelFollowUp
  | RescheduleFollowUp
  | RemindFollowUp
  | RecordOutboundMessage;

/** What is known of an agent outside the lead's stream when the decision is made. */
export interface AgentLookup {
  readonly id: string;
  readonly status: 'active' | 'inactive' | 'unknown';
}

/** A status, a score by hand, or both. */
export interface ChangeStatus {
  readonly type: 'ChangeStatus';
  readonly leadId: string;
  readonly status: Status | null;
  readonly score: number | null;
  readonly reason: string | null;
  readonly note: string | null;
}

export interface AssignAgent {
  readonly type: 'AssignAgent';
  readonly leadId: string;
  readonly agent: AgentLookup;
  readonly mode: AssignmentMode;
  /** Open follow-ups of the previous agent move along. */
  readonly moveFollowUps: boolean;
  readonly note: string | null;
  /** Only if it still waits for an agent since then; null: whether it waits or not. */
  readonly onlyIf: { readonly waitingSince: string } | null;
}

export interface UnassignAgent {
  readonly type: 'UnassignAgent';
  readonly leadId: string;
  readonly mode: AssignmentMode | 'agent_deactivated';
  /** Only if it is still this assignment; null: whichever it is. */
  readonly onlyIf: { readonly agentId: string; readonly assignedAt: string } | null;
}

export interface RecordAiResult {
  readonly type: 'RecordAiResult';
  readonly leadId: string;
  readonly score: number;
  readonly model: string;
  readonly modelVersion: string | null;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  /** An interaction's id; null: the newest. */
  readonly readUpTo: string | null;
}

/** An AI was asked for a result and could not give one. */
export interface RecordQualificationFailure {
  readonly type: 'RecordQualificationFailure';
  readonly leadId: string;
  readonly model: string;
  /** The newest interaction that it was given. */
  readonly readUpTo: string;
  /** Nothing personal. */
  readonly reason: string;
}

export interface UnpinScore {
  readonly type: 'UnpinScore';
  readonly leadId: string;
}

export interface CreateFollowUp {
  readonly type: 'CreateFollowUp';
  readonly leadId: string;
  readonly followUpId: string;
  readonly dueAt: string;
  readonly note: string | null;
  /** Null: the lead's agent, else the agent who asks. */
  readonly assignee: AgentLookup | null;
  /** The lead's status becomes `follow_up`. */
  readonly alsoSetStatus: boolean;
}

interface OfFollowUp {
  readonly leadId: string;
  readonly followUpId: string;
}
export interface CompleteFollowUp extends OfFollowUp {
  readonly type: 'CompleteFollowUp';
  readonly note: string | null;
}
export interface CancelFollowUp extends OfFollowUp {
  readonly type: 'CancelFollowUp';
  readonly reason: string | null;
}
export interface RescheduleFollowUp extends OfFollowUp {
  readonly type: 'RescheduleFollowUp';
  readonly dueAt: string;
  readonly reason: string | null;
}

/** Its time has come. `dueAt`: the time that is meant, so that a follow-up which was rescheduled meanwhile is left alone. */
export interface RemindFollowUp extends OfFollowUp {
  readonly type: 'RemindFollowUp';
  readonly dueAt: string;
}

/** An agent's chat message to the contact. Channel null: the lead's. */
export interface RecordOutboundMessage {
  readonly type: 'RecordOutboundMessage';
  readonly leadId: string;
  readonly channel: Channel | null;
  readonly messageId: string;
  readonly text: string | null;
  readonly sentAt: string | null;
}
