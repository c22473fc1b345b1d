import type { Channel } from '../vocabulary.js';
import type { AssignmentMode, Factor, Status } from './lead.vocabulary.js';

/** Times are RFC 3339 in UTC with milliseconds; unknown values are null. */
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

/** An agent's status, read from the agent's stream when the command is handled. */
export interface AgentLookup {
  readonly id: string;
  readonly status: 'active' | 'inactive' | 'unknown';
}

/** Changes the status, sets a score by hand, or both. */
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
  /** Open follow-ups of the previous agent are reassigned to the new agent. */
  readonly moveFollowUps: boolean;
  readonly note: string | null;
  /** Does nothing unless the lead has been waiting for an agent since this time. Null: assigns in any case. */
  readonly onlyIf: { readonly waitingSince: string } | null;
}

export interface UnassignAgent {
  readonly type: 'UnassignAgent';
  readonly leadId: string;
  readonly mode: AssignmentMode | 'agent_deactivated';
  /** Does nothing unless this is still the current assignment. Null: ends any assignment. */
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
  /** The newest interaction that the model had read. Null: the lead's newest. */
  readonly readUpTo: string | null;
}

/** An AI model was asked to score the lead and failed. */
export interface RecordQualificationFailure {
  readonly type: 'RecordQualificationFailure';
  readonly leadId: string;
  readonly model: string;
  /** The newest interaction that the model was given. */
  readonly readUpTo: string;
  /** Must not contain personal data. */
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
  /** Null: the lead's agent or, if it has none, the agent who creates it. */
  readonly assignee: AgentLookup | null;
  /** Also changes the lead's status to `follow_up`. */
  readonly alsoSetStatus: boolean;
}

interface FollowUpReference {
  readonly leadId: string;
  readonly followUpId: string;
}
export interface CompleteFollowUp extends FollowUpReference {
  readonly type: 'CompleteFollowUp';
  readonly note: string | null;
}
export interface CancelFollowUp extends FollowUpReference {
  readonly type: 'CancelFollowUp';
  readonly reason: string | null;
}
export interface RescheduleFollowUp extends FollowUpReference {
  readonly type: 'RescheduleFollowUp';
  readonly dueAt: string;
  readonly reason: string | null;
}
/** Records that the reminder of a due follow-up fired. */
export interface RemindFollowUp extends FollowUpReference {
  readonly type: 'RemindFollowUp';
  /** The due time that was reached. Does nothing if the follow-up has been rescheduled. */
  readonly dueAt: string;
}

/** Records an agent's chat message to the contact. */
export interface RecordOutboundMessage {
  readonly type: 'RecordOutboundMessage';
  readonly leadId: string;
  /** Null: the lead's channel. */
  readonly channel: Channel | null;
  readonly messageId: string;
  readonly text: string | null;
  /** Null: the command's time. */
  readonly sentAt: string | null;
}
