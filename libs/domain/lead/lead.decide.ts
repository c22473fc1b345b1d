import type { DecisionContext } from '../decider.js';
import type { NewEvent } from '../event.js';
import { invalidField, requireNotInFuture, requireNotInPast, refuse } from '../refusal.js';
import type { AgentLookup, ChangeStatus, CreateFollowUp, LeadCommand, RecordAiResult } from './lead.commands.js';
import type { LeadEvent } from './lead.events.js';
import { aiResultKey, isFinal, type ActiveLead, type FollowUp, type Lead, type Status } from './lead.state.js';

/** What the contact knows that a lead's decision needs. */
export interface LeadDecisionContext extends DecisionContext {
  readonly activeLeadId: string | null;
  /** The n of the lead's n-th interaction; undefined when the lead has no such interaction. */
  interactionNumber(interactionId: string): number | undefined;
  /** Whether the agent's message of this id is recorded. */
  hasOutboundMessage(messageEventId: string): boolean;
}

type Events = readonly NewEvent<LeadEvent>[];

/** THE RULES of a lead. */
export function decideLead(command: LeadCommand, lead: Lead, given: LeadDecisionContext): Events {
  switch (command.type) {
    case 'ChangeStatus':
      return changeStatus(command, active(lead, given), given);

    case 'AssignAgent': {
      const { id: leadId, agentId: from, followUps, memory } = active(lead, given);
      const { onlyIf: only } = command;
      if (from === command.agent.id || (only && only.waitingSince !== memory.waitingSince)) return [];
      const to = assignable(command.agent);
      const movable = followUps.filter((it) => it.state === 'open' && from !== null && it.assigneeId === from);
      const moved = command.moveFollowUps ? movable.map((it) => it.id) : [];
      const data = { leadId, from, to, mode: command.mode, followUps: moved };
      return [{ type: 'LeadAssigned', data, personal: { note: command.note } }];
    }

    case 'UnassignAgent': {
      const { id: leadId, agentId: from, assignedAt } = active(lead, given);
      const { onlyIf: only } = command;
      if (from === null || (only && (only.agentId !== from || only.assignedAt !== assignedAt))) return [];
      return [{ type: 'LeadUnassigned', data: { leadId, from, mode: command.mode } }];
    }

    case 'RecordAiResult':
      return recordAiResult(command, lead, given);

    case 'RecordQualificationFailure': {
      const { model, readUpTo, reason } = command;
      const read = given.interactionNumber(readUpTo);
      if (read === undefined) throw refuse('not_found', { what: 'interaction' });
      if (!lead.active || read <= Math.max(lead.memory.aiRead, lead.memory.failedRead)) return [];
      return [{ type: 'QualificationFailed', data: { leadId: lead.id, model, readUpTo, read, reason } }];
    }

    case 'UnpinScore': {
      const { id: leadId, qualification } = active(lead, given);
      return qualification.pinned ? [{ type: 'ScoreUnpinned', data: { leadId } }] : [];
    }

    case 'CreateFollowUp':
      return createFollowUp(command, active(lead, given), given);

    case 'CompleteFollowUp': {
      const { id: followUpId, state } = followUpOf(lead, command.followUpId);
      if (state === 'completed') return [];
      if (state === 'cancelled') throw refuse('follow_up_cancelled', { followUpId });
      const data = { leadId: lead.id, followUpId };
      return [{ type: 'FollowUpCompleted', data, personal: { note: command.note } }];
    }

    case 'CancelFollowUp': {
      const { id: followUpId, state } = followUpOf(lead, command.followUpId);
      if (state === 'cancelled') return [];
      if (state === 'completed') throw refuse('follow_up_completed', { followUpId });
      const data = { leadId: lead.id, followUpId, why: 'asked' as const };
      return [{ type: 'FollowUpCancelled', data, personal: { reason: command.reason } }];
    }

    case 'RescheduleFollowUp': {
      const { id: followUpId, state, dueAt: from } = followUpOf(lead, command.followUpId);
      if (state === 'completed') throw refuse('follow_up_completed', { followUpId });
      if (state === 'cancelled') throw refuse('follow_up_cancelled', { followUpId });
      if (command.dueAt === from) return [];
      const data = { leadId: lead.id, followUpId, from, to: requireNotInPast('dueAt', command.dueAt, given.now) };
      return [{ type: 'FollowUpRescheduled', data, personal: { reason: command.reason } }];
    }

    case 'RemindFollowUp': {
      const { id: followUpId, state, dueAt, assigneeId, remindedAt } = followUpOf(lead, command.followUpId);
      const isMeant = state === 'open' && dueAt === command.dueAt && remindedAt === null;
      if (!isMeant || given.now < dueAt) return [];
      const late = Date.parse(given.now) > Date.parse(dueAt) + lateAfterMs;
      return [{ type: 'FollowUpReminded', data: { leadId: lead.id, followUpId, dueAt, assigneeId, late } }];
    }

    case 'RecordOutboundMessage': {
      const channel = command.channel ?? lead.channel;
      if (!channel)
        throw invalidField('channel', 'required', 'The lead has no channel of its own: say which one was used.');
      const id = given.stableId('outbound', channel, command.messageId);
      if (given.hasOutboundMessage(id)) return [];
      const data = { leadId: lead.id, channel, messageId: command.messageId, receivedAt: given.now };
      const occurredAt = requireNotInFuture('sentAt', command.sentAt ?? given.now, given.now);
      const { text } = command;
      return [
        { type: 'OutboundMessageRecorded', id, occurredAt, data, personal: { text } },
        ...firstContact(lead, id, given),
      ];
    }
  }
}

