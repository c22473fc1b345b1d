import { agentDecider } from '#domain/agent/agent.decide';
import { broadcastDecider } from '#domain/broadcast/broadcast.decide';
import { bulkDecider } from '#domain/bulk/bulk.decide';
import { contactDecider } from '#domain/contact/contact.decide';
import type { Contact } from '#domain/contact/contact.state';
import type { Decider } from '#domain/decider';
import type { DomainEvent, EventType, RecordedEvent } from '#domain/event';
import { leadExportDecider } from '#domain/export/export.decide';
import { contactKeyOf } from '#domain/lead/lead.id';
import { aiResultKey } from '#domain/lead/lead.state';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { messageDecider } from '#domain/message/message.decide';

/** Returns a golden event of this type with these fields in its `data`. */
export type Example = <T extends EventType>(type: T, data: object) => RecordedEvent<T>;

/** The fields that a stored event must set in the state of its stream, or in its lead for a lead's event. */
const expectations: { readonly [T in EventType]: (event: RecordedEvent<T>) => object } = {
  ContactRegistered: ({ data, personal: { contactId, name, phone, email }, meta }) => ({
    known: true,
    key: data.contactKey,
    contactId,
    profile: { name, phone, email },
    lastCommandAt: meta.occurredAt,
  }),
  ContactProfileChanged: ({ personal }) => ({ profile: personal.to, leads: [{ contact: personal.to, version: 1 }] }),
  ContactOptedOut: ({ meta }) => ({ optedOutAt: meta.occurredAt }),
  BroadcastAddressed: ({ data: { broadcastId, campaign, channel, messageId }, meta }) => ({
    addressedBroadcasts: [{ broadcastId, campaign, channel, messageId, at: meta.occurredAt }],
  }),
  LeadOpened: ({ data, personal: { contactId, name, phone, email }, meta }) => ({
    id: data.leadId,
    contactKey: data.contactKey,
    contactId,
    contact: { name, phone, email },
    ordinal: data.ordinal,
    previousLeadId: data.previousLeadId,
    channel: data.channel,
    origin: data.origin,
    status: 'new',
    createdAt: meta.occurredAt,
    version: 1,
  }),
  InteractionRecorded: ({ id, meta }) => ({
    version: 2,
    lastInteractionAt: meta.occurredAt,
    memory: { interactions: 1, newestInteraction: id },
  }),
  OutboundMessageRecorded: () => ({ version: 2, memory: { outboundMessages: 1 } }),
  LeadStatusChanged: ({ data: { from, to }, personal, meta }) => ({
    version: 2,
    reason: personal.reason,
    ...(from === to ? {} : { status: to, active: !isFinal(to), statusChangedAt: meta.occurredAt }),
  }),
  LeadScored: ({ data: { to, source, ai }, personal: { rationale, factors }, meta }) => ({
    version: 2,
    qualification: {
      score: to,
      source,
      pinned: source === 'manual',
      model: ai?.model ?? null,
      modelVersion: ai?.modelVersion ?? null,
      rationale,
      factors,
      scoredAt: meta.occurredAt,
    },
    memory: { aiRead: ai?.read ?? 0 },
  }),
  ScoreSuggested: ({ data: { score, model, modelVersion, read }, personal: { rationale, factors }, meta }) => ({
    version: 2,
    qualification: { suggestion: { score, model, modelVersion, rationale, factors, suggestedAt: meta.occurredAt } },
    memory: { suggestionRead: read },
  }),
  ScoreUnpinned: () => ({ version: 2, qualification: { pinned: false } }),
  AiResultDropped: ({ data }) => ({ version: 2, memory: { dropped: aiResultKey(data) } }),
  QualificationFailed: ({ data }) => ({ version: 2, memory: { failedRead: data.read } }),
  LeadAssigned: ({ data, meta }) => ({ version: 2, agentId: data.to, assignedAt: meta.occurredAt }),
  LeadUnassigned: () => ({ version: 2, agentId: null, assignedAt: null, memory: { waitingSince: null } }),
  FollowUpCreated: ({ data: { followUpId, dueAt, assigneeId }, personal: { note } }) => ({
    version: 2,
    followUps: [{ id: followUpId, dueAt, assigneeId, note, state: 'open' }],
  }),
  FollowUpRescheduled: ({ data: { followUpId, to } }) => ({ version: 3, followUps: [{ id: followUpId, dueAt: to }] }),
  FollowUpReminded: ({ data: { followUpId }, meta }) => ({
    version: 3,
    followUps: [{ id: followUpId, state: 'open', remindedAt: meta.occurredAt }],
  }),
  FollowUpCompleted: ({ data: { followUpId }, meta }) => ({
    version: 3,
    followUps: [{ id: followUpId, state: 'completed', closedAt: meta.occurredAt }],
  }),
  FollowUpCancelled: ({ data: { followUpId, why }, personal: { reason }, meta }) => ({
    version: 3,
    followUps: [
      {
        id: followUpId,
        state: 'cancelled',
        closedAt: meta.occurredAt,
        closedReason: why === 'lead_inactive' ? why : reason,
      },
    ],
  }),
  AgentRegistered: ({ data: { agentId, capacity }, personal: { name, email }, meta }) => ({
    known: true,
    id: agentId,
    name,
    email,
    capacity,
    active: true,
    createdAt: meta.occurredAt,
    version: 1,
  }),
  AgentRenamed: ({ personal }) => ({ name: personal.to, version: 2 }),
  AgentCapacityChanged: ({ data }) => ({ capacity: data.to, version: 2 }),
  AgentDeactivated: () => ({ active: false, version: 2 }),
  AgentReactivated: () => ({ active: true, version: 2 }),
  BroadcastCreated: ({ data: { broadcastId, name, channel, campaign, template }, meta }) => ({
    known: true,
    id: broadcastId,
    name,
    channel,
    campaign,
    template,
    createdAt: meta.occurredAt,
  }),
  MessageSent: ({ data: { recipient } }) => ({ recipient, version: 1 }),
  ReceiptRecorded: ({ data: { status, timed, errorCode }, personal: { errorDetail }, meta }) => ({
    receipts: [
      {
        status,
        at: meta.occurredAt,
        timed,
        recordedAt: meta.recordedAt,
        error: errorCode === null ? null : { code: errorCode, detail: errorDetail },
      },
    ],
    version: 1,
  }),
  LeadsExported: () => ({ recorded: true }),
  BulkTargeted: ({ data: { selection, leadIds } }) => ({ known: false, selection, ids: leadIds }),
  BulkRequested: ({ data: { bulkId, total, blockSize, mode, backdated, action }, meta }) => ({
    known: true,
    blockSize,
    backdated,
    requestedBy: meta.actor,
    job: { id: bulkId, state: 'queued', total, mode, action: { type: action.type }, requestedAt: meta.occurredAt },
  }),
  BulkItemsChecked: ({ data: { results } }) => ({ checked: [results], job: { state: 'running', done: 0 } }),
  BulkItemsDone: ({ data: { round, results } }) => ({
    done: [{ round, results }],
    job: { state: 'running', done: results.length },
  }),
  BulkRetried: ({ data: { round } }) => ({ round, job: { state: 'queued', retries: round } }),
  BulkCancelled: ({ meta }) => ({ job: { state: 'cancelled', closedAt: meta.occurredAt } }),
  BulkCompleted: ({ meta }) => ({ job: { state: 'completed', closedAt: meta.occurredAt } }),
  BulkFailed: ({ data: { ok, unchanged, rejected }, meta }) => ({
    job: { state: 'failed', ok, unchanged, rejected, closedAt: meta.occurredAt },
  }),
};

