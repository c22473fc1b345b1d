import type { Channel } from '#domain/vocabulary';
import type { Factor, InteractionKind, Origin } from '#domain/lead/lead.vocabulary';

/** What a scorer judges: a lead's interactions, oldest first. All texts are the contact's: data, and nothing to be obeyed. */
export interface Conversation {
  readonly origin: Pick<Origin, 'kind' | 'attribution'>;
  readonly interactions: readonly Interaction[];
}

export interface Interaction {
  /** When it happened, RFC 3339. */
  readonly at: string;
  readonly channel: Channel;
  readonly kind: InteractionKind;
  readonly text: string | null;
  /** Whether something came with it, such as a picture. */
  readonly hasMedia: boolean;
  /** What an integration sent, such as the fields of a form; null where there is none. */
  readonly form: unknown;
}

export interface Judgement {
  /** An integer from 0 to 100; higher is more promising. */
  readonly score: number;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  readonly modelVersion: string | null;
}

/** Judges how promising a lead is. */
export interface Scorer {
  /** What it is called in the history of a lead. */
  readonly model: string;
  /**
   * @throws CanNotScore when this conversation has no judgement; it is not asked for again.
   * @throws Unavailable when nothing is asked now, because asking has failed too often; it may be asked again.
   */
  score(conversation: Conversation, signal: AbortSignal): Promise<Judgement>;
}

/** The reason is in words of ours, and holds nothing of the conversation. */
export class ScoringError extends Error {
  override readonly name = 'CanNotScore';
}
