import type { TypedEvent } from '../event-envelope.js';
import type { Channel, Profile } from '../vocabulary.js';
import type { AssignmentMode, Factor, InteractionKind, Origin, ScoreSource, Status } from './lead.vocabulary.js';

/** Every event of a lead contains its `leadId`. The lead's version is the number of these events. */
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

interface LeadReference {
  /** The lead's id: the contact's key, a hyphen and the lead's ordinal. */
  readonly leadId: string;
}

interface FollowUpReference extends LeadReference {
  /** The follow-up's id, a UUID. Rescheduling does not change it. */
  readonly followUpId: string;
}

/** A lead was opened. `personal` is a snapshot of the contact; later changes are recorded as ContactProfileChanged. */
export type LeadOpened = TypedEvent<
  'LeadOpened',
  LeadReference & {
    /** The key of the lead's contact. */
    readonly contactKey: string;
    /** The lead's number among the contact's leads, from 1. */
    readonly ordinal: number;
    /** The id of the contact's previous lead. */
    readonly previousLeadId: string | null;
    /** The channel of the interaction that opened the lead; for a lead created by hand, the channel given, or null. */
    readonly channel: Channel | null;
    /** What opened the lead. */
    readonly origin: Origin;
  },
  Profile & {
    /** The contact's id, chosen by the caller. */
    readonly contactId: string;
    /** A note on a lead created by hand. */
    readonly note: string | null;
  }
>;

/** The contact sent a message or a form. The event's id is the interaction's id; `occurredAt` is the sender's time. */
export type InteractionRecorded = TypedEvent<
  'InteractionRecorded',
  LeadReference & {
    /** The channel that the message came through. */
    readonly channel: Channel;
    /** Whether it is a reply to a broadcast, another chat message, or a form from an integration. */
    readonly kind: InteractionKind;
    /** The message's id at the channel's provider. */
    readonly messageId: string;
    /** The command's time. RFC 3339, UTC, milliseconds. */
    readonly receivedAt: string;
    /** The id of the message that this one replies to, if the provider gave one. */
    readonly inReplyTo: string | null;
    /**
     * How the message was attributed to a broadcast: `exact` if it references the broadcast message, `window` if it came within
     * the attribution window, else `none`.
     */
    readonly attribution: Origin['attribution'];
    /** The broadcast that the message is attributed to. */
    readonly broadcastId: string | null;
    /** The message was sent before the lead was closed but arrived afterwards. */
    readonly late: boolean;
  },
  {
    /** The message's text, if it has any. */
    readonly text: string | null;
    /** Attachments such as a picture, as the caller sent them. */
    readonly media: unknown;
    /** Data from an integration such as form fields, as the caller sent it. */
    readonly integration: unknown;
  }
>;

/** An agent sent a chat message to the contact. `occurredAt` is when it was sent. */
export type OutboundMessageRecorded = TypedEvent<
  'OutboundMessageRecorded',
  LeadReference & {
    /** The channel that the message was sent through. */
    readonly channel: Channel;
    /** The message's id at the channel's provider. */
    readonly messageId: string;
    /** The command's time. RFC 3339, UTC, milliseconds. */
    readonly receivedAt: string;
  },
  {
    /** The message's text, if it has any. */
    readonly text: string | null;
  }
>;

/** The lead's status was changed. If `from` equals `to`, only a reason or a note was added. */
export type LeadStatusChanged = TypedEvent<
  'LeadStatusChanged',
  LeadReference & {
    /** The previous status. */
    readonly from: Status;
    /** The new status. */
    readonly to: Status;
  },
  {
    /** The reason for the change. */
    readonly reason: string | null;
    /** A note on the change. */
    readonly note: string | null;
  }
>;

interface AiRead {
  /** The model's name. */
  readonly model: string;
  /** The model's version. */
  readonly modelVersion: string | null;
  /** The newest interaction that the model had read; null if there was none. */
  readonly readUpTo: string | null;
  /** How many of the lead's interactions the model had read. */
  readonly read: number;
}

interface AiScore extends AiRead {
  /** The model's score, an integer from 0 to 100. */
  readonly score: number;
}

interface AiRationale {
  /** The model's explanation of the score. */
  readonly rationale: string | null;
  /** What raised or lowered the score. */
  readonly factors: readonly Factor[];
}

