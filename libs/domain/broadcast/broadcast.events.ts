import type { TypedEvent } from '../event-envelope.js';
import type { Campaign, Channel } from '../vocabulary.js';

export type BroadcastEvent = BroadcastCreated;

/** A message template of the provider. Recipients get the same template with different parameters. */
export interface Template {
  /** The template's name at the provider. */
  readonly name: string;
  /** The template's language at the provider, such as `en` or `pt_BR`. */
  readonly language: string;
  /** The template's category at the provider, such as `marketing`. */
  readonly category: string | null;
  /** The text with placeholders for the parameters. */
  readonly body: string | null;
}

/** A broadcast was created. The only event of its stream: a broadcast cannot be changed. */
export type BroadcastCreated = TypedEvent<
  'BroadcastCreated',
  {
    /** The broadcast's id, chosen by the caller or generated. */
    readonly broadcastId: string;
    /** The broadcast's name. */
    readonly name: string;
    /** The channel that its messages are sent through. */
    readonly channel: Channel;
    /** The campaign that the broadcast belongs to. */
    readonly campaign: Campaign;
    /** The template of its messages. */
    readonly template: Template;
  }
>;
