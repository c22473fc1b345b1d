import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { agent } from '#domain/agent/agent.decide';
import type { AddressBroadcast, ContactCommand, CreateLead, RecordInteraction } from '#domain/contact/contact.commands';
import { contact } from '#domain/contact/contact.decide';
import { leadOf, type Contact } from '#domain/contact/contact.state';
import type { DomainEvent } from '#domain/event';
import type { AgentFact, AssignAgent, CreateFollowUp } from '#domain/lead/lead.commands';
import { showFollowUp, showLead, type NameOf } from '#domain/lead/lead.shown';
import type { Lead } from '#domain/lead/lead.state';
import { refuse } from '#domain/refusal';
import type { Answer } from './answer.js';
import { CommandMeter, uncounted } from './command-meter.js';
import type { Envelope } from './envelope.js';
import { Handling, type Outcome, type Prospect } from './handle.js';
import { agentStream, contactKeyIn, contactKeyOf, contactStream, idMadeBy, idsWithin } from './ids.js';
import { KeptAnswers } from './kept-answers.js';
import { IdKey } from './id-key.js';

/** A contact's command as it is asked for: what only we know (keys, made-up ids, facts about agents) is added here. */
export type ContactAsk =
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
export class AskContact extends Command<{ answer: Answer; replayed: boolean }> {
  constructor(
    readonly ask: ContactAsk,
    readonly envelope: Envelope,
  ) {
    super();
  }
}

@CommandHandler(AskContact)
export class ContactHandler implements ICommandHandler<AskContact> {
  constructor(
    private readonly handling: Handling,
    private readonly kept: KeptAnswers,
    private readonly idKey: IdKey,
    private readonly meter: CommandMeter = uncounted,
  ) {}

  execute({ ask, envelope }: AskContact): Promise<{ answer: Answer; replayed: boolean }> {
    return this.meter.over(ask.type, () => this.kept.once(envelope, () => this.carryOut(ask, envelope)));
  }

  /**
   * What would come of it now, with nothing done. `version`: that of the lead as it is.
   * @throws Refusal what it would be refused with
   */
  async check(
    ask: ContactAsk,
    envelope: Envelope,
  ): Promise<Pick<Prospect<Contact>, 'would'> & { version: number | null }> {
    const { command, stream, versionOf } = await this.routed(ask, envelope);
    const { state, would } = await this.handling.check(contact, stream, command, envelope, versionOf);
    return { would, version: versionOf(state) ?? null };
  }

  private async carryOut(ask: ContactAsk, envelope: Envelope): Promise<Answer> {
    const { command, stream, versionOf } = await this.routed(ask, envelope);
    const outcome = await this.handling.handle(contact, stream, command, envelope, versionOf);
    return this.answer(command, outcome, stream, envelope);
  }

  /** The whole command, and the stream that it is for. */
  private async routed(
    ask: ContactAsk,
    envelope: Envelope,
  ): Promise<{ command: ContactCommand; stream: string; versionOf: (state: Contact) => number | undefined }> {
    const command = await this.complete(ask, envelope);
    const contactKey = 'contactKey' in command ? command.contactKey : contactKeyIn(command.leadId);
    if (!contactKey) throw refuse('not_found', { what: 'lead' });
    const versionOf = (state: Contact): number | undefined =>
      'leadId' in command ? leadOf(state, command.leadId)?.version : undefined;
    return { command, stream: contactStream(envelope.org, contactKey), versionOf };
  }

  /** Adds what the decision needs and the caller can't know. */
  private async complete(ask: ContactAsk, { org, commandId }: Envelope): Promise<ContactCommand> {
    switch (ask.type) {
      case 'RecordInteraction':
      case 'CreateLead':
      case 'AddressBroadcast':
        return { ...ask, contactKey: contactKeyOf(this.idKey.secret, org, ask.contactId) };
      case 'AssignAgent': {
        const { agentId, ...command } = ask;
        return { ...command, agent: await this.agentFact(org, agentId) };
      }
      case 'CreateFollowUp': {
        const { assigneeId, ...command } = ask;
        const assignee = assigneeId === null ? null : await this.agentFact(org, assigneeId);
        return { ...command, assignee, followUpId: idMadeBy(commandId, 'follow-up') };
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

  private async agentFact(org: string, id: string): Promise<AgentFact> {
    const known = await this.handling.read(agent, agentStream(org, id));
    return { id, situation: !known.known ? 'unknown' : known.active ? 'active' : 'inactive' };
  }

  private async answer(
    command: ContactCommand,
    { after, events, position }: Outcome<Contact>,
    stream: string,
    envelope: Envelope,
  ): Promise<Answer> {
    const changed = events.length > 0;
    const happened = (type: DomainEvent['type']): number => events.filter((it) => it.type === type).length;
    const tell = async (
      leadId: string | null,
      more: (lead: Lead, nameOf: NameOf) => object,
      made: string | null = null,
    ): Promise<Answer> => {
      const lead = leadId === null ? undefined : leadOf(after, leadId);
      const version = lead?.version ?? null;
      const nameOf = lead ? await this.names(envelope.org, lead) : () => null;
      const shown = { lead: lead ? showLead(lead, nameOf) : null, changed, ...(lead ? more(lead, nameOf) : {}) };
      return { made, version, position, body: { ...shown, version, position } };
    };
    const nothingMore = (): object => ({});

    switch (command.type) {
      case 'RecordInteraction': {
        const interactionId = idsWithin(stream)('interaction', command.channel, command.messageId);
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
            return { followUp: found ? showFollowUp(found, lead, nameOf, this.handling.clock()) : null };
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

  private async names(org: string, lead: Lead): Promise<NameOf> {
    const ids = new Set([lead.agentId, ...lead.followUps.map((it) => it.assigneeId)].filter((id) => id !== null));
    const names = new Map<string, string>();
    for (const id of ids) {
      const known = await this.handling.glance(agent, agentStream(org, id));
      if (known.known) names.set(id, known.name);
    }
    return (id) => names.get(id) ?? null;
  }
}
