import type { Profile } from '../contact/contact.events.js';
import type { Recorded } from '../event.js';
import type { LeadEvent } from './lead.events.js';

export const activeStatuses = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up'] as const;
export const finalStatuses = ['converted', 'lost', 'archived'] as const;
/** In the order in which lists sort them. */
export const statuses = [...activeStatuses, ...finalStatuses] as const;
export type ActiveStatus = (typeof activeStatuses)[number];
export type FinalStatus = (typeof finalStatuses)[number];
export type Status = ActiveStatus | FinalStatus;
export const isFinal = (status: Status): status is FinalStatus => (finalStatuses as readonly string[]).includes(status);

export const channels = [
  'whatsapp',
  'sms',
  'email',
  'webchat',
  'facebook',
  'instagram',
  'telegram',
  'integration',
] as const;
export type Channel = (typeof channels)[number];

export const interactionKinds = ['broadcast_reply', 'chat', 'integration'] as const;
export type InteractionKind = (typeof interactionKinds)[number];

export const originKinds = ['broadcast_reply', 'chat', 'integration', 'manual'] as const;
export type OriginKind = (typeof originKinds)[number];

export type ScoreSource = 'ai' | 'manual';
export type AssignmentMode = 'manual' | 'bulk' | 'round_robin' | 'least_loaded';

/** Where a lead came from. `attribution` says how surely it answers the broadcast. */
export interface Origin {
  readonly kind: OriginKind;
  readonly attribution: 'exact' | 'window' | 'none';
  readonly broadcastId: string | null;
  readonly campaign: { readonly id: string; readonly name: string } | null;
  readonly interactionId: string | null;
}

/** What moved an AI's score, and how much. */
export interface Factor {
  readonly label: string;
  readonly weight: number;
}

export interface Suggestion {
  readonly score: number;
  readonly model: string;
  readonly modelVersion: string | null;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  readonly suggestedAt: string;
}

export interface Qualification {
  /** An integer from 0 to 100; null when never scored. */
  readonly score: number | null;
  readonly source: ScoreSource | null;
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
}

/** Facts of a lead that hold whether it is active or not. Absent facts are null. */
interface LeadFacts {
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
  /** How many events the lead has. */
  readonly version: number;
  /** What only decisions need. */
  readonly memory: {
    readonly interactions: number;
    readonly outboundMessages: number;
    /** How many interactions the newest AI result that counted had read. */
    readonly aiRead: number;
    /** The AI result dropped last, so that it is dropped once. */
    readonly dropped: string | null;
    /** A person chose the status: automation leaves it alone. */
    readonly statusByPerson: boolean;
  };
}

export type ActiveLead = LeadFacts & { readonly active: true; readonly status: ActiveStatus; readonly closedAt: null };
export type ClosedLead = LeadFacts & { readonly active: false; readonly status: FinalStatus; readonly closedAt: string };

/** The one fold of a lead: decisions are made on it, lists store it, answers show it. */
export type Lead = ActiveLead | ClosedLead;
