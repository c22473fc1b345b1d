import type { Fact } from '../event.js';
import type { LeadEvent } from '../lead/lead.events.js';
import type { Channel, InteractionKind } from '../lead/lead.state.js';

/** What a contact is called and how to reach it. Absent facts are null. */
export interface Profile {
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
}

/** The stream of a contact: its own events and those of all its leads. */
export type ContactEvent = ContactRegistered | ContactProfileChanged | ContactOptedOut | BroadcastAddressed | LeadEvent;

/** First event of the stream. */
export type ContactRegistered = Fact<'ContactRegistered', { contactKey: string }, Profile & { contactId: string }>;

/** The profile as it is from now on. `leads` says how many leads the contact has: their rows show the profile. */
export type ContactProfileChanged = Fact<
  'ContactProfileChanged',
  { contactKey: string; leads: number; changed: readonly (keyof Profile)[] },
  { from: Profile; to: Profile }
>;

/** The contact sent an opt-out keyword. The event's id is the interaction's id. */
export type ContactOptedOut = Fact<
  'ContactOptedOut',
  { contactKey: string; channel: Channel; kind: InteractionKind; messageId: string; receivedAt: string },
  { text: string }
>;

/** A broadcast message was sent to the contact, at `occurredAt`: what later replies are attributed to. */
export type BroadcastAddressed = Fact<
  'BroadcastAddressed',
  {
    contactKey: string;
    broadcastId: string;
    campaign: { id: string; name: string };
    channel: Channel;
    messageId: string;
    receivedAt: string;
    leads: number;
  }
>;
