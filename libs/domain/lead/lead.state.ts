import type { ContactEvent, Profile } from '../contact/contact.events.js';
import type { LeadEvent, LeadOpened } from './lead.events.js';

export const activeStatuses = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up'] as const;
export const finalStatuses = ['converted', 'lost', 'archived'] as const;
/** In the order in which lists sort them. */
export const statuses = [...activeStatuses, ...finalStatuses] as const;
export type ActiveStatus = (typeof activeStatuses)[number];
export type FinalStatus = (typeof finalStatuses)[number];
export type Status = ActiveStatus | FinalStatus;
export const isFinal = (status: Status): status is FinalStatus => (finalStatuses as readonly string[]).includes(status);

export const channels = [
  'whatsapp',
  'sms',
  'email',
  'webchat',
  'facebook',
  'instagram',
  'telegram',
  'integration',
] as const;
export type Channel = (typeof channels)[number];

export const interactionKinds = ['broadcast_reply', 'chat', 'integration'] as const;
export type InteractionKind = (typeof interactionKinds)[number];

export const originKinds = ['broadcast_reply', 'chat', 'integration', 'manual'] as const;
export type OriginKind = (typeof originKinds)[number];

export type ScoreSource = 'ai' | 'manual';
export type AssignmentMode = 'manual' | 'bulk' | 'round_robin' | 'least_loaded';

/** Where a lead came from. `attribution` says how surely it answers the broadcast. */
export interface Origin {
  /** What opened the lead. */
  readonly kind: OriginKind;
  /** How surely it answers the broadcast: it names its message, came within the time for replies, or doesn't. */
  readonly attribution: 'exact' | 'window' | 'none';
  /** The broadcast that it answers. */
  readonly broadcastId: string | null;
  /** The campaign of that broadcast. */
  readonly campaign: { readonly id: string; readonly name: string } | null;
  /** The interaction that opened it; null for one that was made by hand. */
  readonly interactionId: string | null;
}

/** What moved an AI's score, and how much. */
export interface Factor {
  /** What was noticed. */
  readonly label: string;
  /** By how much it moved the score, up or down. */
  readonly weight: number;
}

export interface Suggestion {
  readonly score: number;
  readonly model: string;
  readonly modelVersion: string | null;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  readonly suggestedAt: string;
}

export interface Qualification {
  /** An integer from 0 to 100; null when never scored. */
  readonly score: number | null;
  readonly source: ScoreSource | null;
  readonly pinned: boolean;
  readonly model: string | null;
  readonly modelVersion: string | null;
  readonly rationale: string | null;
  readonly factors: readonly Factor[];
  readonly scoredAt: string | null;
  readonly suggestion: Suggestion | null;
}

export interface FollowUp {
  readonly id: string;
  readonly dueAt: string;
  readonly assigneeId: string | null;
  readonly note: string | null;
  readonly state: 'open' | 'completed' | 'cancelled';
  readonly createdAt: string;
  readonly closedAt: string | null;
  readonly closedReason: string | null;
  /** When its reminder fired; null while it has not for the time that it is due at now. */
  readonly remindedAt: string | null;
}

/** Facts of a lead that hold whether it is active or not. Absent facts are null. */
interface LeadFacts {
  readonly id: string;
  readonly contactKey: string;
  readonly contactId: string;
  readonly contact: Profile;
  readonly ordinal: number;
  readonly previousLeadId: string | null;
  readonly channel: Channel | null;
  readonly origin: Origin;
  readonly statusChangedAt: string;
  readonly reason: string | null;
  readonly qualification: Qualification;
  readonly agentId: string | null;
  readonly assignedAt: string | null;
  readonly followUps: readonly FollowUp[];
  readonly lastInteractionAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** How many events the lead has. */
  readonly version: number;
  /** What only decisions need. */
  readonly memory: {
    readonly interactions: number;
    readonly newestInteraction: string | null;
    readonly outboundMessages: number;
    /** How many interactions the newest accepted AI result had read, and the one that is kept as a suggestion. */
    readonly aiRead: number;
    readonly suggestionRead: number;
    /** The AI result dropped last, so that it is dropped once. */
    readonly dropped: string | null;
    /** How many interactions the AI was given that failed last. */
    readonly failedRead: number;
    /** A person chose the status: automation leaves it alone. */
    readonly statusByPerson: boolean;
    /** Since when it waits for an agent: see `waitingAfter`. */
    readonly waitingSince: string | null;
  };
}

