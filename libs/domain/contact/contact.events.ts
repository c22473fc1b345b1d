import type { TypedEvent } from '../event.js';
import type { LeadEvent } from '../lead/lead.events.js';
import type { Channel, InteractionKind } from '../lead/lead.state.js';

/** What a contact is called and how to reach it. Absent facts are null. */
export interface Profile {
  /** What the contact is called. */
  readonly name: string | null;
  /** As it was given. */
  readonly phone: string | null;
  /** As it was given. */
  readonly email: string | null;
}

/** The stream of a contact: its own events and those of all its leads. */
export type ContactEvent = ContactRegistered | ContactProfileChanged | ContactOptedOut | BroadcastAddressed | LeadEvent;

/** First event of the stream. */
export type ContactRegistered = TypedEvent<
  'ContactRegistered',
  {
    /** The contact's key: part of its stream's name and its leads' ids, and nothing can be read out of it. */
    contactKey: string;
  },
  Profile & {
    /** The contact's id, as callers name it. */
    contactId: string;
  }
>;

/** The contact is called or reached otherwise from now on. */
export type ContactProfileChanged = TypedEvent<
  'ContactProfileChanged',
  {
    contactKey: string;
    /** How many leads the contact has: their rows show the profile. */
    leads: number;
    /** What differs. */
    changed: readonly (keyof Profile)[];
  },
  {
    /** The profile as it was. */
    from: Profile;
    /** The whole profile as it is from now on. */
    to: Profile;
  }
>;

/** The contact sent an opt-out keyword. The event's id is the interaction's id. */
export type ContactOptedOut = TypedEvent<
  'ContactOptedOut',
  {
    contactKey: string;
    /** By which it came or went. */
    channel: Channel;
    /** What set it off. */
    kind: InteractionKind;
    /** The message's id, as the channel's provider names it. */
    messageId: string;
    /** The command's time, RFC 3339; `occurredAt` is the sender's. */
    receivedAt: string;
  },
  {
    /** What was written. */
    text: string;
  }
>;

/** A broadcast message was sent to the contact, at `occurredAt`: what later replies are attributed to. */
export type BroadcastAddressed = TypedEvent<
  'BroadcastAddressed',
  {
    contactKey: string;
    /** The broadcast's id, as callers name it. */
    broadcastId: string;
    /** The campaign that the broadcast belongs to. */
    campaign: {
      /** The campaign's id, as callers name it. */
      id: string;
      /** What the campaign was called then. */
      name: string;
    };
    channel: Channel;
    messageId: string;
    receivedAt: string;
    leads: number;
  }
>;
