import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { agentDecider } from '#domain/agent/agent.decide';
import type { AddressBroadcast, ContactCommand, CreateLead, RecordInteraction } from '#domain/contact/contact.commands';
import { contactDecider } from '#domain/contact/contact.decide';
import { findLead, type Contact } from '#domain/contact/contact.state';
import type { DomainEvent } from '#domain/event';
import type { AgentLookup, AssignAgent, CreateFollowUp } from '#domain/lead/lead.commands';
import { toFollowUpResource } from '#resources/follow-up.resource';
import { toLeadResource } from '#resources/lead.resource';
import type { AgentNameResolver } from '#resources/agent-reference';
import type { Lead } from '#domain/lead/lead.state';
import { refuse } from '#domain/refusal';
import { parseLeadId } from '#domain/lead/lead.id';
import type { CommandResponse } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService, type DecisionResult, type CommandPreview } from './decider-service.js';
import { agentStream, deriveContactKey, contactStream, deriveId, createIdFactory } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';
import { IdKey } from './id-key.js';

/** A contact's command as it is asked for: what only we know (keys, made-up ids, facts about agents) is added here. */
export type ContactCommandInput =
  | Omit<RecordInteraction, 'contactKey'>
  | Omit<CreateLead, 'contactKey'>
  | Omit<AddressBroadcast, 'contactKey'>
  | (Omit<AssignAgent, 'agent'> & { readonly agentId: string })
  | (Omit<CreateFollowUp, 'assignee' | 'followUpId'> & { readonly assigneeId: string | null })
  | Exclude<
      ContactCommand,
      { type: 'RecordInteraction' | 'CreateLead' | 'AssignAgent' | 'CreateFollowUp' | 'AddressBroadcast' }
    >;

