import { createDecide, type DecisionContext, type Decisions } from '../decider.js';
import type { NewEvent } from '../event-envelope.js';
import { invalidField, refuse, requireNotInFuture, requireNotInPast } from '../refusal.js';
import type {
  AgentLookup,
  AssignAgent,
  CancelFollowUp,
  ChangeStatus,
  CompleteFollowUp,
  CreateFollowUp,
  LeadCommand,
  RecordAiResult,
  RecordOutboundMessage,
  RecordQualificationFailure,
  RemindFollowUp,
  RescheduleFollowUp,
  UnassignAgent,
  UnpinScore,
} from './lead.commands.js';
import type { LeadEvent } from './lead.events.js';
import {
  aiResultKey,
  openFollowUpsOf,
  type ActiveLead,
  type FollowUp,
  type Lead,
  type Qualification,
} from './lead.state.js';
import { isFinal, type Status } from './lead.vocabulary.js';

/** What a decision about a lead needs to know about its contact. */
export interface LeadDecisionContext extends DecisionContext {
  readonly activeLeadId: string | null;
  /** 1 for the lead's first interaction; undefined if the interaction does not belong to this lead. */
  interactionNumber(interactionId: string): number | undefined;
  hasOutboundMessage(messageEventId: string): boolean;
}

type Events = readonly NewEvent<LeadEvent>[];

const decisions: Decisions<Lead, LeadCommand, LeadEvent, LeadDecisionContext> = {
  ChangeStatus: changeStatus,
  AssignAgent: assignAgent,
  UnassignAgent: unassignAgent,
  RecordAiResult: recordAiResult,
  RecordQualificationFailure: recordQualificationFailure,
  UnpinScore: unpinScore,
  CreateFollowUp: createFollowUp,
  CompleteFollowUp: completeFollowUp,
  CancelFollowUp: cancelFollowUp,
  RescheduleFollowUp: rescheduleFollowUp,
  RemindFollowUp: remindFollowUp,
  RecordOutboundMessage: recordOutboundMessage,
};

/** THE RULES of a lead. */
export const decideLead = createDecide(decisions);

/** A reminder that fires later than this after the due time is marked as late. */
const lateReminderMs = 60_000;

/** Reassigning or closing a lead changes all its open follow-ups in one event or append, so their number is limited. */
const maxOpenFollowUps = 500;

/**
 * A score set by hand is pinned. The reason and note are stored with the status change or, if only the score changes, with the
 * score. A reason or note without any change is recorded as a status change to the same status.
 */
function changeStatus(command: ChangeStatus, state: Lead, context: LeadDecisionContext): Events {
  const lead = requireActive(state, context);
  const reason = nonBlank(command.reason);
  const note = nonBlank(command.note);
  if (command.score !== null) requireScore(command.score);
  const to = command.status ?? lead.status;
  if (to === 'lost' && context.policy.lostNeedsReason && reason === null)
    throw invalidField('reason', 'required', 'is required for the status `lost`');

  const { score, pinned } = lead.qualification;
  const scoreChanges = command.score !== null && !(command.score === score && pinned);
  const hasText = reason !== null || note !== null;
  const needsStatusEvent = to !== lead.status || (hasText && !scoreChanges);

  const events: NewEvent<LeadEvent>[] = [];
  if (scoreChanges)
    events.push({
      type: 'LeadScored',
      data: { leadId: lead.id, from: score, to: command.score, source: 'manual', ai: null },
      personal: {
        rationale: null,
        factors: [],
        reason: needsStatusEvent ? null : reason,
        note: needsStatusEvent ? null : note,
      },
    });
  if (needsStatusEvent) events.push(...statusChangeEvents(lead, to, { reason, note }));
  return events;
}

function assignAgent(command: AssignAgent, state: Lead, context: LeadDecisionContext): Events {
  const lead = requireActive(state, context);
  const { agentId: from } = lead;
  const { onlyIf } = command;
  if (from === command.agent.id) return [];
  if (onlyIf && onlyIf.waitingSince !== lead.memory.waitingSince) return [];
  const to = requireActiveAgent(command.agent);
  const moved =
    command.moveFollowUps && from !== null
      ? openFollowUpsOf(lead).filter((followUp) => followUp.assigneeId === from)
      : [];
  return [
    {
      type: 'LeadAssigned',
      data: { leadId: lead.id, from, to, mode: command.mode, followUps: moved.map((followUp) => followUp.id) },
      personal: { note: command.note },
    },
  ];
}

function unassignAgent(command: UnassignAgent, state: Lead, context: LeadDecisionContext): Events {
  const { id: leadId, agentId: from, assignedAt } = requireActive(state, context);
  const { onlyIf } = command;
  if (from === null) return [];
  if (onlyIf && (onlyIf.agentId !== from || onlyIf.assignedAt !== assignedAt)) return [];
  return [{ type: 'LeadUnassigned', data: { leadId, from, mode: command.mode } }];
}

