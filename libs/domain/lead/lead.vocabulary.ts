import type { Campaign } from '../vocabulary.js';

export const activeStatuses = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up'] as const;
export const finalStatuses = ['converted', 'lost', 'archived'] as const;
/** In the order in which lists sort them. */
export const statuses = [...activeStatuses, ...finalStatuses] as const;
export type ActiveStatus = (typeof activeStatuses)[number];
export type FinalStatus = (typeof finalStatuses)[number];
export type Status = ActiveStatus | FinalStatus;
export const isFinal = (status: Status): status is FinalStatus => (finalStatuses as readonly string[]).includes(status);

export const interactionKinds = ['broadcast_reply', 'chat', 'integration'] as const;
export type InteractionKind = (typeof interactionKinds)[number];

export const originKinds = ['broadcast_reply', 'chat', 'integration', 'manual'] as const;
export type OriginKind = (typeof originKinds)[number];

export type ScoreSource = 'ai' | 'manual';
export type AssignmentMode = 'manual' | 'bulk' | 'round_robin' | 'least_loaded';

/** What opened a lead. */
export interface Origin {
  /** What opened the lead: a broadcast reply, a chat message, an integration, or a person. */
  readonly kind: OriginKind;
  /**
   * How the lead was attributed to a broadcast: `exact` if the message references the broadcast message, `window` if it came
   * within the attribution window, else `none`.
   */
  readonly attribution: 'exact' | 'window' | 'none';
  /** The broadcast that the lead is attributed to. */
  readonly broadcastId: string | null;
  /** That broadcast's campaign. */
  readonly campaign: Campaign | null;
  /** The interaction that opened the lead; null if a person or an integration created it without one. */
  readonly interactionId: string | null;
}

/** A reason for an AI score, with its weight. */
export interface Factor {
  /** What the model observed. */
  readonly label: string;
  /** How much it raised (positive) or lowered (negative) the score. */
  readonly weight: number;
}
