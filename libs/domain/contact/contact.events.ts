import type { TypedEvent } from '../event-envelope.js';
import type { LeadEvent } from '../lead/lead.events.js';
import type { InteractionKind } from '../lead/lead.vocabulary.js';
import type { Campaign, Channel, Profile } from '../vocabulary.js';

/** The stream of a contact contains its own events and those of all its leads. */
export type ContactEvent = ContactRegistered | ContactProfileChanged | ContactOptedOut | BroadcastAddressed | LeadEvent;

interface ContactReference {
  /** The contact's key, an HMAC of its id. Part of its stream's name and of its leads' ids. Not personal data. */
  readonly contactKey: string;
}

/** A contact was seen for the first time. Always the first event of its stream. */
export type ContactRegistered = TypedEvent<
  'ContactRegistered',
  ContactReference,
  Profile & {
    /** The contact's id, chosen by the caller. */
    readonly contactId: string;
  }
>;

/** The contact's name, phone number or email address was changed. */
export type ContactProfileChanged = TypedEvent<
  'ContactProfileChanged',
  ContactReference & {
    /** How many leads the contact has. All of them show the new profile. */
    readonly leads: number;
    /** The fields that were changed. */
    readonly changed: readonly (keyof Profile)[];
  },
  {
    /** The previous profile. */
    readonly from: Profile;
    /** The complete new profile. */
    readonly to: Profile;
  }
>;

/** The contact sent an opt-out keyword. The event's id is the interaction's id; `occurredAt` is the sender's time. */
export type ContactOptedOut = TypedEvent<
  'ContactOptedOut',
  ContactReference & {
    /** The channel that the message came through. */
    readonly channel: Channel;
    /** Whether it was a reply to a broadcast or another chat message. */
    readonly kind: InteractionKind;
    /** The message's id at the channel's provider. */
    readonly messageId: string;
    /** The command's time. RFC 3339, UTC, milliseconds. */
    readonly receivedAt: string;
  },
  {
    /** The message's text. */
    readonly text: string;
  }
>;

/** A broadcast message was sent to the contact, at `occurredAt`. Later replies are attributed to it. */
export type BroadcastAddressed = TypedEvent<
  'BroadcastAddressed',
  ContactReference & {
    /** The broadcast's id. */
    readonly broadcastId: string;
    /** The campaign that the broadcast belongs to. */
    readonly campaign: Campaign;
    /** The channel that the message was sent through. */
    readonly channel: Channel;
    /** The message's id at the channel's provider. */
    readonly messageId: string;
    /** The command's time. RFC 3339, UTC, milliseconds. */
    readonly receivedAt: string;
    /** How many leads the contact had. */
    readonly leads: number;
  }
>;
