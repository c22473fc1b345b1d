import type { LeadCommand } from '../lead/lead.commands.js';
import type { InteractionKind, OriginKind } from '../lead/lead.vocabulary.js';
import type { Campaign, Channel, Profile } from '../vocabulary.js';

/** Every command on a contact's stream. Times are RFC 3339 in UTC with milliseconds; unknown values are null. */
export type ContactCommand = ContactOnlyCommand | LeadCommand;
export type ContactOnlyCommand = RecordInteraction | CreateLead | AddressBroadcast;

interface ContactData {
  readonly contactKey: string;
  readonly contactId: string;
  /** Omitted fields keep their values. */
  readonly profile: Partial<Profile>;
}

export interface RecordInteraction extends ContactData {
  readonly type: 'RecordInteraction';
  readonly channel: Channel;
  /** `inferred`: a broadcast reply if it can be attributed to a broadcast, else a chat message. */
  readonly kind: InteractionKind | 'inferred';
  readonly messageId: string;
  /** The sender's or provider's time, and how many fractional digits its seconds had (0 to 3). Null: the command's time. */
  readonly occurredAt: { readonly at: string; readonly digits: number } | null;
  readonly text: string | null;
  readonly media: unknown;
  readonly inReplyTo: string | null;
  readonly integration: unknown;
}

/** Opens a lead without an interaction. */
export interface CreateLead extends ContactData {
  readonly type: 'CreateLead';
  readonly channel: Channel | null;
  readonly origin: Extract<OriginKind, 'manual' | 'integration'>;
  readonly note: string | null;
}

/** Records that a broadcast message was sent to the contact. */
export interface AddressBroadcast extends ContactData {
  readonly type: 'AddressBroadcast';
  readonly broadcastId: string;
  readonly campaign: Campaign;
  readonly channel: Channel;
  readonly messageId: string;
  /** Null: the command's time. */
  readonly sentAt: string | null;
}
