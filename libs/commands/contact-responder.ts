import { agentDecider } from '#domain/agent/agent.decide';
import type { ContactCommand } from '#domain/contact/contact.commands';
import { findLead, type Contact } from '#domain/contact/contact.state';
import type { DomainEvent } from '#domain/event';
import { toFollowUpResource, toLeadResource, type AgentNameResolver } from '#domain/lead/lead.shown';
import type { Lead } from '#domain/lead/lead.state';
import type { CommandResponse } from './command-response.js';
import type { DeciderService, DecisionResult } from './decider-service.js';
import { agentStream, contactStream, createIdFactory } from './ids.js';

type CommandType = ContactCommand['type'];
type CommandOf<Type extends CommandType> = Extract<ContactCommand, { type: Type }>;

type Responder<Command> = (
  command: Command,
  result: DecisionResult<Contact>,
  org: string,
) => CommandResponse | Promise<CommandResponse>;

/** The default response needs the command's `leadId`, and shows no follow-up. */
type NeedsResponder =
  Exclude<ContactCommand, { readonly leadId: string }> | Extract<ContactCommand, { readonly followUpId: string }>;

type Responders = {
  readonly [Type in NeedsResponder['type']]: Responder<CommandOf<Type>>;
} & {
  readonly [Type in Exclude<CommandType, NeedsResponder['type']>]?: Responder<CommandOf<Type>>;
};

type LeadDetails = (lead: Lead, nameOf: AgentNameResolver) => object;

/** Builds the responses to contact commands. By default a response contains the lead and whether it changed. */
export class ContactResponder {
  private readonly responders: Responders;

  constructor(private readonly deciders: DeciderService) {
    const followUp: Responder<Extract<ContactCommand, { readonly followUpId: string }>> = (command, result, org) =>
      this.respondWithFollowUp(command.leadId, command.followUpId, result, org, null);
    this.responders = {
      RecordInteraction: (command, result, org) => this.interactionRecorded(command, result, org),
      CreateLead: (_, result, org) => {
        const leadId = (result.after.known && result.after.leads.at(-1)?.id) || null;
        return this.respondWithLead(leadId, result, org, leadId);
      },
      AddressBroadcast: (_, result, org) => this.respondWithLead(null, result, org),
      ChangeStatus: ({ leadId }, result, org) =>
        this.respondWithLead(leadId, result, org, null, () => ({
          cancelledFollowUps: countEvents(result, 'FollowUpCancelled'),
        })),
      RecordAiResult: (command, result, org) => this.aiResultRecorded(command, result, org),
      CreateFollowUp: ({ leadId, followUpId }, result, org) =>
        this.respondWithFollowUp(leadId, followUpId, result, org, followUpId),
      CompleteFollowUp: followUp,
      CancelFollowUp: followUp,
      RescheduleFollowUp: followUp,
      RemindFollowUp: followUp,
      RecordOutboundMessage: ({ leadId, messageId }, result, org) =>
        this.respondWithLead(leadId, result, org, hasChanged(result) ? messageId : null, () => ({ messageId })),
    };
  }

  respond(
    command: ContactCommand,
    result: DecisionResult<Contact>,
    org: string,
  ): CommandResponse | Promise<CommandResponse> {
    const responder = this.responders[command.type] as Responder<ContactCommand> | undefined;
    if (responder) return responder(command, result, org);
    return this.respondWithLead('leadId' in command ? command.leadId : null, result, org);
  }

  private async interactionRecorded(
    { contactKey, channel, messageId }: CommandOf<'RecordInteraction'>,
    result: DecisionResult<Contact>,
    org: string,
  ): Promise<CommandResponse> {
    const { after } = result;
    const interactionId = createIdFactory(contactStream(org, contactKey))('interaction', channel, messageId);
    const leadId = (after.known && after.interactions.get(interactionId)?.leadId) || null;
    const leadCreated = countEvents(result, 'LeadOpened') > 0;
    const response = await this.respondWithLead(leadId, result, org, hasChanged(result) ? interactionId : null);
    return { ...response, body: { interactionId, leadId, leadCreated, ...response.body } };
  }

  private aiResultRecorded(
    command: CommandOf<'RecordAiResult'>,
    result: DecisionResult<Contact>,
    org: string,
  ): Promise<CommandResponse> {
    return this.respondWithLead(command.leadId, result, org, null, ({ active, qualification }) => {
      const { pinned, source, score } = qualification;
      const dropped = countEvents(result, 'AiResultDropped') > 0;
      const accepted = active && !pinned && !dropped && source === 'ai' && score === command.score;
      return { accepted, changed: hasChanged(result) && !dropped };
    });
  }

  private respondWithFollowUp(
    leadId: string,
    followUpId: string,
    result: DecisionResult<Contact>,
    org: string,
    createdId: string | null,
  ): Promise<CommandResponse> {
    return this.respondWithLead(leadId, result, org, createdId, (lead, nameOf) => {
      const followUp = lead.followUps.find(({ id }) => id === followUpId);
      return { followUp: followUp ? toFollowUpResource(followUp, lead, nameOf, this.deciders.clock()) : null };
    });
  }

  /** `details` are added to the body if there is a lead. */
  private async respondWithLead(
    leadId: string | null,
    result: DecisionResult<Contact>,
    org: string,
    createdId: string | null = null,
    details?: LeadDetails,
  ): Promise<CommandResponse> {
    const { after, position } = result;
    const changed = hasChanged(result);
    const lead = leadId === null ? undefined : findLead(after, leadId);
    if (!lead) return { createdId, version: null, position, body: { lead: null, changed, version: null, position } };
    const { version } = lead;
    const nameOf = await this.loadAgentNames(org, lead);
    const body = { lead: toLeadResource(lead, nameOf), changed, ...details?.(lead, nameOf), version, position };
    return { createdId, version, position, body };
  }

  private async loadAgentNames(org: string, lead: Lead): Promise<AgentNameResolver> {
    const assigneeIds = lead.followUps.map(({ assigneeId }) => assigneeId);
    const ids = new Set([lead.agentId, ...assigneeIds].filter((id) => id !== null));
    const names = new Map<string, string>();
    for (const id of ids) {
      const agent = await this.deciders.readCached(agentDecider, agentStream(org, id));
      if (agent.known) names.set(id, agent.name);
    }
    return (id) => names.get(id) ?? null;
  }
}

const hasChanged = ({ events }: DecisionResult<Contact>): boolean => events.length > 0;

const countEvents = ({ events }: DecisionResult<Contact>, type: DomainEvent['type']): number =>
  events.filter((event) => event.type === type).length;