/** A reminder that fires later than this after its time says so. */
const lateAfterMs = 60_000;

/** An inactive lead can still be viewed, but nothing about it may be changed by hand. */
function active(lead: Lead, given: LeadDecisionContext): ActiveLead {
  if (!lead.active) {
    const { id: leadId, status: leadStatus, closedAt: inactiveSince } = lead;
    throw refuse('lead_inactive', { leadId, leadStatus, inactiveSince, activeLeadId: given.activeLeadId });
  }
  return lead;
}

function assignable(agent: AgentLookup): string {
  if (agent.status === 'unknown') throw refuse('not_found', { what: 'agent' });
  if (agent.status === 'inactive') throw refuse('agent_inactive', { agentId: agent.id });
  return agent.id;
}

/** Nothing is rounded or clamped. */
function mustBeScore(field: string, score: number): void {
  if (!Number.isInteger(score) || score < 0 || score > 100)
    throw invalidField(field, 'not_a_score', 'must be an integer from 0 to 100');
}

function followUpOf(lead: Lead, id: string): FollowUp {
  const found = lead.followUps.find((it) => it.id === id);
  if (!found) throw refuse('not_found', { what: 'follow-up' });
  return found;
}

/**
 * A score by hand pins. A reason or note rides on the status change; where only the score changes, on that; and alone it
 * counts as a change too.
 */
function changeStatus(command: ChangeStatus, lead: ActiveLead, { policy }: LeadDecisionContext): Events {
  const reason = spoken(command.reason);
  const note = spoken(command.note);
  if (command.score !== null) mustBeScore('qualificationScore', command.score);
  const to: Status = command.status ?? lead.status;
  if (to === 'lost' && policy.lostNeedsReason && reason === null)
    throw invalidField('reason', 'required', 'A lead can be lost only with a reason.');

  const { score, pinned } = lead.qualification;
  const words = { reason, note };
  const said = reason !== null || note !== null;
  const rescored = command.score !== null && !(command.score === score && pinned);
  const restated = to !== lead.status || (said && !rescored);

  const scored: Events = rescored
    ? [
        {
          type: 'LeadScored',
          data: { leadId: lead.id, from: score, to: command.score, source: 'manual', ai: null },
          personal: { rationale: null, factors: [], ...(restated ? { reason: null, note: null } : words) },
        },
      ]
    : [];
  return restated ? [...scored, ...moved(lead, to, words)] : scored;
}

/** Blank is not said. */
const spoken = (text: string | null): string | null => (text?.trim() ? text : null);