/** The lead's score was set. A score set by hand is pinned: later AI results do not change it. */
export type LeadScored = TypedEvent<
  'LeadScored',
  LeadReference & {
    /** The previous score; null if the lead had none. */
    readonly from: number | null;
    /** The new score, an integer from 0 to 100. */
    readonly to: number;
    /** Whether an AI model or a person set the score. */
    readonly source: ScoreSource;
    /** The model and what it had read; null for a score set by hand. */
    readonly ai: AiRead | null;
  },
  {
    /** The model's explanation of the score; null for a score set by hand. */
    readonly rationale: string | null;
    /** What raised or lowered the score; empty for a score set by hand. */
    readonly factors: readonly Factor[];
    /** The reason for a score set by hand, unless a status change in the same command contains it. */
    readonly reason: string | null;
    /** A note on a score set by hand, unless a status change in the same command contains it. */
    readonly note: string | null;
  }
>;

/** An AI result arrived while a score set by hand was pinned. It is kept as a suggestion. */
export type ScoreSuggested = TypedEvent<'ScoreSuggested', LeadReference & AiScore, AiRationale>;

/** The score was unpinned: later AI results can change it again. The score and the suggestion stay as they are. */
export type ScoreUnpinned = TypedEvent<'ScoreUnpinned', LeadReference>;

/** An AI result arrived too late and has no effect. */
export type AiResultDropped = TypedEvent<
  'AiResultDropped',
  LeadReference & {
    /** `lead_inactive`: the lead is closed. `stale`: the model had read fewer interactions than for the current result. */
    readonly why: 'lead_inactive' | 'stale';
  } & AiScore,
  AiRationale
>;

/** An AI model was asked to score the lead and failed. The score stays as it is. */
export type QualificationFailed = TypedEvent<
  'QualificationFailed',
  LeadReference & {
    /** The model's name. */
    readonly model: string;
    /** The newest interaction that the model was given. */
    readonly readUpTo: string;
    /** How many of the lead's interactions the model was given. */
    readonly read: number;
    /** Why the model failed. Contains no personal data. */
    readonly reason: string;
  }
>;

/** The lead was assigned to an agent. */
export type LeadAssigned = TypedEvent<
  'LeadAssigned',
  LeadReference & {
    /** The previous agent; null if there was none. */
    readonly from: string | null;
    /** The new agent. */
    readonly to: string;
    /** How the agent was chosen. */
    readonly mode: AssignmentMode;
    /** The open follow-ups that were reassigned from the previous agent to the new one. */
    readonly followUps: readonly string[];
  },
  {
    /** A note on the assignment. */
    readonly note: string | null;
  }
>;

/** The lead was unassigned from its agent. */
export type LeadUnassigned = TypedEvent<
  'LeadUnassigned',
  LeadReference & {
    /** The previous agent. */
    readonly from: string;
    /** Whether a caller, a bulk job or the deactivation of the agent ended the assignment. */
    readonly mode: AssignmentMode | 'agent_deactivated';
  }
>;

/** A follow-up was created: somebody will contact the lead again. */
export type FollowUpCreated = TypedEvent<
  'FollowUpCreated',
  FollowUpReference & {
    /** When it is due. RFC 3339, UTC, milliseconds. */
    readonly dueAt: string;
    /** The agent responsible; null if a service created it for a lead without an agent. */
    readonly assigneeId: string | null;
  },
  {
    /** The id of the lead's contact, chosen by the caller. */
    readonly contactId: string;
    /** What to do. */
    readonly note: string | null;
  }
>;

/** An open follow-up's due time was changed. */
export type FollowUpRescheduled = TypedEvent<
  'FollowUpRescheduled',
  FollowUpReference & {
    /** The previous due time. RFC 3339, UTC, milliseconds. */
    readonly from: string;
    /** The new due time. RFC 3339, UTC, milliseconds. */
    readonly to: string;
  },
  {
    /** The reason for the change. */
    readonly reason: string | null;
  }
>;

/** An open follow-up reached its due time. Recorded at most once per due time. */
export type FollowUpReminded = TypedEvent<
  'FollowUpReminded',
  FollowUpReference & {
    /** The due time that was reached. RFC 3339, UTC, milliseconds. */
    readonly dueAt: string;
    /** The agent responsible; null if there is none. */
    readonly assigneeId: string | null;
    /** The reminder fired more than a minute after the due time. */
    readonly late: boolean;
  }
>;

/** A follow-up was completed. */
export type FollowUpCompleted = TypedEvent<
  'FollowUpCompleted',
  FollowUpReference,
  {
    /** A note on the result. */
    readonly note: string | null;
  }
>;

/** A follow-up was cancelled. */
export type FollowUpCancelled = TypedEvent<
  'FollowUpCancelled',
  FollowUpReference & {
    /** `lead_inactive`: the lead was closed. `asked`: a caller cancelled it. */
    readonly why: 'lead_inactive' | 'asked';
  },
  {
    /** The caller's reason; null if the lead was closed. */
    readonly reason: string | null;
  }
>;
