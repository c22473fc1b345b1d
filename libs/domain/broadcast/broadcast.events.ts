import type { TypedEvent } from '../event.js';
import type { Channel } from '../lead/lead.state.js';

export type BroadcastEvent = BroadcastCreated;

export interface Campaign {
  /** The campaign's id, as callers name it. */
  readonly id: string;
  /** What the campaign was called then. */
  readonly name: string;
}

/** What is sent to everybody; what differs per recipient are the message's parameters. */
export interface Template {
  /** As the provider names it. */
  readonly name: string;
  /** As the provider names it, such as `en` or `pt_BR`. */
  readonly language: string;
  /** As the provider names it, such as `marketing`. */
  readonly category: string | null;
  /** The text, with places for the parameters. */
  readonly body: string | null;
}

/** First and only event of a broadcast: it can't be edited, so what was sent stays as it was. */
export type BroadcastCreated = TypedEvent<
  'BroadcastCreated',
  {
    broadcastId: string;
    /** What the broadcast is called. */
    name: string;
    channel: Channel;
    campaign: Campaign;
    /** What is sent. */
    template: Template;
  }
>;
