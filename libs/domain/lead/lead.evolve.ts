import type { ContactEvent } from '../contact/contact.events.js';
import { createEvolve, type Evolutions } from '../decider.js';
import type { LeadEvent, LeadOpened } from './lead.events.js';
import {
  aiResultKey,
  type ActiveLead,
  type FollowUp,
  type Lead,
  type LeadChanges,
  type LeadMemory,
} from './lead.state.js';
import { isFinal } from './lead.vocabulary.js';

type WithId<Event> = Event & { readonly id: string };

/**
 * Returns the lead after one more event of its contact. The first event is its LeadOpened. ContactProfileChanged changes every lead
 * of the contact but no lead's version. For events of other leads and contacts the lead is returned unchanged.
 */
export function evolveLead(lead: Lead, event: WithId<ContactEvent>): Lead;
export function evolveLead(lead: Lead | undefined, event: WithId<ContactEvent>): Lead | undefined;
export function evolveLead(lead: Lead | undefined, event: WithId<ContactEvent>): Lead | undefined {
  if (!lead) return event.type === 'LeadOpened' ? openedLead(event) : undefined;
  if (event.type === 'ContactProfileChanged')
    return event.data.contactKey === lead.contactKey ? { ...lead, contact: event.personal.to } : lead;
  return 'leadId' in event.data && event.data.leadId === lead.id
    ? evolveByOwnEvent(lead, event as WithId<LeadEvent>)
    : lead;
}

/** The lead after its first event. */
export function openedLead({ data, personal, meta }: LeadOpened): ActiveLead {
  return {
    id: data.leadId,
    contactKey: data.contactKey,
    contactId: personal.contactId,
    contact: { name: personal.name, phone: personal.phone, email: personal.email },
    ordinal: data.ordinal,
    previousLeadId: data.previousLeadId,
    channel: data.channel,
    origin: data.origin,
    active: true,
    status: 'new',
    statusChangedAt: meta.occurredAt,
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
    createdAt: meta.occurredAt,
    updatedAt: meta.occurredAt,
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
      waitingSince: meta.occurredAt,
    },
  };
}

/**
 * Returns the time since which the lead has been waiting for an agent, after one of its own events. Null: it is not waiting.
 * Undefined: the event does not change this. A lead that a person unassigned does not wait: automation never reverts a person's
 * decision.
 */
export function evolveWaitingSince({ type, data, meta }: LeadEvent): string | null | undefined {
  if (type === 'LeadOpened') return meta.occurredAt;
  if (type === 'LeadAssigned') return null;
  if (type === 'LeadUnassigned') return data.mode === 'agent_deactivated' ? meta.occurredAt : null;
  return type === 'LeadStatusChanged' && isFinal(data.to) ? null : undefined;
}

const evolutions: Evolutions<Lead, WithId<LeadEvent>> = {
  LeadOpened: (lead) => lead,

  InteractionRecorded: (lead, event) =>
    changed(lead, event, {
      channel: lead.channel ?? event.data.channel,
      lastInteractionAt: later(lead.lastInteractionAt, event.meta.occurredAt),
      memory: { ...lead.memory, interactions: lead.memory.interactions + 1, newestInteraction: event.id },
    }),

  OutboundMessageRecorded: (lead, event) =>
    changed(lead, event, { memory: { ...lead.memory, outboundMessages: lead.memory.outboundMessages + 1 } }),

  LeadStatusChanged: statusChanged,

  LeadScored(lead, event) {
    const { to, source, ai } = event.data;
    const { rationale, factors } = event.personal;
    return changed(lead, event, {
      qualification: {
        score: to,
        source,
        pinned: source === 'manual',
        model: ai?.model ?? null,
        modelVersion: ai?.modelVersion ?? null,
        rationale,
        factors,
        scoredAt: event.meta.occurredAt,
        suggestion: source === 'ai' ? null : lead.qualification.suggestion,
      },
      memory: ai ? { ...lead.memory, aiRead: ai.read, suggestionRead: 0 } : lead.memory,
    });
  },

  ScoreSuggested(lead, event) {
    const { score, model, modelVersion, read } = event.data;
    const { rationale, factors } = event.personal;
    const suggestion = { score, model, modelVersion, rationale, factors, suggestedAt: event.meta.occurredAt };
    return changed(lead, event, {
      qualification: { ...lead.qualification, suggestion },
      memory: { ...lead.memory, suggestionRead: read },
    });
  },

  ScoreUnpinned: (lead, event) => changed(lead, event, { qualification: { ...lead.qualification, pinned: false } }),

  AiResultDropped: (lead, event) =>
    changed(lead, event, { memory: { ...lead.memory, dropped: aiResultKey(event.data) } }),

  QualificationFailed: (lead, event) =>
    changed(lead, event, { memory: { ...lead.memory, failedRead: event.data.read } }),

  LeadAssigned(lead, event) {
    const { to, followUps } = event.data;
    return changed(lead, event, {
      agentId: to,
      assignedAt: event.meta.occurredAt,
      memory: waitingMemory(lead, event),
      followUps: lead.followUps.map((followUp) =>
        followUps.includes(followUp.id) ? { ...followUp, assigneeId: to } : followUp,
      ),
    });
  },

  LeadUnassigned: (lead, event) =>
    changed(lead, event, { agentId: null, assignedAt: null, memory: waitingMemory(lead, event) }),

  FollowUpCreated(lead, event) {
    const created: FollowUp = {
      id: event.data.followUpId,
      dueAt: event.data.dueAt,
      assigneeId: event.data.assigneeId,
      note: event.personal.note,
      state: 'open',
      createdAt: event.meta.occurredAt,
      closedAt: null,
      closedReason: null,
      remindedAt: null,
    };
    return changed(lead, event, { followUps: [...lead.followUps, created] });
  },

  FollowUpRescheduled: (lead, event) => followUpChanged(lead, event, { dueAt: event.data.to, remindedAt: null }),

  FollowUpReminded: (lead, event) => followUpChanged(lead, event, { remindedAt: event.meta.occurredAt }),

  FollowUpCompleted: (lead, event) =>
    followUpChanged(lead, event, { state: 'completed', closedAt: event.meta.occurredAt, closedReason: null }),

  FollowUpCancelled(lead, event) {
    const { why } = event.data;
    const closedReason = why === 'lead_inactive' ? why : event.personal.reason;
    return followUpChanged(lead, event, { state: 'cancelled', closedAt: event.meta.occurredAt, closedReason });
  },
};