export type ActiveLead = LeadFacts & { readonly active: true; readonly status: ActiveStatus; readonly closedAt: null };
export type ClosedLead = LeadFacts & {
  readonly active: false;
  readonly status: FinalStatus;
  readonly closedAt: string;
};

/** The one fold of a lead: decisions are made on it, lists store it, answers show it. */
export type Lead = ActiveLead | ClosedLead;

/**
 * Since when a lead waits for an agent, after an event of its own; null: it doesn't, undefined: as before. One that a person took
 * from its agent does not wait: nobody undoes a person's decision.
 */
export function evolveWaitingSince({ type, data, meta }: LeadEvent): string | null | undefined {
  if (type === 'LeadOpened') return meta.occurredAt;
  if (type === 'LeadAssigned') return null;
  if (type === 'LeadUnassigned') return data.mode === 'agent_deactivated' ? meta.occurredAt : null;
  return type === 'LeadStatusChanged' && isFinal(data.to) ? null : undefined;
}

const later = (a: string | null, b: string): string => (a !== null && a > b ? a : b);

/**
 * The lead after one more event of its contact; the first is its LeadOpened. ContactProfileChanged shows on every lead of the
 * contact and counts in no lead's version. Events that are not about this lead's contact leave it as it is.
 */
export function evolveLead(lead: Lead, event: ContactEvent & { readonly id: string }): Lead;
export function evolveLead(lead: Lead | undefined, event: ContactEvent & { readonly id: string }): Lead | undefined;
export function evolveLead(lead: Lead | undefined, event: ContactEvent & { readonly id: string }): Lead | undefined {
  const at = event.meta.occurredAt;
  if (!lead) return event.type === 'LeadOpened' ? initializeLead(event) : undefined;
  if (event.type === 'ContactProfileChanged')
    return event.data.contactKey === lead.contactKey ? { ...lead, contact: event.personal.to } : lead;
  if (!('leadId' in event.data) || event.data.leadId !== lead.id) return lead;

  const commandTime = 'receivedAt' in event.data ? event.data.receivedAt : at;
  const moved = { version: lead.version + 1, updatedAt: later(lead.updatedAt, commandTime) };
  const { qualification } = lead;
  const leadEvent = event as LeadEvent & { readonly id: string };
  const waitingSince = evolveWaitingSince(leadEvent);
  const memory = waitingSince === undefined ? lead.memory : { ...lead.memory, waitingSince };

  switch (leadEvent.type) {
    case 'LeadOpened':
      return lead;

    case 'InteractionRecorded':
      return {
        ...lead,
        ...moved,
        channel: lead.channel ?? leadEvent.data.channel,
        lastInteractionAt: later(lead.lastInteractionAt, at),
        memory: { ...memory, interactions: memory.interactions + 1, newestInteraction: leadEvent.id },
      };

    case 'OutboundMessageRecorded':
      return { ...lead, ...moved, memory: { ...memory, outboundMessages: memory.outboundMessages + 1 } };

    case 'LeadStatusChanged': {
      const { from, to } = leadEvent.data;
      const said = { reason: leadEvent.personal.reason ?? (from === to ? lead.reason : null) };
      if (from === to) return { ...lead, ...moved, ...said };
      const byPerson = leadEvent.meta.actor.type === 'agent' || leadEvent.meta.actor.type === 'service';
      const changed = { ...lead, ...moved, ...said, statusChangedAt: at };
      const remembered = { ...memory, statusByPerson: memory.statusByPerson || byPerson };
      return isFinal(to)
        ? { ...changed, memory: remembered, active: false, status: to, closedAt: at }
        : { ...changed, memory: remembered, active: true, status: to, closedAt: null };
    }

    case 'LeadScored': {
      const { to, source, ai } = leadEvent.data;
      const { rationale, factors } = leadEvent.personal;
      return {
        ...lead,
        ...moved,
        qualification: {
          score: to,
          source,
          pinned: source === 'manual',
          model: ai?.model ?? null,
          modelVersion: ai?.modelVersion ?? null,
          rationale,
          factors,
          scoredAt: at,
          suggestion: source === 'ai' ? null : qualification.suggestion,
        },
        memory: ai ? { ...memory, aiRead: ai.read, suggestionRead: 0 } : memory,
      };
    }

    case 'ScoreSuggested': {
      const { score, model, modelVersion, read } = leadEvent.data;
      const suggestion = { score, model, modelVersion, ...leadEvent.personal, suggestedAt: at };
      return {
        ...lead,
        ...moved,
        qualification: { ...qualification, suggestion },
        memory: { ...memory, suggestionRead: read },
      };
    }

    case 'ScoreUnpinned':
      return { ...lead, ...moved, qualification: { ...qualification, pinned: false } };

    case 'AiResultDropped':
      return { ...lead, ...moved, memory: { ...memory, dropped: aiResultKey(leadEvent.data) } };

    case 'QualificationFailed':
      return { ...lead, ...moved, memory: { ...memory, failedRead: leadEvent.data.read } };

    case 'LeadAssigned': {
      const { to, followUps } = leadEvent.data;
      return {
        ...lead,
        ...moved,
        agentId: to,
        assignedAt: at,
        memory,
        followUps: lead.followUps.map((it) => (followUps.includes(it.id) ? { ...it, assigneeId: to } : it)),
      };
    }

    case 'LeadUnassigned':
      return { ...lead, ...moved, agentId: null, assignedAt: null, memory };

    case 'FollowUpCreated': {
      const { followUpId, dueAt, assigneeId } = leadEvent.data;
      const created: FollowUp = {
        id: followUpId,
        dueAt,
        assigneeId,
        note: leadEvent.personal.note,
        state: 'open',
        createdAt: at,
        closedAt: null,
        closedReason: null,
        remindedAt: null,
      };
      return { ...lead, ...moved, followUps: [...lead.followUps, created] };
    }

    case 'FollowUpRescheduled':
      return {
        ...lead,
        ...moved,
        ...followUp(lead, leadEvent.data.followUpId, { dueAt: leadEvent.data.to, remindedAt: null }),
      };

    case 'FollowUpReminded':
      return { ...lead, ...moved, ...followUp(lead, leadEvent.data.followUpId, { remindedAt: at }) };

    case 'FollowUpCompleted':
      return {
        ...lead,
        ...moved,
        ...followUp(lead, leadEvent.data.followUpId, { state: 'completed', closedAt: at, closedReason: null }),
      };

    case 'FollowUpCancelled': {
      const { followUpId, why } = leadEvent.data;
      const closedReason = why === 'lead_inactive' ? why : leadEvent.personal.reason;
      return { ...lead, ...moved, ...followUp(lead, followUpId, { state: 'cancelled', closedAt: at, closedReason }) };
    }

    default:
      return lead;
  }
}

