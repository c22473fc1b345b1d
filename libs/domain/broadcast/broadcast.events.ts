import type { Fact } from '../event.js';
import type { Channel } from '../lead/lead.state.js';

export type BroadcastEvent = BroadcastCreated;

export interface Campaign {
  readonly id: string;
  readonly name: string;
}

/** What is sent to everybody; what differs per recipient are the message's parameters. */
export interface Template {
  readonly name: string;
  /** As the provider names it, such as `en` or `pt_BR`. */
  readonly language: string;
  readonly category: string | null;
  readonly body: string | null;
}

/** First and only event of a broadcast: it can't be edited, so what was sent stays as it was. */
export type BroadcastCreated = Fact<
  'BroadcastCreated',
  { broadcastId: string; name: string; channel: Channel; campaign: Campaign; template: Template }
>;
