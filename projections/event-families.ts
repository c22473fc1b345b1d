import type { AgentEvent } from '#domain/agent/agent.events';
import type { BroadcastEvent } from '#domain/broadcast/broadcast.events';
import type { BulkEvent } from '#domain/bulk/bulk.events';
import type { ContactEvent } from '#domain/contact/contact.events';
import type { ExportEvent } from '#domain/export/export.events';
import type { LeadEvent } from '#domain/lead/lead.events';
import type { MessageEvent } from '#domain/message/message.events';

/*
 * For the `ignores` of views that handle no event of a family. An event type that is missing here is a compile error in each of
 * these views. A view that handles some events of a family lists the others one by one, so that a new event does not compile there.
 */

/** Events of a contact, without those of its leads. */
export const contactEvents = [
  'ContactRegistered',
  'ContactProfileChanged',
  'ContactOptedOut',
  'BroadcastAddressed',
] as const satisfies readonly Exclude<ContactEvent, LeadEvent>['type'][];

export const leadEvents = [
  'LeadOpened',
  'InteractionRecorded',
  'OutboundMessageRecorded',
  'LeadStatusChanged',
  'LeadScored',
  'ScoreSuggested',
  'ScoreUnpinned',
  'AiResultDropped',
  'QualificationFailed',
  'LeadAssigned',
  'LeadUnassigned',
  'FollowUpCreated',
  'FollowUpRescheduled',
  'FollowUpReminded',
  'FollowUpCompleted',
  'FollowUpCancelled',
] as const satisfies readonly LeadEvent['type'][];

export const agentEvents = [
  'AgentRegistered',
  'AgentRenamed',
  'AgentCapacityChanged',
  'AgentDeactivated',
  'AgentReactivated',
] as const satisfies readonly AgentEvent['type'][];

export const broadcastEvents = ['BroadcastCreated'] as const satisfies readonly BroadcastEvent['type'][];

export const messageEvents = ['MessageSent', 'ReceiptRecorded'] as const satisfies readonly MessageEvent['type'][];

export const bulkEvents = [
  'BulkTargeted',
  'BulkRequested',
  'BulkItemsChecked',
  'BulkItemsDone',
  'BulkRetried',
  'BulkCancelled',
  'BulkCompleted',
  'BulkFailed',
] as const satisfies readonly BulkEvent['type'][];

export const exportEvents = ['LeadsExported'] as const satisfies readonly ExportEvent['type'][];