export const expectedState = (event: RecordedEvent): object =>
  (expectations[event.type] as (event: RecordedEvent) => object)(event);

interface Fold {
  readonly before: unknown;
  readonly after: unknown;
}

/** Folds an event onto the state of its stream, or a lead's event onto its lead. `example` creates the events before it. */
export function foldOntoItsStream(event: RecordedEvent, example: Example): Fold {
  const { data } = event;
  if ('messageKey' in data) return foldAfter(messageDecider, [], event);
  if ('exportId' in data) return foldAfter(leadExportDecider, [], event);
  if ('agentId' in data) return foldAfter(agentDecider, agentEventsBefore(event, data.agentId, example), event);
  if ('bulkId' in data) return foldAfter(bulkDecider, bulkEventsBefore(event, data.bulkId, example), event);
  if ('leadId' in data) {
    const { before, after } = foldAfter(contactDecider, leadEventsBefore(event, data.leadId, example), event);
    const leadIn = (contact: Contact) => contact.known && contact.leads.find(({ id }) => id === data.leadId);
    return { before: leadIn(before), after: leadIn(after) };
  }
  if ('contactKey' in data)
    return foldAfter(contactDecider, contactEventsBefore(event, data.contactKey, example), event);
  return foldAfter(broadcastDecider, [], event);
}

