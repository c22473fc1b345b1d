import type { Decider, DecisionContext } from '../decider.js';
import type { NewEvent } from '../event.js';
import { decideLead, type LeadDecisionContext } from '../lead/lead.decide.js';
import type { Origin } from '../lead/lead.state.js';
import { invalidField, requireNotInFuture, refuse } from '../refusal.js';
import type { AddressBroadcast, ContactCommand, CreateLead, RecordInteraction } from './contact.commands.js';
import type { ContactEvent, Profile } from './contact.events.js';
import {
  findActiveLead,
  evolveContact,
  findLead,
  unknownContact,
  type AddressedBroadcast,
  type Contact,
  type KnownContact,
} from './contact.state.js';
import { toLeadId } from '../lead/lead.id.js';

type Events = readonly NewEvent<ContactEvent>[];

/** THE RULES of a contact: at most one active lead, a message is seen once, a reply is attributed. */
export const contactDecider: Decider<Contact, ContactCommand, ContactEvent> = {
  initialState: unknownContact,
  evolve: evolveContact,
  decide(command, state, given): Events {
    const events = decideContact(command, state, given);
    const isImport = given.backdated && command.type !== 'AddressBroadcast';
    if (events.length > 0 && isImport && state.known && given.now < state.lastCommandAt)
      throw invalidField(
        'X-Occurred-At',
        'before_last_command',
        `must not lie before the contact's last command (${state.lastCommandAt})`,
      );
    return events;
  },
};

function decideContact(command: ContactCommand, state: Contact, given: DecisionContext): Events {
  switch (command.type) {
    case 'RecordInteraction':
      return recordInteraction(command, state, given);

    case 'CreateLead': {
      const activeLead = findActiveLead(state);
      if (activeLead) throw refuse('active_lead_exists', { activeLeadId: activeLead.id });
      const origin: Origin = {
        kind: command.origin,
        attribution: 'none',
        broadcastId: null,
        campaign: null,
        interactionId: null,
      };
      return [...introduced(command, state), openLead(command, state, origin, command.note)];
    }

    case 'AddressBroadcast':
      return addressBroadcast(command, state, given);

    case 'ChangeStatus':
    case 'AssignAgent':
    case 'UnassignAgent':
    case 'RecordAiResult':
    case 'RecordQualificationFailure':
    case 'UnpinScore':
    case 'CreateFollowUp':
    case 'CompleteFollowUp':
    case 'CancelFollowUp':
    case 'RescheduleFollowUp':
    case 'RemindFollowUp':
    case 'RecordOutboundMessage': {
      const lead = findLead(state, command.leadId);
      if (!state.known || !lead) throw refuse('not_found', { what: 'lead' });
      const known: LeadDecisionContext = {
        ...given,
        activeLeadId: findActiveLead(state)?.id ?? null,
        interactionNumber: (id) => {
          const seen = state.interactions.get(id);
          return seen?.leadId === lead.id ? seen.number : undefined;
        },
        hasOutboundMessage: (id) => state.outbound.has(id),
      };
      return decideLead(command, lead, known);
    }
  }
}

function recordInteraction(command: RecordInteraction, state: Contact, given: DecisionContext): Events {
  const { channel, messageId, text, media, integration, inReplyTo } = command;
  const id = given.stableId('interaction', channel, messageId);
  if (state.known && state.interactions.has(id)) return [];

  const at = requireNotInFuture('occurredAt', command.occurredAt?.at ?? given.now, given.now);
  const introduction = introduced(command, state);
  if (command.kind !== 'integration' && text !== null && isOptOut(text, given)) {
    const kind = command.kind === 'inferred' ? 'chat' : command.kind;
    const data = { contactKey: command.contactKey, channel, kind, messageId, receivedAt: given.now };
    return [...introduction, { type: 'ContactOptedOut', id, occurredAt: at, data, personal: { text } }];
  }

  const { attribution, broadcast } = attribute(command, state, at, given);
  const broadcastId = broadcast?.broadcastId ?? null;
  const kind = command.kind !== 'inferred' ? command.kind : broadcast ? 'broadcast_reply' : 'chat';
  const recordedOn = (leadId: string, late: boolean): NewEvent<ContactEvent> => ({
    type: 'InteractionRecorded',
    id,
    occurredAt: at,
    data: { leadId, channel, kind, messageId, receivedAt: given.now, inReplyTo, attribution, broadcastId, late },
    personal: { text, media, integration },
  });

  const activeLead = findActiveLead(state);
  if (activeLead) return [...introduction, recordedOn(activeLead.id, false)];
  const last = state.known ? state.leads.at(-1) : undefined;
  if (last?.closedAt && command.occurredAt && isBefore(command.occurredAt, last.closedAt))
    return [...introduction, recordedOn(last.id, true)];

  const origin: Origin = { kind, attribution, broadcastId, campaign: broadcast?.campaign ?? null, interactionId: id };
  const opened = openLead(command, state, origin, null);
  return [...introduction, opened, recordedOn(opened.data.leadId, false)];
}

