import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { agentDecider } from '#domain/agent/agent.decide';
import type { AddressBroadcast, ContactCommand, CreateLead, RecordInteraction } from '#domain/contact/contact.commands';
import { contactDecider } from '#domain/contact/contact.decide';
import { findLead, type Contact } from '#domain/contact/contact.state';
import type { AgentLookup, AssignAgent, CreateFollowUp } from '#domain/lead/lead.commands';
import { parseLeadId } from '#domain/lead/lead.id';
import { refuse } from '#domain/refusal';
import type { CommandResponse, CommandResult, ReplayableResponse } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { ContactResponder, type ContactFacts } from './contact-responder.js';
import { DeciderService, type CommandPreview } from './decider-service.js';
import { agentStream, deriveContactKey, contactStream, deriveId } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';
import { IdKey } from './id-key.js';

/** Commands with a contact key or facts about an agent: callers cannot know these, so the handler adds them. */
type EnrichedType = Extract<
  ContactCommand,
  { readonly contactKey: string } | { readonly agent: AgentLookup } | { readonly assignee: AgentLookup | null }
>['type'];

/** What callers send for the commands that the handler enriches. */
interface EnrichedInputs {
  readonly RecordInteraction: Omit<RecordInteraction, 'contactKey'>;
  readonly CreateLead: Omit<CreateLead, 'contactKey'>;
  readonly AddressBroadcast: Omit<AddressBroadcast, 'contactKey'>;
  readonly AssignAgent: Omit<AssignAgent, 'agent'> & { readonly agentId: string };
  readonly CreateFollowUp: Omit<CreateFollowUp, 'assignee' | 'followUpId'> & { readonly assigneeId: string | null };
}

/** A contact's command as callers send it. A command that needs no enriching is sent as the decider takes it. */
export type ContactCommandInput = EnrichedInputs[EnrichedType] | Exclude<ContactCommand, { type: EnrichedType }>;

type CommandOf<Type extends EnrichedType> = Extract<ContactCommand, { type: Type }>;

type Enrichers = {
  readonly [Type in EnrichedType]: (
    input: EnrichedInputs[Type],
    context: CommandContext,
  ) => CommandOf<Type> | Promise<CommandOf<Type>>;
};

/** A command on a contact or one of its leads, from HTTP, the CLI, a bulk job or an automation. */
export class ContactCommandMessage extends Command<CommandResult> {
  constructor(
    readonly command: ContactCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ContactCommandMessage)
export class ContactHandler implements ICommandHandler<ContactCommandMessage> {
  private readonly responder: ContactResponder;

  private readonly enrichers: Enrichers = {
    RecordInteraction: (input, { org }) => ({ ...input, contactKey: this.contactKey(org, input.contactId) }),
    CreateLead: (input, { org }) => ({ ...input, contactKey: this.contactKey(org, input.contactId) }),
    AddressBroadcast: (input, { org }) => ({ ...input, contactKey: this.contactKey(org, input.contactId) }),
    AssignAgent: async ({ agentId, ...command }, { org }) => ({
      ...command,
      agent: await this.lookUpAgent(org, agentId),
    }),
    CreateFollowUp: async ({ assigneeId, ...command }, { org, commandId }) => ({
      ...command,
      assignee: assigneeId === null ? null : await this.lookUpAgent(org, assigneeId),
      followUpId: deriveId(commandId, 'follow-up'),
    }),
  };

  constructor(
    private readonly deciders: DeciderService,
    private readonly idempotency: IdempotencyService,
    private readonly idKey: IdKey,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {
    this.responder = new ContactResponder(deciders);
  }

  execute({ command, context }: ContactCommandMessage): Promise<CommandResult> {
    return this.meter.measure(command.type, () =>
      this.idempotency.runOnce<ContactFacts>(context, {
        run: () => this.handle(command, context),
        replay: (facts) => this.replay(command, context, facts),
      }),
    );
  }

  /**
   * What the command would do now, without doing it. `version` is the lead's current version.
   * @throws Refusal the one that the command would be refused with
   */
  async preview(
    input: ContactCommandInput,
    context: CommandContext,
  ): Promise<Pick<CommandPreview<Contact>, 'effect'> & { readonly version: number | null }> {
    const command = await this.enrich(input, context);
    const stream = streamOf(command, context.org);
    const versionOf = leadVersionFor(command);
    const { state, effect } = await this.deciders.preview(contactDecider, stream, command, context, versionOf);
    return { effect, version: versionOf(state) ?? null };
  }

  private async handle(input: ContactCommandInput, context: CommandContext): Promise<ReplayableResponse<ContactFacts>> {
    const command = await this.enrich(input, context);
    const stream = streamOf(command, context.org);
    const result = await this.deciders.handle(contactDecider, stream, command, context, leadVersionFor(command));
    return this.responder.respond(command, result, context.org);
  }

  private async replay(
    input: ContactCommandInput,
    context: CommandContext,
    facts: ContactFacts,
  ): Promise<CommandResponse> {
    const command = await this.enrich(input, context);
    const stream = streamOf(command, context.org);
    const result = await this.deciders.readResult(contactDecider, stream, facts.versions);
    return this.responder.respondAgain(command, result, context.org, facts);
  }

  private enrich(input: ContactCommandInput, context: CommandContext): ContactCommand | Promise<ContactCommand> {
    return this.needsEnriching(input) ? this.applyEnricher(input, context) : input;
  }

  private needsEnriching(input: ContactCommandInput): input is EnrichedInputs[EnrichedType] {
    return input.type in this.enrichers;
  }

  private applyEnricher<Type extends EnrichedType>(
    input: EnrichedInputs[Type],
    context: CommandContext,
  ): CommandOf<Type> | Promise<CommandOf<Type>> {
    return this.enrichers[input.type as Type](input, context);
  }

  private contactKey(org: string, contactId: string): string {
    return deriveContactKey(this.idKey.secret, org, contactId);
  }

  private async lookUpAgent(org: string, id: string): Promise<AgentLookup> {
    const agent = await this.deciders.read(agentDecider, agentStream(org, id));
    if (!agent.known) return { id, status: 'unknown' };
    return { id, status: agent.active ? 'active' : 'inactive' };
  }
}

function streamOf(command: ContactCommand, org: string): string {
  const contactKey = 'contactKey' in command ? command.contactKey : parseLeadId(command.leadId)?.contactKey;
  if (contactKey === undefined) throw refuse('not_found', { what: 'lead' });
  return contactStream(org, contactKey);
}

/** The version that If-Match refers to. */
const leadVersionFor =
  (command: ContactCommand) =>
  (state: Contact): number | undefined =>
    'leadId' in command ? findLead(state, command.leadId)?.version : undefined;
