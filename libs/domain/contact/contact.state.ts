import { createEvolve, type Evolutions } from '../decider.js';
import type { LeadEvent } from '../lead/lead.events.js';
import { evolveLead, openedLead } from '../lead/lead.evolve.js';
import type { ActiveLead, Lead } from '../lead/lead.state.js';
import type { Campaign, Channel, Profile } from '../vocabulary.js';
import type { ContactEvent } from './contact.events.js';
import { GrowOnlyMap } from './grow-only-map.js';

/** Everything about a contact that a decision may depend on. */
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
  /** In the order of their ordinals. At most the last one is active. */
  readonly leads: readonly Lead[];
  /** Every inbound message, by the interaction's id. */
  readonly interactions: GrowOnlyMap<SeenInteraction>;
  /** The lead of every outbound message, by the id of its event. */
  readonly outbound: GrowOnlyMap<string>;
  /** Broadcast messages sent to the contact, in the order in which they were recorded. */
  readonly addressedBroadcasts: readonly AddressedBroadcast[];
  /** The latest time of any command except those of automations. Backdated commands must not be before it. */
  readonly lastCommandAt: string;
}

export interface SeenInteraction {
  /** Null for an opt-out. */
  readonly leadId: string | null;
  /** 1 for the lead's first interaction; 0 for an opt-out. */
  readonly number: number;
}

export interface AddressedBroadcast {
  readonly broadcastId: string;
  readonly campaign: Campaign;
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
  contact.known ? contact.leads.find((lead) => lead.id === leadId) : undefined;

type WithId<Event> = Event & { readonly id: string };
type Registered = Extract<ContactEvent, { type: 'ContactRegistered' }>;

export function evolveContact(contact: Contact, event: WithId<ContactEvent>): Contact {
  if (!contact.known) return event.type === 'ContactRegistered' ? registeredContact(event) : contact;
  return evolveKnownContact(contact, event);
}

const evolutions: Evolutions<KnownContact, WithId<ContactEvent>> = {
  ContactRegistered: (contact) => contact,

  ContactProfileChanged: (contact, event) =>
    changed(contact, event.meta.occurredAt, { leads: leadsAfter(contact, event), profile: event.personal.to }),

  ContactOptedOut: (contact, event) =>
    changed(contact, event.data.receivedAt, {
      interactions: contact.interactions.with(event.id, { leadId: null, number: 0 }),
      optedOutAt: event.meta.occurredAt,
    }),

  // Not a command in the sense of `lastCommandAt`: callers may report broadcasts late.
  BroadcastAddressed(contact, event) {
    const { broadcastId, campaign, channel, messageId } = event.data;
    const addressed = { broadcastId, campaign, channel, messageId, at: event.meta.occurredAt };
    return { ...contact, addressedBroadcasts: [...contact.addressedBroadcasts, addressed] };
  },

  LeadOpened: (contact, event) =>
    changed(contact, event.meta.occurredAt, { leads: [...contact.leads, openedLead(event)] }),

  InteractionRecorded(contact, event) {
    const { leadId, receivedAt } = event.data;
    const leads = leadsAfter(contact, event);
    const number = leads.find((lead) => lead.id === leadId)?.memory.interactions ?? 0;
    return changed(contact, receivedAt, {
      leads,
      interactions: contact.interactions.with(event.id, { leadId, number }),
    });
  },

  OutboundMessageRecorded: (contact, event) =>
    changed(contact, event.data.receivedAt, {
      leads: leadsAfter(contact, event),
      outbound: contact.outbound.with(event.id, event.data.leadId),
    }),

  LeadStatusChanged: leadChanged,
  LeadScored: leadChanged,
  ScoreSuggested: leadChanged,
  ScoreUnpinned: leadChanged,
  AiResultDropped: leadChanged,
  QualificationFailed: leadChanged,
  LeadAssigned: leadChanged,
  LeadUnassigned: leadChanged,
  FollowUpCreated: leadChanged,
  FollowUpRescheduled: leadChanged,
  FollowUpReminded: leadChanged,
  FollowUpCompleted: leadChanged,
  FollowUpCancelled: leadChanged,
};

const evolveKnownContact = createEvolve(evolutions);

function leadChanged(contact: KnownContact, event: WithId<LeadEvent>): KnownContact {
  const { actor, occurredAt } = event.meta;
  // Events that automations recorded during an import must not make the import's next backdated command invalid.
  const isAutomated = actor.type === 'system' || actor.type === 'ai';
  return changed(contact, isAutomated ? contact.lastCommandAt : occurredAt, { leads: leadsAfter(contact, event) });
}

/** Written out because it is on the hot path: see `changed` in lead.evolve.ts. */
const changed = (contact: KnownContact, commandAt: string, changes: Partial<KnownContact>): KnownContact => ({
  known: true,
  key: contact.key,
  contactId: contact.contactId,
  profile: contact.profile,
  optedOutAt: contact.optedOutAt,
  leads: contact.leads,
  interactions: contact.interactions,
  outbound: contact.outbound,
  addressedBroadcasts: contact.addressedBroadcasts,
  lastCommandAt: commandAt > contact.lastCommandAt ? commandAt : contact.lastCommandAt,
  ...changes,
});

const leadsAfter = (contact: KnownContact, event: WithId<ContactEvent>): readonly Lead[] =>
  contact.leads.map((lead) => evolveLead(lead, event));

function registeredContact({ data, personal, meta }: Registered): KnownContact {
  return {
    known: true,
    key: data.contactKey,
    contactId: personal.contactId,
    profile: { name: personal.name, phone: personal.phone, email: personal.email },
    optedOutAt: null,
    leads: [],
    interactions: GrowOnlyMap.empty(),
    outbound: GrowOnlyMap.empty(),
    addressedBroadcasts: [],
    lastCommandAt: meta.occurredAt,
  };
}
