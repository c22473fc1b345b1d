import { createDecide, type Decider, type DecisionContext, type Decisions } from '../decider.js';
import type { NewEvent } from '../event-envelope.js';
import type { LeadCommand } from '../lead/lead.commands.js';
import { decideLead } from '../lead/lead.decide.js';
import { toLeadId } from '../lead/lead.id.js';
import type { Lead } from '../lead/lead.state.js';
import type { Origin } from '../lead/lead.vocabulary.js';
import { invalidField, refuse, requireNotInFuture } from '../refusal.js';
import type { Channel, Profile } from '../vocabulary.js';
import type {
  AddressBroadcast,
  ContactCommand,
  ContactOnlyCommand,
  CreateLead,
  RecordInteraction,
} from './contact.commands.js';
import type { ContactEvent } from './contact.events.js';
import {
  evolveContact,
  findActiveLead,
  findLead,
  unknownContact,
  type AddressedBroadcast,
  type Contact,
} from './contact.state.js';

type Events = readonly NewEvent<ContactEvent>[];

/** THE RULES of a contact: at most one active lead, each message is recorded once, replies are attributed to broadcasts. */
export const contactDecider: Decider<Contact, ContactCommand, ContactEvent> = {
  initialState: unknownContact,
  evolve: evolveContact,
  decide(command, contact, context): Events {
    const events = 'leadId' in command ? decideOnLead(command, contact, context) : decide(command, contact, context);
    if (events.length > 0 && command.type !== 'AddressBroadcast') requireNotBeforeLastCommand(contact, context);
    return events;
  },
};

const decisions: Decisions<Contact, ContactOnlyCommand, ContactEvent> = {
  RecordInteraction: recordInteraction,
  CreateLead: createLead,
  AddressBroadcast: addressBroadcast,
};
const decide = createDecide(decisions);

/** Commands that the caller backdated must come in chronological order. */
function requireNotBeforeLastCommand(contact: Contact, { backdated, now }: DecisionContext): void {
  if (!backdated || !contact.known || now >= contact.lastCommandAt) return;
  throw invalidField(
    'commandTime',
    'before_last_command',
    `must not be before the contact's last command (${contact.lastCommandAt})`,
  );
}

function decideOnLead(command: LeadCommand, contact: Contact, context: DecisionContext): Events {
  const lead = findLead(contact, command.leadId);
  if (!contact.known || !lead) throw refuse('not_found', { what: 'lead' });
  return decideLead(command, lead, {
    ...context,
    activeLeadId: findActiveLead(contact)?.id ?? null,
    interactionNumber(interactionId) {
      const interaction = contact.interactions.get(interactionId);
      return interaction?.leadId === lead.id ? interaction.number : undefined;
    },
    hasOutboundMessage: (messageEventId) => contact.outbound.has(messageEventId),
  });
}

function recordInteraction(command: RecordInteraction, contact: Contact, context: DecisionContext): Events {
  const { channel, messageId, text } = command;
  const id = context.stableId('interaction', channel, messageId);
  if (contact.known && contact.interactions.has(id)) return [];

  const occurredAt = requireNotInFuture('occurredAt', command.occurredAt?.at ?? context.now, context.now);
  const profileEvents = profileEventsOf(command, contact);
  if (command.kind !== 'integration' && text !== null && isOptOut(text, context)) {
    const kind = command.kind === 'inferred' ? 'chat' : command.kind;
    return [
      ...profileEvents,
      {
        type: 'ContactOptedOut',
        id,
        occurredAt,
        data: { contactKey: command.contactKey, channel, kind, messageId, receivedAt: context.now },
        personal: { text },
      },
    ];
  }

  const { attribution, broadcast } = attributeToBroadcast(command, contact, occurredAt, context);
  const broadcastId = broadcast?.broadcastId ?? null;
  const kind = command.kind !== 'inferred' ? command.kind : broadcast ? 'broadcast_reply' : 'chat';
  const interactionRecordedOn = (leadId: string, late: boolean): NewEvent<ContactEvent> => ({
    type: 'InteractionRecorded',
    id,
    occurredAt,
    data: {
      leadId,
      channel,
      kind,
      messageId,
      receivedAt: context.now,
      inReplyTo: command.inReplyTo,
      attribution,
      broadcastId,
      late,
    },
    personal: { text, media: command.media, integration: command.integration },
  });

  const activeLead = findActiveLead(contact);
  if (activeLead) return [...profileEvents, interactionRecordedOn(activeLead.id, false)];
  const lastLead = leadsOf(contact).at(-1);
  if (lastLead?.closedAt && command.occurredAt && isBefore(command.occurredAt, lastLead.closedAt))
    return [...profileEvents, interactionRecordedOn(lastLead.id, true)];

  const origin: Origin = { kind, attribution, broadcastId, campaign: broadcast?.campaign ?? null, interactionId: id };
  const opened = leadOpened(command, contact, origin, null);
  return [...profileEvents, opened, interactionRecordedOn(opened.data.leadId, false)];
}

function createLead(command: CreateLead, contact: Contact): Events {
  const activeLead = findActiveLead(contact);
  if (activeLead) throw refuse('active_lead_exists', { activeLeadId: activeLead.id });
  const origin: Origin = {
    kind: command.origin,
    attribution: 'none',
    broadcastId: null,
    campaign: null,
    interactionId: null,
  };
  return [...profileEventsOf(command, contact), leadOpened(command, contact, origin, command.note)];
}