/** A result is dropped if the lead is closed, or if the model had read fewer interactions than for the current result. */
function recordAiResult(command: RecordAiResult, lead: Lead, context: LeadDecisionContext): Events {
  const { score, model, modelVersion, rationale, factors } = command;
  requireScore(score);
  const { memory, qualification } = lead;
  const readUpTo = command.readUpTo ?? memory.newestInteraction;
  const read = readUpTo === null ? 0 : requireInteractionNumber(readUpTo, context);

  const leadId = lead.id;
  const isRepeated = (known: KnownResult): boolean =>
    known.score === score &&
    known.model === model &&
    known.modelVersion === modelVersion &&
    known.rationale === rationale;
  const drop = (why: 'lead_inactive' | 'stale'): Events =>
    memory.dropped === aiResultKey({ score, model, modelVersion, read })
      ? []
      : [
          {
            type: 'AiResultDropped',
            data: { leadId, why, score, model, modelVersion, readUpTo, read },
            personal: { rationale, factors },
          },
        ];

  if (!lead.active) return drop('lead_inactive');
  if (read < memory.aiRead) return drop('stale');
  if (qualification.pinned) {
    const { suggestion } = qualification;
    if (suggestion && read < memory.suggestionRead) return drop('stale');
    if (suggestion && isRepeated(suggestion) && read === memory.suggestionRead) return [];
    return [
      {
        type: 'ScoreSuggested',
        data: { leadId, score, model, modelVersion, readUpTo, read },
        personal: { rationale, factors },
      },
    ];
  }
  if (isRepeated(qualification) && read === memory.aiRead) return [];
  return [
    {
      type: 'LeadScored',
      data: {
        leadId,
        from: qualification.score,
        to: score,
        source: 'ai',
        ai: { model, modelVersion, readUpTo, read },
      },
      personal: { rationale, factors, reason: null, note: null },
    },
  ];
}

type KnownResult = Pick<Qualification, 'score' | 'model' | 'modelVersion' | 'rationale'>;

function recordQualificationFailure(
  command: RecordQualificationFailure,
  lead: Lead,
  context: LeadDecisionContext,
): Events {
  const { model, readUpTo, reason } = command;
  const read = requireInteractionNumber(readUpTo, context);
  const { aiRead, failedRead } = lead.memory;
  if (!lead.active || read <= Math.max(aiRead, failedRead)) return [];
  return [{ type: 'QualificationFailed', data: { leadId: lead.id, model, readUpTo, read, reason } }];
}

function unpinScore(_: UnpinScore, state: Lead, context: LeadDecisionContext): Events {
  const { id: leadId, qualification } = requireActive(state, context);
  return qualification.pinned ? [{ type: 'ScoreUnpinned', data: { leadId } }] : [];
}

function createFollowUp(command: CreateFollowUp, state: Lead, context: LeadDecisionContext): Events {
  const lead = requireActive(state, context);
  if (lead.followUps.some((followUp) => followUp.id === command.followUpId)) return [];
  if (openFollowUpsOf(lead).length >= maxOpenFollowUps)
    // eslint-disable-next-line id-denylist -- a public field
    throw refuse('too_many_follow_ups', { most: maxOpenFollowUps });
  const creator = context.actor.type === 'agent' ? context.actor.id : null;
  const assigneeId = command.assignee ? requireActiveAgent(command.assignee) : (lead.agentId ?? creator);
  const dueAt = requireNotInPast('dueAt', command.dueAt, context.now);
  const created: NewEvent<LeadEvent> = {
    type: 'FollowUpCreated',
    data: { leadId: lead.id, followUpId: command.followUpId, dueAt, assigneeId },
    personal: { contactId: lead.contactId, note: command.note },
  };
  return command.alsoSetStatus && lead.status !== 'follow_up'
    ? [created, ...statusChangeEvents(lead, 'follow_up', noText)]
    : [created];
}

function completeFollowUp(command: CompleteFollowUp, lead: Lead): Events {
  const { id: followUpId, state } = requireFollowUp(lead, command.followUpId);
  if (state === 'completed') return [];
  if (state === 'cancelled') throw refuse('follow_up_cancelled', { followUpId });
  return [{ type: 'FollowUpCompleted', data: { leadId: lead.id, followUpId }, personal: { note: command.note } }];
}

function cancelFollowUp(command: CancelFollowUp, lead: Lead): Events {
  const { id: followUpId, state } = requireFollowUp(lead, command.followUpId);
  if (state === 'cancelled') return [];
  if (state === 'completed') throw refuse('follow_up_completed', { followUpId });
  return [
    {
      type: 'FollowUpCancelled',
      data: { leadId: lead.id, followUpId, why: 'asked' },
      personal: { reason: command.reason },
    },
  ];
}

