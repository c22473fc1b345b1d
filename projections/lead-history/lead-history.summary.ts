import type { EventOf, EventType } from '#domain/event';
import { computeDelivery } from '#domain/message/message.delivery';
import type { AgentNameResolver } from '#resources/agent-reference';
import type { HistoryEvent } from './lead-history.projection.js';

type PersonalOf<Type extends EventType> = EventOf<Type> extends { personal: infer Personal } ? Personal : unknown;

type Summaries = {
  readonly [Type in HistoryEvent]: (
    data: EventOf<Type>['data'] & PersonalOf<Type>,
    nameOf: AgentNameResolver,
  ) => string;
};

const agentName = (id: string, nameOf: AgentNameResolver): string => nameOf(id) ?? id;
const assigneeSuffix = (id: string | null, nameOf: AgentNameResolver): string =>
  id === null ? ' (unassigned)' : ` for ${agentName(id, nameOf)}`;
const reasonSuffix = ({ reason }: { readonly reason: string | null }): string => (reason === null ? '' : `: ${reason}`);
const withSpaces = (code: string): string => code.replaceAll('_', ' ');
const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const summaries: Summaries = {
  ContactRegistered: () => 'Contact registered',
  ContactProfileChanged: ({ changed }) => `Profile changed: ${changed.join(', ')}`,
  ContactOptedOut: ({ channel }) => `Opted out via ${channel}`,
  MessageSent: ({ campaign, channel, receipts }) =>
    `Broadcast "${campaign.name}" via ${channel}: ${computeDelivery(receipts).state}`,
  LeadOpened: ({ ordinal, origin }) => `Lead ${ordinal} opened (${withSpaces(origin.kind)})`,
  InteractionRecorded: ({ kind, channel, late }) =>
    `${late ? `Late ${withSpaces(kind)}` : capitalize(withSpaces(kind))} via ${channel}`,
  OutboundMessageRecorded: ({ channel }) => `Message sent via ${channel}`,
  LeadStatusChanged: (data) => {
    const { from, to } = data;
    const change =
      from === to ? `Note on status ${withSpaces(to)}` : `Status changed from ${withSpaces(from)} to ${withSpaces(to)}`;
    return change + reasonSuffix(data);
  },
  LeadScored: ({ from, to, source }) =>
    from === null ? `Scored ${to} (${source})` : `Score changed from ${from} to ${to} (${source})`,
  ScoreSuggested: ({ score, model }) => `${model} suggests a score of ${score}`,
  ScoreUnpinned: () => 'Score unpinned',
  AiResultDropped: ({ score, model, why }) => `Score of ${score} from ${model} dropped: ${withSpaces(why)}`,
  QualificationFailed: ({ model, reason }) => `Scoring by ${model} failed: ${reason}`,
  LeadAssigned: ({ from, to }, nameOf) =>
    from === null
      ? `Assigned to ${agentName(to, nameOf)}`
      : `Reassigned from ${agentName(from, nameOf)} to ${agentName(to, nameOf)}`,
  LeadUnassigned: ({ from }, nameOf) => `Unassigned from ${agentName(from, nameOf)}`,
  FollowUpCreated: ({ dueAt, assigneeId }, nameOf) => `Follow-up due ${dueAt}${assigneeSuffix(assigneeId, nameOf)}`,
  FollowUpRescheduled: (data) => `Follow-up rescheduled from ${data.from} to ${data.to}${reasonSuffix(data)}`,
  FollowUpReminded: ({ dueAt, assigneeId, late }, nameOf) =>
    `${late ? 'Late reminder' : 'Reminder'}${assigneeSuffix(assigneeId, nameOf)}: follow-up due ${dueAt}`,
  FollowUpCompleted: () => 'Follow-up completed',
  FollowUpCancelled: (data) =>
    `Follow-up cancelled${data.why === 'lead_inactive' ? ': the lead was closed' : reasonSuffix(data)}`,
};

/** Summarizes an event in one line. An event that has no entry in a history is summarized by its type. */
export function summarizeEvent(type: EventType, data: object, nameOf: AgentNameResolver): string {
  const summarize = (summaries as Partial<Record<EventType, (data: object, nameOf: AgentNameResolver) => string>>)[
    type
  ];
  return summarize ? summarize(data, nameOf) : type;
}