const followUp = (lead: Lead, id: string, change: Partial<FollowUp>): Pick<Lead, 'followUps'> => ({
  followUps: lead.followUps.map((it) => (it.id === id ? { ...it, ...change } : it)),
});

/** Two AI results are the same when all of this is. */
export const aiResultKey = (of: { score: number; model: string; modelVersion: string | null; read: number }): string =>
  JSON.stringify([of.score, of.model, of.modelVersion, of.read]);

/** A lead as its first event makes it. */
export function initializeLead(event: LeadOpened): ActiveLead {
  const { leadId, contactKey, ordinal, previousLeadId, channel, origin } = event.data;
  const { contactId, name, phone, email } = event.personal;
  const at = event.meta.occurredAt;
  return {
    id: leadId,
    contactKey,
    contactId,
    contact: { name, phone, email },
    ordinal,
    previousLeadId,
    channel,
    origin,
    active: true,
    status: 'new',
    statusChangedAt: at,
    closedAt: null,
    reason: null,
    qualification: {
      score: null,
      source: null,
      pinned: false,
      model: null,
      modelVersion: null,
      rationale: null,
      factors: [],
      scoredAt: null,
      suggestion: null,
    },
    agentId: null,
    assignedAt: null,
    followUps: [],
    lastInteractionAt: null,
    createdAt: at,
    updatedAt: at,
    version: 1,
    memory: {
      interactions: 0,
      newestInteraction: null,
      outboundMessages: 0,
      aiRead: 0,
      suggestionRead: 0,
      dropped: null,
      failedRead: 0,
      statusByPerson: false,
      waitingSince: at,
    },
  };
}
