import { agentDecider, type Agent } from '#domain/agent/agent.decide';
import type { ContactCommand } from '#domain/contact/contact.commands';
import { findLead, type Contact } from '#domain/contact/contact.state';
import type { DomainEvent } from '#domain/event';
import { toFollowUpResource } from '#resources/follow-up.resource';
import { toLeadResource } from '#resources/lead.resource';
import type { AgentNameResolver } from '#resources/agent-reference';
import type { Lead } from '#domain/lead/lead.state';
import type { CommandResponse, ReplayableResponse } from './command-response.js';
import type { DeciderService, DecisionResult, VersionRange } from './decider-service.js';
import { agentStream, contactStream, createIdFactory } from './ids.js';

type CommandType = ContactCommand['type'];
type CommandOf<Type extends CommandType> = Extract<ContactCommand, { type: Type }>;

/** The facts of a response to a contact command. */
export interface ContactFacts {
  readonly versions: VersionRange;
  /** The time that decides whether a follow-up is overdue. */
  readonly time: string;
  /** The versions of the agents whose names are in the response, in the order in which they are loaded. */
  readonly agents: readonly number[];
}

/** The result of a command, and what its response needs from elsewhere. */
interface ResponseInput {
  readonly result: DecisionResult<Contact>;
  readonly org: string;
  readonly time: string;
  readonly loadAgent: (id: string) => Promise<Agent>;
}

type Responder<Command> = (command: Command, input: ResponseInput) => Promise<CommandResponse>;

/** The default response needs the command's `leadId`, and shows no follow-up. */
type NeedsResponder =
  Exclude<ContactCommand, { readonly leadId: string }> | Extract<ContactCommand, { readonly followUpId: string }>;

type Responders = {
  readonly [Type in NeedsResponder['type']]: Responder<CommandOf<Type>>;
} & {
  readonly [Type in Exclude<CommandType, NeedsResponder['type']>]?: Responder<CommandOf<Type>>;
};

type LeadDetails = (lead: Lead, nameOf: AgentNameResolver) => object;

const respondWithFollowUp: Responder<Extract<ContactCommand, { readonly followUpId: string }>> = (command, input) =>
  buildFollowUpResponse(command.leadId, command.followUpId, input, null);

const responders: Responders = {
  RecordInteraction: buildInteractionResponse,
  CreateLead: (_, input) => {
    const { after } = input.result;
    const leadId = (after.known && after.leads.at(-1)?.id) || null;
    return buildLeadResponse(leadId, input, leadId);
  },
  AddressBroadcast: (_, input) => buildLeadResponse(null, input),
  ChangeStatus: ({ leadId }, input) =>
    buildLeadResponse(leadId, input, null, () => ({
      cancelledFollowUps: countEvents(input.result, 'FollowUpCancelled'),
    })),
  RecordAiResult: buildAiResultResponse,
  CreateFollowUp: ({ leadId, followUpId }, input) => buildFollowUpResponse(leadId, followUpId, input, followUpId),
  CompleteFollowUp: respondWithFollowUp,
  CancelFollowUp: respondWithFollowUp,
  RescheduleFollowUp: respondWithFollowUp,
  RemindFollowUp: respondWithFollowUp,
  RecordOutboundMessage: ({ leadId, messageId }, input) =>
    buildLeadResponse(leadId, input, hasChanged(input.result) ? messageId : null, () => ({ messageId })),
};

/** Builds the responses to contact commands. By default a response contains the lead and whether it changed. */
export class ContactResponder {
  constructor(private readonly deciders: DeciderService) {}

  async respond(
    command: ContactCommand,
    result: DecisionResult<Contact>,
    org: string,
  ): Promise<ReplayableResponse<ContactFacts>> {
    const time = this.deciders.clock();
    const agents: number[] = [];
    const loadAgent = async (id: string): Promise<Agent> => {
      const { state, version } = await this.deciders.readCached(agentDecider, agentStream(org, id));
      agents.push(version);
      return state;
    };
    const response = await buildResponse(command, { result, org, time, loadAgent });
    return { response, facts: { versions: result.versions, time, agents } };
  }