const evolveByOwnEvent = createEvolve(evolutions);

/**
 * Applies changes to the lead and counts the event in its version. Every field is written out because this runs for every event of
 * every replay: on Node.js 20, V8 copies a lead in 190 ns this way, and in 530 ns by `{ ...lead }`.
 */
function changed(lead: Lead, event: LeadEvent, changes: LeadChanges): Lead {
  return {
    id: lead.id,
    contactKey: lead.contactKey,
    contactId: lead.contactId,
    contact: lead.contact,
    ordinal: lead.ordinal,
    previousLeadId: lead.previousLeadId,
    channel: lead.channel,
    origin: lead.origin,
    active: lead.active,
    status: lead.status,
    statusChangedAt: lead.statusChangedAt,
    closedAt: lead.closedAt,
    reason: lead.reason,
    qualification: lead.qualification,
    agentId: lead.agentId,
    assignedAt: lead.assignedAt,
    followUps: lead.followUps,
    lastInteractionAt: lead.lastInteractionAt,
    createdAt: lead.createdAt,
    updatedAt: later(lead.updatedAt, commandTimeOf(event)),
    version: lead.version + 1,
    memory: lead.memory,
    ...changes,
  } satisfies Record<keyof Lead, unknown> as Lead;
}

function followUpChanged(
  lead: Lead,
  event: Extract<LeadEvent, { data: { followUpId: string } }>,
  changes: Partial<FollowUp>,
): Lead {
  const { followUpId } = event.data;
  return changed(lead, event, {
    followUps: lead.followUps.map((followUp) => (followUp.id === followUpId ? { ...followUp, ...changes } : followUp)),
  });
}

function statusChanged(lead: Lead, event: Extract<LeadEvent, { type: 'LeadStatusChanged' }>): Lead {
  const { from, to } = event.data;
  const { actor, occurredAt: at } = event.meta;
  const reason = event.personal.reason ?? (from === to ? lead.reason : null);
  if (from === to) return changed(lead, event, { reason });
  const isByPerson = actor.type === 'agent' || actor.type === 'service';
  const memory = { ...waitingMemory(lead, event), statusByPerson: lead.memory.statusByPerson || isByPerson };
  return isFinal(to)
    ? changed(lead, event, { reason, memory, statusChangedAt: at, active: false, status: to, closedAt: at })
    : changed(lead, event, { reason, memory, statusChangedAt: at, active: true, status: to, closedAt: null });
}

function waitingMemory(lead: Lead, event: LeadEvent): LeadMemory {
  const waitingSince = evolveWaitingSince(event);
  return waitingSince === undefined ? lead.memory : { ...lead.memory, waitingSince };
}

/** A message's `occurredAt` is its sender's time; the command's time is then `receivedAt`. */
const commandTimeOf = ({ data, meta }: LeadEvent): string => ('receivedAt' in data ? data.receivedAt : meta.occurredAt);

const later = (a: string | null, b: string): string => (a !== null && a > b ? a : b);