/** Closing a lead cancels its open follow-ups in the same append. */
function moved(lead: ActiveLead, to: Status, words: { reason: string | null; note: string | null }): Events {
  const change: NewEvent<LeadEvent> = {
    type: 'LeadStatusChanged',
    data: { leadId: lead.id, from: lead.status, to },
    personal: words,
  };
  const open = isFinal(to) ? lead.followUps.filter((it) => it.state === 'open') : [];
  const cancelled = open.map((it): NewEvent<LeadEvent> => ({
    type: 'FollowUpCancelled',
    data: { leadId: lead.id, followUpId: it.id, why: 'lead_inactive' },
    personal: { reason: null },
  }));
  return [change, ...cancelled];
}

function recordAiResult(command: RecordAiResult, lead: Lead, given: LeadDecisionContext): Events {
  const { score, model, modelVersion, rationale, factors } = command;
  mustBeScore('score', score);
  const { memory, qualification } = lead;
  const readUpTo = command.readUpTo ?? memory.newestInteraction;
  const read = readUpTo === null ? 0 : given.interactionNumber(readUpTo);
  if (read === undefined) throw refuse('not_found', { what: 'interaction' });

  const leadId = lead.id;
  const ai = { model, modelVersion, readUpTo, read };
  const result = { score, ...ai };
  const words = { rationale, factors };
  const sameAs = (other: {
    score: number | null;
    model: string | null;
    modelVersion: string | null;
    rationale: string | null;
  }) =>
    other.score === score &&
    other.model === model &&
    other.modelVersion === modelVersion &&
    other.rationale === rationale;

  const dropped = (why: 'lead_inactive' | 'stale'): Events =>
    memory.dropped === aiResultKey(result)
      ? []
      : [{ type: 'AiResultDropped', data: { leadId, why, ...result }, personal: words }];

  if (!lead.active) return dropped('lead_inactive');
  if (read < memory.aiRead) return dropped('stale');
  if (qualification.pinned) {
    const { suggestion } = qualification;
    if (suggestion && read < memory.suggestionRead) return dropped('stale');
    if (suggestion && sameAs(suggestion) && read === memory.suggestionRead) return [];
    return [{ type: 'ScoreSuggested', data: { leadId, ...result }, personal: words }];
  }
  if (sameAs(qualification) && read === memory.aiRead) return [];
  return [
    {
      type: 'LeadScored',
      data: { leadId, from: qualification.score, to: score, source: 'ai', ai },
      personal: { ...words, reason: null, note: null },
    },
  ];
}

/** What one event may touch, and one append hold, is bounded: reassigning and closing reach every open follow-up. */
const mostOpen = 500;

function createFollowUp(command: CreateFollowUp, lead: ActiveLead, given: LeadDecisionContext): Events {
  if (lead.followUps.some((it) => it.id === command.followUpId)) return [];
  if (lead.followUps.filter((it) => it.state === 'open').length >= mostOpen)
    throw refuse('too_many_follow_ups', { most: mostOpen });
  const creator = given.actor.type === 'agent' ? given.actor.id : null;
  const assigneeId = command.assignee ? assignable(command.assignee) : (lead.agentId ?? creator);
  const dueAt = requireNotInPast('dueAt', command.dueAt, given.now);
  const created: NewEvent<LeadEvent> = {
    type: 'FollowUpCreated',
    data: { leadId: lead.id, followUpId: command.followUpId, dueAt, assigneeId },
    personal: { contactId: lead.contactId, note: command.note },
  };
  const alsoMoves = command.alsoSetStatus && lead.status !== 'follow_up';
  return [created, ...(alsoMoves ? moved(lead, 'follow_up', { reason: null, note: null }) : [])];
}

/** The first outbound message moves a new lead to contacted, but never over a person's change. */
function firstContact(lead: Lead, messageEventId: string, { policy }: DecisionContext): Events {
  const untouched = lead.status === 'new' && lead.memory.outboundMessages === 0 && !lead.memory.statusByPerson;
  if (!lead.active || !untouched || !policy.firstMessageMakesContacted) return [];
  const change = moved(lead, 'contacted', { reason: null, note: null });
  return change.map((it) => ({ ...it, actor: { type: 'system', id: 'first-message' }, causation: messageEventId }));
}