function rescheduleFollowUp(command: RescheduleFollowUp, lead: Lead, context: LeadDecisionContext): Events {
  const { id: followUpId, state, dueAt: from } = requireFollowUp(lead, command.followUpId);
  if (state === 'completed') throw refuse('follow_up_completed', { followUpId });
  if (state === 'cancelled') throw refuse('follow_up_cancelled', { followUpId });
  if (command.dueAt === from) return [];
  const to = requireNotInPast('dueAt', command.dueAt, context.now);
  return [
    {
      type: 'FollowUpRescheduled',
      data: { leadId: lead.id, followUpId, from, to },
      personal: { reason: command.reason },
    },
  ];
}

/** The reminder fires once per due time. */
function remindFollowUp(command: RemindFollowUp, lead: Lead, { now }: LeadDecisionContext): Events {
  const { id: followUpId, state, dueAt, assigneeId, remindedAt } = requireFollowUp(lead, command.followUpId);
  if (state !== 'open' || dueAt !== command.dueAt || remindedAt !== null || now < dueAt) return [];
  const late = Date.parse(now) > Date.parse(dueAt) + lateReminderMs;
  return [{ type: 'FollowUpReminded', data: { leadId: lead.id, followUpId, dueAt, assigneeId, late } }];
}

function recordOutboundMessage(command: RecordOutboundMessage, lead: Lead, context: LeadDecisionContext): Events {
  const { messageId, text } = command;
  const channel = command.channel ?? lead.channel;
  if (!channel) throw invalidField('channel', 'required', 'is required because the lead has no channel yet');
  const id = context.stableId('outbound', channel, messageId);
  if (context.hasOutboundMessage(id)) return [];
  const occurredAt = requireNotInFuture('sentAt', command.sentAt ?? context.now, context.now);
  return [
    {
      type: 'OutboundMessageRecorded',
      id,
      occurredAt,
      data: { leadId: lead.id, channel, messageId, receivedAt: context.now },
      personal: { text },
    },
    ...firstMessageEvents(lead, id, context),
  ];
}

/** The first outbound message moves a new lead to `contacted`, unless a person has set its status. */
function firstMessageEvents(lead: Lead, messageEventId: string, { policy }: DecisionContext): Events {
  const { outboundMessages, statusByPerson } = lead.memory;
  if (!policy.firstMessageMakesContacted) return [];
  if (!lead.active || lead.status !== 'new' || outboundMessages > 0 || statusByPerson) return [];
  return statusChangeEvents(lead, 'contacted', noText).map((event) => ({
    ...event,
    actor: { type: 'system', id: 'first-message' },
    causation: messageEventId,
  }));
}

interface StatusText {
  readonly reason: string | null;
  readonly note: string | null;
}
const noText: StatusText = { reason: null, note: null };

/** Closing a lead cancels its open follow-ups in the same append. */
function statusChangeEvents(lead: ActiveLead, to: Status, { reason, note }: StatusText): Events {
  const change: NewEvent<LeadEvent> = {
    type: 'LeadStatusChanged',
    data: { leadId: lead.id, from: lead.status, to },
    personal: { reason, note },
  };
  const cancelled = isFinal(to) ? openFollowUpsOf(lead) : [];
  const cancellations = cancelled.map((followUp): NewEvent<LeadEvent> => ({
    type: 'FollowUpCancelled',
    data: { leadId: lead.id, followUpId: followUp.id, why: 'lead_inactive' },
    personal: { reason: null },
  }));
  return [change, ...cancellations];
}

/** A closed lead can be viewed but not changed. */
function requireActive(lead: Lead, context: LeadDecisionContext): ActiveLead {
  if (!lead.active) {
    const { id: leadId, status: leadStatus, closedAt: inactiveSince } = lead;
    throw refuse('lead_inactive', { leadId, leadStatus, inactiveSince, activeLeadId: context.activeLeadId });
  }
  return lead;
}

function requireActiveAgent({ id, status }: AgentLookup): string {
  if (status === 'unknown') throw refuse('not_found', { what: 'agent' });
  if (status === 'inactive') throw refuse('agent_inactive', { agentId: id });
  return id;
}

function requireFollowUp(lead: Lead, id: string): FollowUp {
  const found = lead.followUps.find((followUp) => followUp.id === id);
  if (!found) throw refuse('not_found', { what: 'follow-up' });
  return found;
}

function requireInteractionNumber(interactionId: string, context: LeadDecisionContext): number {
  const number = context.interactionNumber(interactionId);
  if (number === undefined) throw refuse('not_found', { what: 'interaction' });
  return number;
}

/** Scores are never rounded or clamped. */
function requireScore(score: number): void {
  if (!Number.isInteger(score) || score < 0 || score > 100)
    throw invalidField('score', 'not_a_score', 'must be an integer from 0 to 100');
}

const nonBlank = (text: string | null): string | null => (text?.trim() ? text : null);
