import type { EventOf, EventType } from '#domain/event';
import { computeDelivery } from '#domain/message/message.delivery';
import type { AgentNameResolver } from '#resources/agent-reference';

type Told = {
  readonly [T in EventType]?: (data: EventOf<T>['data'] & PersonalOf<T>, nameOf: AgentNameResolver) => string;
};
type PersonalOf<T extends EventType> = EventOf<T> extends { personal: infer P } ? P : unknown;

const who = (id: string | null, nameOf: AgentNameResolver): string => (id === null ? 'nobody' : (nameOf(id) ?? id));
const because = (words: { readonly reason: string | null }): string =>
  words.reason === null ? '' : `: ${words.reason}`;
const spoken = (word: string): string => word.replaceAll('_', ' ');

const told: Told = {
  ContactRegistered: () => 'Contact registered',
  ContactProfileChanged: ({ changed }) => `Profile changed: ${changed.join(', ')}`,
  ContactOptedOut: ({ channel }) => `Opted out by ${channel}`,
  MessageSent: ({ campaign, channel, receipts }) =>
    `Broadcast of ${campaign.name} by ${channel}: ${computeDelivery(receipts).state}`,
  LeadOpened: ({ ordinal, origin }) => `Lead ${ordinal} opened (${spoken(origin.kind)})`,
  InteractionRecorded: ({ kind, channel, late }) => `${late ? 'Late ' : ''}${spoken(kind)} by ${channel}`,
  OutboundMessageRecorded: ({ channel }) => `Message sent by ${channel}`,
  LeadStatusChanged: (data) =>
    (data.from === data.to ? `Noted as ${spoken(data.to)}` : `Status from ${spoken(data.from)} to ${spoken(data.to)}`) +
    because(data),
  LeadScored: ({ from, to, source }) =>
    from === null ? `Scored ${to} (${source})` : `Score from ${from} to ${to} (${source})`,
  ScoreSuggested: ({ score, model }) => `${model} suggests a score of ${score}`,
  ScoreUnpinned: () => 'Score unpinned',
  AiResultDropped: ({ score, model, why }) => `Score of ${score} by ${model} dropped: ${spoken(why)}`,
  QualificationFailed: ({ model, reason }) => `No score by ${model}: ${reason}`,
  LeadAssigned: ({ from, to }, nameOf) =>
    from === null ? `Assigned to ${who(to, nameOf)}` : `Reassigned from ${who(from, nameOf)} to ${who(to, nameOf)}`,
  LeadUnassigned: ({ from }, nameOf) => `Unassigned from ${who(from, nameOf)}`,
  FollowUpCreated: ({ dueAt, assigneeId }, nameOf) => `Follow-up due ${dueAt} for ${who(assigneeId, nameOf)}`,
  FollowUpRescheduled: (data) => `Follow-up moved from ${data.from} to ${data.to}${because(data)}`,
  FollowUpReminded: ({ dueAt, assigneeId, late }, nameOf) =>
    `${late ? 'Late reminder' : 'Reminder'} for ${who(assigneeId, nameOf)}: follow-up due ${dueAt}`,
  FollowUpCompleted: () => 'Follow-up completed',
  FollowUpCancelled: (data) =>
    `Follow-up cancelled${data.why === 'lead_inactive' ? ': the lead was closed' : because(data)}`,
};

/** An event in a few readable words. */
export function summarizeEvent(type: EventType, data: object, nameOf: AgentNameResolver): string {
  const tell = told[type] as ((data: object, nameOf: AgentNameResolver) => string) | undefined;
  return tell ? tell(data, nameOf) : type;
}
