import type { Channel } from '#domain/vocabulary';
import type { Factor, InteractionKind, Origin } from '#domain/lead/lead.vocabulary';

/** The input of a scorer: a lead's interactions, oldest first. All texts come from the contact: they are data, never instructions. */
export interface Conversation {
  readonly origin: Pick<Origin, 'kind' | 'attribution'>;
  readonly interactions: readonly Interaction[];
}

export interface Interaction {
  /** RFC 3339. */
  readonly at: string;
  readonly channel: Channel;
  readonly kind: InteractionKind;
  readonly text: string | null;
  /** Whether it has an attachment, such as a picture. */
  readonly hasMedia: boolean;
  /** Data that an integration sent, such as the fields of a form; null if there is none. */
  readonly form: unknown;
}

export interface ScoringResult {
  /** An integer from 0 to 100; higher is more promising. */
  readonly score: number;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  readonly modelVersion: string | null;
}

/** Scores how promising a lead is. */
export interface Scorer {
  /** The name that a lead's history shows. */
  readonly model: string;
  /**
   * @throws ScoringError if this conversation cannot be scored; it is not scored again
   * @throws Unavailable if the scorer is not called for a while because too many calls have failed; the caller may retry
   */
  score(conversation: Conversation, signal: AbortSignal): Promise<ScoringResult>;
}

/** How much of a conversation a scorer reads: the newest interactions, and the beginning of each text, in UTF-16 code units. */
export const scoringLimits = { interactions: 50, textLength: 2_000 };

/** The message is recorded in the lead's history. It must contain nothing from the conversation. */
export class ScoringError extends Error {
  override readonly name = 'ScoringError';
}