function addressBroadcast(command: AddressBroadcast, contact: Contact, context: DecisionContext): Events {
  const { contactKey, broadcastId, campaign, channel, messageId } = command;
  const isRecorded = addressedBroadcastsOf(contact).some(
    (addressed) => addressed.messageId === messageId && addressed.channel === channel,
  );
  if (isRecorded) return [];
  return [
    ...profileEventsOf(command, contact),
    {
      type: 'BroadcastAddressed',
      id: context.stableId('addressed', channel, messageId),
      occurredAt: command.sentAt ?? context.now,
      data: {
        contactKey,
        broadcastId,
        campaign: { id: campaign.id, name: campaign.name },
        channel,
        messageId,
        receivedAt: context.now,
        leads: leadsOf(contact).length,
      },
    },
  ];
}

/** Compares at the precision of the sender's time. A time in whole seconds is before 10:00:05.7 only if it is at most 10:00:04. */
const isBefore = (sent: { readonly at: string; readonly digits: number }, closedAt: string): boolean =>
  sent.at < closedAt.slice(0, 'YYYY-MM-DDTHH:MM:SS.'.length + sent.digits);

function isOptOut(text: string, { policy }: DecisionContext): boolean {
  const keywords = policy.optOutKeywords.map(normalizeKeyword);
  const trimmed = trimKeyword(text);
  if (trimmed.length > maxNfkcShrinkage * Math.max(...keywords.map(({ length }) => length))) return false;
  return keywords.includes(normalizeKeyword(trimmed));
}

/** NFKC composes at most four UTF-16 code units into one, such as a Greek letter with three accents. */
const maxNfkcShrinkage = 4;

/** The time of `normalize` is quadratic in the length of a run of accents, so it must not get a long text. */
const normalizeKeyword = (text: string): string => trimKeyword(trimKeyword(text).normalize('NFKC').toLowerCase());

/** The look-behind keeps the last step linear: without it, 64 KiB of `!!!…x` would take seconds. */
const trimKeyword = (text: string): string =>
  text
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/(?<![\s.!?])[\s.!?]+$/, '');

interface Attribution {
  readonly attribution: Origin['attribution'];
  readonly broadcast: AddressedBroadcast | null;
}

/** `exact`: the message references a broadcast message. `window`: it may be a reply to the newest one in the attribution window. */
function attributeToBroadcast(
  command: RecordInteraction,
  contact: Contact,
  occurredAt: string,
  { policy }: DecisionContext,
): Attribution {
  const broadcasts = addressedBroadcastsOf(contact);
  const referenced = broadcasts.find(
    (broadcast) => broadcast.messageId === command.inReplyTo && broadcast.channel === command.channel,
  );
  if (referenced) return { attribution: 'exact', broadcast: referenced };

  const mayBeReply = command.kind === 'broadcast_reply' || (command.kind === 'inferred' && command.inReplyTo === null);
  const windowStart = Date.parse(occurredAt) - policy.attributionWindowHours * 3_600_000;
  // Providers report whole seconds, so a reply in the same second as the broadcast counts as later.
  const recent = broadcasts.filter(({ at }) => toSecond(at) <= toSecond(occurredAt) && Date.parse(at) >= windowStart);
  const newest = recent.reduce<AddressedBroadcast | null>(
    (latest, broadcast) => (latest && latest.at > broadcast.at ? latest : broadcast),
    null,
  );
  return mayBeReply && newest ? { attribution: 'window', broadcast: newest } : { attribution: 'none', broadcast: null };
}

const toSecond = (time: string): string => time.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);

type ContactData = Pick<RecordInteraction, 'contactKey' | 'contactId' | 'profile'>;

/** The events that register a new contact, or record how the profile of a known one changes. */
function profileEventsOf({ contactKey, contactId, profile }: ContactData, contact: Contact): Events {
  const to = profileAfter(contact, profile);
  if (!contact.known) {
    const { name, phone, email } = to;
    return [{ type: 'ContactRegistered', data: { contactKey }, personal: { contactId, name, phone, email } }];
  }
  const from = contact.profile;
  const changed = (['name', 'phone', 'email'] as const).filter((field) => from[field] !== to[field]);
  if (changed.length === 0) return [];
  return [
    {
      type: 'ContactProfileChanged',
      data: { contactKey, leads: contact.leads.length, changed },
      personal: { from, to },
    },
  ];
}

function profileAfter(contact: Contact, changes: Partial<Profile>): Profile {
  const current = contact.known ? contact.profile : { name: null, phone: null, email: null };
  const { name = current.name, phone = current.phone, email = current.email } = changes;
  return { name, phone, email };
}

function leadOpened(
  command: ContactData & { readonly channel: Channel | null },
  contact: Contact,
  origin: Origin,
  note: string | null,
): NewEvent<Extract<ContactEvent, { type: 'LeadOpened' }>> {
  const { contactKey, contactId, channel } = command;
  const { name, phone, email } = profileAfter(contact, command.profile);
  const leads = leadsOf(contact);
  const ordinal = leads.length + 1;
  return {
    type: 'LeadOpened',
    data: {
      leadId: toLeadId(contactKey, ordinal),
      contactKey,
      ordinal,
      previousLeadId: leads.at(-1)?.id ?? null,
      channel,
      origin,
    },
    personal: { contactId, name, phone, email, note },
  };
}

const leadsOf = (contact: Contact): readonly Lead[] => (contact.known ? contact.leads : []);
const addressedBroadcastsOf = (contact: Contact): readonly AddressedBroadcast[] =>
  contact.known ? contact.addressedBroadcasts : [];
