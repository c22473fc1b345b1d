import { evolveLead, initializeLead, type ActiveLead, type Channel, type Lead } from '../lead/lead.state.js';
import type { ContactEvent, Profile } from './contact.events.js';
import { GrowOnlyMap } from './grow-only-map.js';

/** The boundary: everything about one contact that a decision may depend on. */
export type Contact = UnknownContact | KnownContact;

export interface UnknownContact {
  readonly known: false;
}

export interface KnownContact {
  readonly known: true;
  readonly key: string;
  readonly contactId: string;
  readonly profile: Profile;
  readonly optedOutAt: string | null;
  /** By ordinal; at most the last one is active. */
  readonly leads: readonly Lead[];
  /** Every message seen, by the interaction's id. */
  readonly interactions: GrowOnlyMap<SeenInteraction>;
  /** Every agent's message recorded, by its event's id. */
  readonly outbound: GrowOnlyMap<string>;
  /** Broadcast messages sent to the contact, in the order in which they were recorded. */
  readonly addressedBroadcasts: readonly AddressedBroadcast[];
  /** The time of the last command by somebody, no automation; an import may not go behind it. */
  readonly lastCommandAt: string;
}

/** `leadId` is null for an opt-out; `nth` counts the lead's interactions from 1. */
export interface SeenInteraction {
  readonly leadId: string | null;
  readonly number: number;
}

export interface AddressedBroadcast {
  readonly broadcastId: string;
  readonly campaign: { readonly id: string; readonly name: string };
  readonly channel: Channel;
  readonly messageId: string;
  readonly at: string;
}

export const unknownContact: UnknownContact = { known: false };

export const findActiveLead = (contact: Contact): ActiveLead | undefined => {
  const last = contact.known ? contact.leads.at(-1) : undefined;
  return last?.active ? last : undefined;
};

export const findLead = (contact: Contact, leadId: string): Lead | undefined =>
  contact.known ? contact.leads.find((it) => it.id === leadId) : undefined;

export function evolveContact(contact: Contact, event: ContactEvent & { readonly id: string }): Contact {
  if (event.type === 'ContactRegistered') return contact.known ? contact : registered(event);
  if (!contact.known) return contact;

  const at = event.meta.occurredAt;
  switch (event.type) {
    case 'ContactProfileChanged':
      return timed(at, { ...withLeads(contact, event), profile: event.personal.to });

    case 'ContactOptedOut': {
      const interactions = contact.interactions.with(event.id, { leadId: null, number: 0 });
      return timed(event.data.receivedAt, { ...contact, interactions, optedOutAt: at });
    }

    case 'BroadcastAddressed': {
      const { broadcastId, campaign, channel, messageId } = event.data;
      return {
        ...contact,
        addressedBroadcasts: [...contact.addressedBroadcasts, { broadcastId, campaign, channel, messageId, at }],
      };
    }

    case 'LeadOpened':
      return timed(at, { ...contact, leads: [...contact.leads, initializeLead(event)] });

    case 'InteractionRecorded': {
      const next = withLeads(contact, event);
      const { leadId, receivedAt } = event.data;
      const nth = findLead(next, leadId)?.memory.interactions ?? 0;
      return timed(receivedAt, { ...next, interactions: contact.interactions.with(event.id, { leadId, number: nth }) });
    }

    case 'OutboundMessageRecorded': {
      const outbound = contact.outbound.with(event.id, event.data.leadId);
      return timed(event.data.receivedAt, { ...withLeads(contact, event), outbound });
    }

    case 'LeadStatusChanged':
    case 'LeadScored':
    case 'ScoreSuggested':
    case 'ScoreUnpinned':
    case 'AiResultDropped':
    case 'QualificationFailed':
    case 'LeadAssigned':
    case 'LeadUnassigned':
    case 'FollowUpCreated':
    case 'FollowUpRescheduled':
    case 'FollowUpReminded':
    case 'FollowUpCompleted':
    case 'FollowUpCancelled':
      return isAutomatic(event) ? withLeads(contact, event) : timed(at, withLeads(contact, event));

    default:
      return contact;
  }
}

const timed = (commandAt: string, contact: KnownContact): KnownContact =>
  commandAt > contact.lastCommandAt ? { ...contact, lastCommandAt: commandAt } : contact;

/** What the system does by itself must not stand in the way of an import that is still under way. */
const isAutomatic = ({ meta: { actor } }: ContactEvent): boolean => actor.type === 'system' || actor.type === 'ai';

const withLeads = (contact: KnownContact, event: ContactEvent & { readonly id: string }): KnownContact => ({
  ...contact,
  leads: contact.leads.map((lead) => evolveLead(lead, event)),
});

const registered = (event: Extract<ContactEvent, { type: 'ContactRegistered' }>): KnownContact => {
  const { contactId, name, phone, email } = event.personal;
  return {
    known: true,
    key: event.data.contactKey,
    contactId,
    profile: { name, phone, email },
    optedOutAt: null,
    leads: [],
    interactions: GrowOnlyMap.empty(),
    outbound: GrowOnlyMap.empty(),
    addressedBroadcasts: [],
    lastCommandAt: event.meta.occurredAt,
  };
};