/** Compared in the precision of the given time: a time in whole seconds is before 10:00:05.7 only up to 10:00:04. */
const isBefore = (given: { readonly at: string; readonly digits: number }, closedAt: string): boolean =>
  given.at < closedAt.slice(0, 'YYYY-MM-DDTHH:MM:SS.'.length + given.digits);

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

/** `exact`: it names a broadcast message. `window`: it may well answer the newest broadcast of the last hours. */
function attribute(
  command: RecordInteraction,
  state: Contact,
  at: string,
  { policy }: DecisionContext,
): { attribution: Origin['attribution']; broadcast: AddressedBroadcast | null } {
  const addressed = state.known ? state.addressedBroadcasts : [];
  const named = addressed.find((it) => it.messageId === command.inReplyTo && it.channel === command.channel);
  if (named) return { attribution: 'exact', broadcast: named };

  const mayAnswerOne =
    command.kind === 'broadcast_reply' || (command.kind === 'inferred' && command.inReplyTo === null);
  const since = Date.parse(at) - policy.attributionWindowHours * 3_600_000;
  // Providers tell whole seconds: a reply within the second of the broadcast came after it.
  const secondOf = (time: string): string => time.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
  const recent = addressed.filter((it) => secondOf(it.at) <= secondOf(at) && Date.parse(it.at) >= since);
  const newest = recent.reduce<AddressedBroadcast | null>((best, it) => (best && best.at > it.at ? best : it), null);
  return mayAnswerOne && newest
    ? { attribution: 'window', broadcast: newest }
    : { attribution: 'none', broadcast: null };
}

function addressBroadcast(command: AddressBroadcast, state: Contact, given: DecisionContext): Events {
  const { contactKey, broadcastId, campaign, channel, messageId } = command;
  const id = given.stableId('addressed', channel, messageId);
  if (state.known && state.addressedBroadcasts.some((it) => it.messageId === messageId && it.channel === channel))
    return [];
  const leads = state.known ? state.leads.length : 0;
  return [
    ...introduced(command, state),
    {
      type: 'BroadcastAddressed',
      id,
      occurredAt: command.sentAt ?? given.now,
      data: { contactKey, broadcastId, campaign, channel, messageId, receivedAt: given.now, leads },
    },
  ];
}

type Introduction = Pick<RecordInteraction, 'contactKey' | 'contactId' | 'profile'>;

/** The contact becomes known, or is called or reached differently from now on. */
function introduced({ contactKey, contactId, profile }: Introduction, state: Contact): Events {
  const to = profileAfter(state, profile);
  if (!state.known) return [{ type: 'ContactRegistered', data: { contactKey }, personal: { contactId, ...to } }];
  const from = state.profile;
  const changed = (['name', 'phone', 'email'] as const).filter((field) => from[field] !== to[field]);
  if (changed.length === 0) return [];
  const data = { contactKey, leads: state.leads.length, changed };
  return [{ type: 'ContactProfileChanged', data, personal: { from, to } }];
}

const profileAfter = (state: Contact, given: Partial<Profile>): Profile => ({
  ...(state.known ? state.profile : { name: null, phone: null, email: null }),
  ...given,
});

function openLead(
  command: Introduction & { readonly channel: CreateLead['channel'] },
  state: Contact,
  origin: Origin,
  note: string | null,
): NewEvent<Extract<ContactEvent, { type: 'LeadOpened' }>> {
  const leads: KnownContact['leads'] = state.known ? state.leads : [];
  const { contactKey, contactId, channel } = command;
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
    personal: { contactId, ...profileAfter(state, command.profile), note },
  };
}
