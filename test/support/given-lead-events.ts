import type { NewEvent } from '#domain/event-envelope';
import type { LeadEvent } from '#domain/lead/lead.events';
import { finalStatuses, type Status } from '#domain/lead/lead.vocabulary';
import { at, changeStatus, interactionId, leadId, outboundId, time } from './given-when-then.js';

/* Events that a decision about the first lead is expected to return. Fields that do not matter have defaults. */

export type NewLeadEvent<T extends LeadEvent['type']> = Extract<NewEvent<LeadEvent>, { type: T }>;

const id = leadId(1);

type StatusText = { reason: string | null; note: string | null };
export const noText: StatusText = { reason: null, note: null };

export const statusChanged = (
  from: Status,
  to: Status,
  text: Partial<StatusText> = {},
): NewLeadEvent<'LeadStatusChanged'> => ({
  type: 'LeadStatusChanged',
  data: { leadId: id, from, to },
  personal: { ...noText, ...text },
});

export const scoredByHand = (
  from: number | null,
  to: number,
  text: Partial<StatusText> = {},
): NewLeadEvent<'LeadScored'> => ({
  type: 'LeadScored',
  data: { leadId: id, from, to, source: 'manual', ai: null },
  personal: { rationale: null, factors: [], ...noText, ...text },
});

/** The rationale and factors of `aiResult`. */
export const aiText = { rationale: 'Asked for a price', factors: [{ label: 'price', weight: 0.7 }] };

/** The model of `aiResult`, which had read this many interactions, the last of them with this message id. */
export const aiRead = (read: number, lastMessageId: string | null) => ({
  model: 'model-1',
  modelVersion: '1.0',
  readUpTo: lastMessageId === null ? null : interactionId(lastMessageId),
  read,
});
export const firstRead = aiRead(1, 'm-1');

export const scoredByAi = (
  from: number | null,
  to: number,
  ai: NewLeadEvent<'LeadScored'>['data']['ai'] = firstRead,
): NewLeadEvent<'LeadScored'> => ({
  type: 'LeadScored',
  data: { leadId: id, from, to, source: 'ai', ai },
  personal: { ...aiText, ...noText },
});

export const scoreSuggested = (score: number, ai = firstRead): NewLeadEvent<'ScoreSuggested'> => ({
  type: 'ScoreSuggested',
  data: { leadId: id, score, ...ai },
  personal: aiText,
});

export const resultDropped = (
  why: 'lead_inactive' | 'stale',
  score: number,
  ai = firstRead,
): NewLeadEvent<'AiResultDropped'> => ({
  type: 'AiResultDropped',
  data: { leadId: id, why, score, ...ai },
  personal: aiText,
});

export const assigned = (from: string | null, to: string, followUps: string[] = []): NewLeadEvent<'LeadAssigned'> => ({
  type: 'LeadAssigned',
  data: { leadId: id, from, to, mode: 'manual', followUps },
  personal: { note: null },
});

export const followUpCreated = (
  data: Partial<NewLeadEvent<'FollowUpCreated'>['data']> = {},
  note: string | null = null,
): NewLeadEvent<'FollowUpCreated'> => ({
  type: 'FollowUpCreated',
  data: { leadId: id, followUpId: 'f-1', dueAt: time('17:00'), assigneeId: null, ...data },
  personal: { contactId: 'contact-1', note },
});

export const followUpCancelled = (
  followUpId: string,
  why: 'lead_inactive' | 'asked',
  reason: string | null = null,
): NewLeadEvent<'FollowUpCancelled'> => ({
  type: 'FollowUpCancelled',
  data: { leadId: id, followUpId, why },
  personal: { reason },
});

export const messageRecorded = (
  messageId = 'out-1',
  channel: 'whatsapp' | 'sms' = 'whatsapp',
  occurredAt = time('12:00'),
): NewLeadEvent<'OutboundMessageRecorded'> => ({
  type: 'OutboundMessageRecorded',
  id: outboundId(messageId, channel),
  occurredAt,
  data: { leadId: id, channel, messageId, receivedAt: time('12:00') },
  personal: { text: 'Good morning' },
});

/** Closes the lead at 10:00, in each of the final statuses. */
export const closings = finalStatuses.map((status) => ({ status, closed: at('10:00', changeStatus(status)) }));