/** The one door to everything about contacts and their leads: for HTTP, CLI, bulk and automation alike. */
export class ContactCommandMessage extends Command<{ answer: CommandResponse; replayed: boolean }> {
  constructor(
    readonly command: ContactCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ContactCommandMessage)
export class ContactHandler implements ICommandHandler<ContactCommandMessage> {
  constructor(
    private readonly handling: DeciderService,
    private readonly kept: IdempotencyService,
    private readonly idKey: IdKey,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({
    command: ask,
    context: envelope,
  }: ContactCommandMessage): Promise<{ answer: CommandResponse; replayed: boolean }> {
    return this.meter.measure(ask.type, () => this.kept.runOnce(envelope, () => this.carryOut(ask, envelope)));
  }

  /**
   * What would come of it now, with nothing done. `version`: that of the lead as it is.
   * @throws Refusal what it would be refused with
   */
  async preview(
    ask: ContactCommandInput,
    envelope: CommandContext,
  ): Promise<Pick<CommandPreview<Contact>, 'effect'> & { version: number | null }> {
    const { command, stream, versionOf } = await this.routed(ask, envelope);
    const { state, effect: would } = await this.handling.preview(contactDecider, stream, command, envelope, versionOf);
    return { effect: would, version: versionOf(state) ?? null };
  }

  private async carryOut(ask: ContactCommandInput, envelope: CommandContext): Promise<CommandResponse> {
    const { command, stream, versionOf } = await this.routed(ask, envelope);
    const outcome = await this.handling.handle(contactDecider, stream, command, envelope, versionOf);
    return this.answer(command, outcome, stream, envelope);
  }

  /** The whole command, and the stream that it is for. */
  private async routed(
    ask: ContactCommandInput,
    envelope: CommandContext,
  ): Promise<{ command: ContactCommand; stream: string; versionOf: (state: Contact) => number | undefined }> {
    const command = await this.complete(ask, envelope);
    const contactKey = 'contactKey' in command ? command.contactKey : parseLeadId(command.leadId)?.contactKey;
    if (!contactKey) throw refuse('not_found', { what: 'lead' });
    const versionOf = (state: Contact): number | undefined =>
      'leadId' in command ? findLead(state, command.leadId)?.version : undefined;
    return { command, stream: contactStream(envelope.org, contactKey), versionOf };
  }

  /** Adds what the decision needs and the caller can't know. */
  private async complete(ask: ContactCommandInput, { org, commandId }: CommandContext): Promise<ContactCommand> {
    switch (ask.type) {
      case 'RecordInteraction':
      case 'CreateLead':
      case 'AddressBroadcast':
        return { ...ask, contactKey: deriveContactKey(this.idKey.secret, org, ask.contactId) };
      case 'AssignAgent': {
        const { agentId, ...command } = ask;
        return { ...command, agent: await this.agentFact(org, agentId) };
      }
      case 'CreateFollowUp': {
        const { assigneeId, ...command } = ask;
        const assignee = assigneeId === null ? null : await this.agentFact(org, assigneeId);
        return { ...command, assignee, followUpId: deriveId(commandId, 'follow-up') };
      }
      case 'ChangeStatus':
      case 'UnassignAgent':
      case 'RecordAiResult':
      case 'RecordQualificationFailure':
      case 'UnpinScore':
      case 'CompleteFollowUp':
      case 'CancelFollowUp':
      case 'RescheduleFollowUp':
      case 'RemindFollowUp':
      case 'RecordOutboundMessage':
        return ask;
    }
  }

  private async agentFact(org: string, id: string): Promise<AgentLookup> {
    const known = await this.handling.read(agentDecider, agentStream(org, id));
    return { id, status: !known.known ? 'unknown' : known.active ? 'active' : 'inactive' };
  }

  private async answer(
    command: ContactCommand,
    { after, events, position }: DecisionResult<Contact>,
    stream: string,
    envelope: CommandContext,
  ): Promise<CommandResponse> {
    const changed = events.length > 0;
    const happened = (type: DomainEvent['type']): number => events.filter((it) => it.type === type).length;
    const tell = async (
      leadId: string | null,
      more: (lead: Lead, nameOf: AgentNameResolver) => object,
      made: string | null = null,
    ): Promise<CommandResponse> => {
      const lead = leadId === null ? undefined : findLead(after, leadId);
      const version = lead?.version ?? null;
      const nameOf = lead ? await this.names(envelope.org, lead) : () => null;
      const shown = { lead: lead ? toLeadResource(lead, nameOf) : null, changed, ...(lead ? more(lead, nameOf) : {}) };
      return { createdId: made, version, position, body: { ...shown, version, position } };
    };
    const nothingMore = (): object => ({});

    switch (command.type) {
      case 'RecordInteraction': {
        const interactionId = createIdFactory(stream)('interaction', command.channel, command.messageId);
        const leadId = (after.known && after.interactions.get(interactionId)?.leadId) || null;
        const answer = await tell(leadId, nothingMore, changed ? interactionId : null);
        const leadCreated = happened('LeadOpened') > 0;
        return { ...answer, body: { interactionId, leadId, leadCreated, ...answer.body } };
      }
      case 'CreateLead': {
        const leadId = (after.known && after.leads.at(-1)?.id) || null;
        return tell(leadId, nothingMore, leadId);
      }
      case 'ChangeStatus':
        return tell(command.leadId, () => ({ cancelledFollowUps: happened('FollowUpCancelled') }));
      case 'AssignAgent':
      case 'UnassignAgent':
      case 'RecordQualificationFailure':
      case 'UnpinScore':
        return tell(command.leadId, nothingMore);
      case 'RecordAiResult':
        return tell(command.leadId, ({ active, qualification: { pinned, source, score } }) => {
          const dropped = happened('AiResultDropped') > 0;
          const accepted = active && !pinned && !dropped && source === 'ai' && score === command.score;
          return { accepted, changed: changed && !dropped };
        });
      case 'CreateFollowUp':
      case 'CompleteFollowUp':
      case 'CancelFollowUp':
      case 'RescheduleFollowUp':
      case 'RemindFollowUp': {
        const made = command.type === 'CreateFollowUp' ? command.followUpId : null;
        return tell(
          command.leadId,
          (lead, nameOf) => {
            const found = lead.followUps.find((it) => it.id === command.followUpId);
            return { followUp: found ? toFollowUpResource(found, lead, nameOf, this.handling.clock()) : null };
          },
          made,
        );
      }
      case 'RecordOutboundMessage':
        return tell(command.leadId, () => ({ messageId: command.messageId }), changed ? command.messageId : null);
      case 'AddressBroadcast':
        return tell(null, nothingMore);
    }
  }

  private async names(org: string, lead: Lead): Promise<AgentNameResolver> {
    const ids = new Set([lead.agentId, ...lead.followUps.map((it) => it.assigneeId)].filter((id) => id !== null));
    const names = new Map<string, string>();
    for (const id of ids) {
      const known = await this.handling.readCached(agentDecider, agentStream(org, id));
      if (known.known) names.set(id, known.name);
    }
    return (id) => names.get(id) ?? null;
  }
}
