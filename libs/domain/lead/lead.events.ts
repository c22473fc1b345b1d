import type { TypedEvent } from '../event.js';
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
  | QualificationFailed
  | LeadAssigned
  | LeadUnassigned
  | FollowUpCreated
  | FollowUpRescheduled
  | FollowUpReminded
  | FollowUpCompleted
  | FollowUpCancelled;

/** `personal` holds the contact as it was: later changes arrive as ContactProfileChanged. */
export type LeadOpened = TypedEvent<
  'LeadOpened',
  {
    /** The lead's id: its contact's key and its ordinal. */
    leadId: string;
    contactKey: string;
    /** 1 for the contact's first lead. */
    ordinal: number;
    /** The contact's lead before this one. */
    previousLeadId: string | null;
    /** By which it came; null for one that was made by hand. */
    channel: Channel | null;
    /** Where it came from. */
    origin: Origin;
  },
  Profile & {
    contactId: string;
    /** What somebody wrote about it. */
    note: string | null;
  }
>;

/** The event's id is the interaction's id. `occurredAt` is the sender's time, `receivedAt` the command's. */
export type InteractionRecorded = TypedEvent<
  'InteractionRecorded',
  {
    leadId: string;
    channel: Channel;
    kind: InteractionKind;
    messageId: string;
    receivedAt: string;
    /** The message that it answers, where it names one. */
    inReplyTo: string | null;
    /** How surely it answers the broadcast: it names its message, came within the time for replies, or doesn't. */
    attribution: Origin['attribution'];
    /** The broadcast that it answers. */
    broadcastId: string | null;
    /** It came after the lead was closed, and happened before. */
    late: boolean;
  },
  {
    /** What was written, where there is text. */
    text: string | null;
    /** What came with it, such as a picture, as it was given. */
    media: unknown;
    /** What an integration sent, such as the fields of a form, as it was given. */
    integration: unknown;
  }
>;

/** An agent's chat message. `occurredAt` is when it was sent, `receivedAt` the command's time. */
export type OutboundMessageRecorded = TypedEvent<
  'OutboundMessageRecorded',
  { leadId: string; channel: Channel; messageId: string; receivedAt: string },
  { text: string | null }
>;

/** `from` equals `to` when only a reason or a note was added. */
export type LeadStatusChanged = TypedEvent<
  'LeadStatusChanged',
  {
    leadId: string;
    /** The status before. */
    from: Status;
    /** The status from now on. */
    to: Status;
  },
  {
    /** Why, where somebody said so. */
    reason: string | null;
    note: string | null;
  }
>;

interface AiResult {
  /** An integer from 0 to 100. */
  score: number;
  /** Which model found it. */
  model: string;
  /** The model's version. */
  modelVersion: string | null;
  /** The newest interaction that the model had read, null when there was none. */
  readUpTo: string | null;
  /** How many of the lead's interactions that makes. */
  read: number;
}
interface AiWords {
  /** Why, in the model's words. */
  rationale: string | null;
  /** What moved the score. */
  factors: readonly Factor[];
}

/** The lead has another score. A manual one pins. */
export type LeadScored = TypedEvent<
  'LeadScored',
  {
    leadId: string;
    /** The score before; null when it was never scored. */
    from: number | null;
    /** The score from now on, an integer from 0 to 100. */
    to: number;
    /** Whose it is: a manual one pins. */
    source: ScoreSource;
    /** What an AI result went by; null for a manual score. */
    ai: Omit<AiResult, 'score'> | null;
  },
  AiWords & { reason: string | null; note: string | null }
>;

/** An AI result while a manual score is pinned. */
export type ScoreSuggested = TypedEvent<'ScoreSuggested', { leadId: string } & AiResult, AiWords>;

/** AI results count again; score and suggestion stay as they are. */
export type ScoreUnpinned = TypedEvent<'ScoreUnpinned', { leadId: string }>;

/** An AI result that came too late to count: the lead is closed, or a result that had read more stands. */
export type AiResultDropped = TypedEvent<
  'AiResultDropped',
  {
    leadId: string;
    /** The lead is closed, or a result that had read more stands. */
    why: 'lead_inactive' | 'stale';
  } & AiResult,
  AiWords
>;

/** An AI was asked for a result and could not give one: the score stays as it is. */
export type QualificationFailed = TypedEvent<
  'QualificationFailed',
  {
    leadId: string;
    /** Which model was asked. */
    model: string;
    /** The newest interaction that it was given. */
    readUpTo: string;
    /** How many of the lead's interactions that makes. */
    read: number;
    /** Why, in words of ours. */
    reason: string;
  }
>;

/** An agent works on the lead from now on. */
export type LeadAssigned = TypedEvent<
  'LeadAssigned',
  {
    leadId: string;
    /** The agent before; null when there was none. */
    from: string | null;
    /** The agent from now on. */
    to: string;
    /** How the agent was chosen. */
    mode: AssignmentMode;
    /** The open follow-ups that moved along from the agent before. */
    followUps: readonly string[];
  },
  { note: string | null }
>;

/** Nobody works on the lead from now on. */
export type LeadUnassigned = TypedEvent<
  'LeadUnassigned',
  {
    leadId: string;
    /** The agent before. */
    from: string;
    /** How it came about. */
    mode: AssignmentMode | 'agent_deactivated';
  }
>;

/** Somebody is to get back to the contact. */
export type FollowUpCreated = TypedEvent<
  'FollowUpCreated',
  {
    leadId: string;
    /** UUID; rescheduling keeps it. */
    followUpId: string;
    /** When it is due, RFC 3339, UTC. */
    dueAt: string;
    /** The agent whose it is; null when a service made it for a lead that nobody works on. */
    assigneeId: string | null;
  },
  { contactId: string; note: string | null }
>;

/** An open follow-up is due at another time. */
export type FollowUpRescheduled = TypedEvent<
  'FollowUpRescheduled',
  {
    leadId: string;
    followUpId: string;
    /** When it was due, RFC 3339, UTC. */
    from: string;
    /** When it is due from now on, RFC 3339, UTC. */
    to: string;
  },
  { reason: string | null }
>;

/** A follow-up's time has come and it is still open: at most once for each time that it is due at. */
export type FollowUpReminded = TypedEvent<
  'FollowUpReminded',
  {
    leadId: string;
    followUpId: string;
    /** When it is due, RFC 3339, UTC. */
    dueAt: string;
    /** The agent whose it is; null when it is nobody's. */
    assigneeId: string | null;
    /** More than a minute after it was due, because nothing ran or it was recorded only then. */
    late: boolean;
  }
>;

/** What was to be done is done. */
export type FollowUpCompleted = TypedEvent<
  'FollowUpCompleted',
  { leadId: string; followUpId: string },
  { note: string | null }
>;

/** What was to be done is not to be done any more. */
export type FollowUpCancelled = TypedEvent<
  'FollowUpCancelled',
  {
    leadId: string;
    followUpId: string;
    /** Closing the lead cancelled it, or somebody did. */
    why: 'lead_inactive' | 'asked';
  },
  { reason: string | null }
>;