  /** The response that had these facts. `result` is the one of the same versions. */
  respondAgain(
    command: ContactCommand,
    result: DecisionResult<Contact>,
    org: string,
    { time, agents }: ContactFacts,
  ): Promise<CommandResponse> {
    const versions = [...agents];
    const loadAgent = (id: string): Promise<Agent> =>
      this.deciders.readVersion(agentDecider, agentStream(org, id), versions.shift()!);
    return buildResponse(command, { result, org, time, loadAgent });
  }
}

function buildResponse(command: ContactCommand, input: ResponseInput): Promise<CommandResponse> {
  const responder = responders[command.type] as Responder<ContactCommand> | undefined;
  if (responder) return responder(command, input);
  return buildLeadResponse('leadId' in command ? command.leadId : null, input);
}

async function buildInteractionResponse(
  { contactKey, channel, messageId }: CommandOf<'RecordInteraction'>,
  input: ResponseInput,
): Promise<CommandResponse> {
  const { result, org } = input;
  const { after } = result;
  const interactionId = createIdFactory(contactStream(org, contactKey))('interaction', channel, messageId);
  const leadId = (after.known && after.interactions.get(interactionId)?.leadId) || null;
  const leadCreated = countEvents(result, 'LeadOpened') > 0;
  const response = await buildLeadResponse(leadId, input, hasChanged(result) ? interactionId : null);
  return { ...response, body: { interactionId, leadId, leadCreated, ...response.body } };
}

function buildAiResultResponse(command: CommandOf<'RecordAiResult'>, input: ResponseInput): Promise<CommandResponse> {
  const { result } = input;
  return buildLeadResponse(command.leadId, input, null, ({ active, qualification }) => {
    const { pinned, source, score } = qualification;
    const dropped = countEvents(result, 'AiResultDropped') > 0;
    const accepted = active && !pinned && !dropped && source === 'ai' && score === command.score;
    return { accepted, changed: hasChanged(result) && !dropped };
  });
}

function buildFollowUpResponse(
  leadId: string,
  followUpId: string,
  input: ResponseInput,
  createdId: string | null,
): Promise<CommandResponse> {
  return buildLeadResponse(leadId, input, createdId, (lead, nameOf) => {
    const followUp = lead.followUps.find(({ id }) => id === followUpId);
    return { followUp: followUp ? toFollowUpResource(followUp, lead, nameOf, input.time) : null };
  });
}

/** `details` are added to the body if there is a lead. */
async function buildLeadResponse(
  leadId: string | null,
  { result, loadAgent }: ResponseInput,
  createdId: string | null = null,
  details?: LeadDetails,
): Promise<CommandResponse> {
  const { after, position } = result;
  const changed = hasChanged(result);
  const lead = leadId === null ? undefined : findLead(after, leadId);
  if (!lead) return { createdId, version: null, position, body: { lead: null, changed, version: null, position } };
  const { version } = lead;
  const nameOf = await loadAgentNames(lead, loadAgent);
  const body = { lead: toLeadResource(lead, nameOf), changed, ...details?.(lead, nameOf), version, position };
  return { createdId, version, position, body };
}

/** One after another: the facts of a response list the agents in this order. */
async function loadAgentNames(lead: Lead, loadAgent: ResponseInput['loadAgent']): Promise<AgentNameResolver> {
  const assigneeIds = lead.followUps.map(({ assigneeId }) => assigneeId);
  const ids = new Set([lead.agentId, ...assigneeIds].filter((id) => id !== null));
  const names = new Map<string, string>();
  for (const id of ids) {
    const agent = await loadAgent(id);
    if (agent.known) names.set(id, agent.name);
  }
  return (id) => names.get(id) ?? null;
}

const hasChanged = ({ events }: DecisionResult<Contact>): boolean => events.length > 0;

const countEvents = ({ events }: DecisionResult<Contact>, type: DomainEvent['type']): number =>
  events.filter((event) => event.type === type).length;