/** Folds an event onto states that it must not change: those of other streams, and the initial state unless it is a first event. */
export function foldsWithoutEffect(event: RecordedEvent, example: Example): readonly Fold[] {
  const { data, type } = event;
  const contactEvents = [
    example('ContactRegistered', { contactKey: 'c' }),
    example('LeadOpened', { leadId: 'c-1', contactKey: 'c' }),
  ];
  const agentEvents = [example('AgentRegistered', {})];
  const bulkEvents = [example('BulkTargeted', {}), example('BulkRequested', {})];
  const broadcastEvents = [example('BroadcastCreated', {})];
  const isOfContact = ('leadId' in data || 'contactKey' in data) && !('messageKey' in data);
  const folds: Fold[] = [];
  if (type !== 'ContactRegistered') folds.push(foldAfter(contactDecider, [], event));
  if (type !== 'AgentRegistered') folds.push(foldAfter(agentDecider, [], event));
  if (type !== 'BulkTargeted' && type !== 'BulkRequested') folds.push(foldAfter(bulkDecider, [], event));
  if (type !== 'BroadcastCreated') folds.push(foldAfter(broadcastDecider, [], event));
  if (!isOfContact) folds.push(foldAfter(contactDecider, contactEvents, event));
  if (!('agentId' in data)) folds.push(foldAfter(agentDecider, agentEvents, event));
  if (!('bulkId' in data)) folds.push(foldAfter(bulkDecider, bulkEvents, event));
  if (type !== 'BroadcastCreated') folds.push(foldAfter(broadcastDecider, broadcastEvents, event));
  return folds;
}

const agentEventsBefore = (event: RecordedEvent, agentId: string, example: Example): readonly RecordedEvent[] =>
  event.type === 'AgentRegistered' ? [] : [example('AgentRegistered', { agentId })];

function bulkEventsBefore(event: RecordedEvent, bulkId: string, example: Example): readonly RecordedEvent[] {
  if (event.type === 'BulkTargeted') return [];
  const targeted = example('BulkTargeted', { bulkId });
  return event.type === 'BulkRequested' ? [targeted] : [targeted, example('BulkRequested', { bulkId })];
}

function contactEventsBefore(event: RecordedEvent, contactKey: string, example: Example): readonly RecordedEvent[] {
  if (event.type === 'ContactRegistered') return [];
  return [
    example('ContactRegistered', { contactKey }),
    example('LeadOpened', { leadId: `${contactKey}-1`, contactKey }),
  ];
}

function leadEventsBefore(event: RecordedEvent, leadId: string, example: Example): readonly RecordedEvent[] {
  const contactKey = contactKeyOf(leadId);
  const registered = example('ContactRegistered', { contactKey });
  if (event.type === 'LeadOpened') return [registered];
  const opened = example('LeadOpened', { leadId, contactKey });
  return 'followUpId' in event.data && event.type !== 'FollowUpCreated'
    ? [registered, opened, example('FollowUpCreated', { leadId, followUpId: event.data.followUpId })]
    : [registered, opened];
}

function foldAfter<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  earlierEvents: readonly RecordedEvent[],
  event: RecordedEvent,
): { readonly before: State; readonly after: State } {
  const before = earlierEvents.reduce(
    (state, earlier) => decider.evolve(state, earlier as never),
    decider.initialState,
  );
  return { before, after: decider.evolve(before, event as never) };
}
