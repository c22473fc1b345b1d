import type { Channel, InteractionKind, OriginKind } from '../lead/lead.state.js';
import type { LeadCommand } from '../lead/lead.commands.js';
import type { Profile } from './contact.events.js';

/** Everything that can be asked of a contact's stream. Times are RFC 3339 in UTC with milliseconds. */
export type ContactCommand = RecordInteraction | CreateLead | AddressBroadcast | LeadCommand;

/** Who the contact is; what is left out of `profile` stays as it was. */
interface AboutContact {
  readonly contactKey: string;
  readonly contactId: string;
  readonly profile: Partial<Profile>;
}

export interface RecordInteraction extends AboutContact {
  readonly type: 'RecordInteraction';
  readonly channel: Channel;
  /** `inferred`: it is a broadcast reply if it can be attributed to one, else chat. */
  readonly kind: InteractionKind | 'inferred';
  readonly messageId: string;
  /** The sender's or provider's time, and how many digits of its seconds' fraction were given (0 to 3). Null: the command's time. */
  readonly occurredAt: { readonly at: string; readonly digits: number } | null;
  readonly text: string | null;
  readonly media: unknown;
  readonly inReplyTo: string | null;
  readonly integration: unknown;
}

export interface CreateLead extends AboutContact {
  readonly type: 'CreateLead';
  readonly channel: Channel | null;
  readonly origin: Extract<OriginKind, 'manual' | 'integration'>;
  readonly note: string | null;
}

/** A broadcast message was sent to the contact. */
export interface AddressBroadcast extends AboutContact {
  readonly type: 'AddressBroadcast';
  readonly broadcastId: string;
  readonly campaign: { readonly id: string; readonly name: string };
  readonly channel: Channel;
  readonly messageId: string;
  readonly sentAt: string | null;
}
