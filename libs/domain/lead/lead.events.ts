import type { Fact } from '../event.js';
import type { Profile } from '../contact/contact.events.js';
import type { AssignmentMode, Channel, Factor, InteractionKind, Origin, ScoreSource, Status } from './lead.state.js';

/** Every event of a lead names it; the lead's version counts them. */
export type LeadEvent =
  | LeadOpened
  | InteractionRecorded
  | OutboundMessageRecorded
  | LeadStatusChanged
  | LeadScored
  | ScoreSuggested
  | ScoreUnpinned
  | AiResultDropped
  | LeadAssigned
  | LeadUnassigned
  | FollowUpCreated
  | FollowUpRescheduled
  | FollowUpCompleted
  | FollowUpCancelled;

/** `personal` holds the contact as it was: later changes arrive as ContactProfileChanged. */
export type LeadOpened = Fact<
  'LeadOpened',
  {
    leadId: string;
    contactKey: string;
    /** 1 for the contact's first lead. */
    ordinal: number;
    previousLeadId: string | null;
    channel: Channel | null;
    origin: Origin;
  },
  Profile & { contactId: string; note: string | null }
>;

/** The event's id is the interaction's id. `occurredAt` is the sender's time, `receivedAt` the command's. */
export type InteractionRecorded = Fact<
  'InteractionRecorded',
  {
    leadId: string;
    channel: Channel;
    kind: InteractionKind;
    messageId: string;
    receivedAt: string;
    inReplyTo: string | null;
    /** The broadcast that this answers. */
    attribution: Origin['attribution'];
    broadcastId: string | null;
    /** It came after the lead was closed, and happened before. */
    late: boolean;
  },
  { text: string | null; media: unknown; integration: unknown }
>;

/** An agent's chat message. `occurredAt` is when it was sent, `receivedAt` the command's time. */
export type OutboundMessageRecorded = Fact<
  'OutboundMessageRecorded',
  { leadId: string; channel: Channel; messageId: string; receivedAt: string },
  { text: string | null }
>;

/** `from` equals `to` when only a reason or a note was added. */
export type LeadStatusChanged = Fact<
  'LeadStatusChanged',
  { leadId: string; from: Status; to: Status },
  { reason: string | null; note: string | null }
>;

interface AiResult {
  score: number;
  model: string;
  modelVersion: string | null;
  /** The newest interaction that the model had read, null when there was none. */
  readUpTo: string | null;
  /** How many of the lead's interactions that makes. */
  read: number;
}
interface AiWords {
  rationale: string | null;
  factors: readonly Factor[];
}

/** A manual score pins; `ai` says what an AI result went by. */
export type LeadScored = Fact<
  'LeadScored',
  { leadId: string; from: number | null; to: number; source: ScoreSource; ai: Omit<AiResult, 'score'> | null },
  AiWords & { reason: string | null; note: string | null }
>;

/** An AI result while a manual score is pinned. */
export type ScoreSuggested = Fact<'ScoreSuggested', { leadId: string } & AiResult, AiWords>;

export type ScoreUnpinned = Fact<'ScoreUnpinned', { leadId: string }>;

/** An AI result that came too late to count: the lead is closed, or a result that had read more stands. */
export type AiResultDropped = Fact<
  'AiResultDropped',
  { leadId: string; why: 'lead_inactive' | 'stale' } & AiResult,
  AiWords
>;

/** `followUps` are the open ones that moved along from the previous agent. */
export type LeadAssigned = Fact<
  'LeadAssigned',
  { leadId: string; from: string | null; to: string; mode: AssignmentMode; followUps: readonly string[] },
  { note: string | null }
>;

export type LeadUnassigned = Fact<
  'LeadUnassigned',
  { leadId: string; from: string; mode: AssignmentMode | 'agent_deactivated' }
>;

export type FollowUpCreated = Fact<
  'FollowUpCreated',
  { leadId: string; followUpId: string; dueAt: string; assigneeId: string | null },
  { contactId: string; note: string | null }
>;

export type FollowUpRescheduled = Fact<
  'FollowUpRescheduled',
  { leadId: string; followUpId: string; from: string; to: string },
  { reason: string | null }
>;

export type FollowUpCompleted = Fact<
  'FollowUpCompleted',
  { leadId: string; followUpId: string },
  { note: string | null }
>;

/** `why` is `lead_inactive` when closing the lead cancelled it. */
export type FollowUpCancelled = Fact<
  'FollowUpCancelled',
  { leadId: string; followUpId: string; why: 'lead_inactive' | 'asked' },
  { reason: string | null }
>;
