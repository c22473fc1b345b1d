import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { agentDecider, type Agent, type AgentCommand, type RegisterAgent } from '#domain/agent/agent.decide';
import type { CommandResponse, CommandResult } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
import { agentStream, deriveId } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';

/** If `agentId` is null, the handler derives one. */
export type AgentCommandInput =
  Exclude<AgentCommand, RegisterAgent> | (Omit<RegisterAgent, 'agentId'> & { readonly agentId: string | null });

export class AgentCommandMessage extends Command<CommandResult> {
  constructor(
    readonly command: AgentCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(AgentCommandMessage)
export class AgentHandler implements ICommandHandler<AgentCommandMessage> {
  constructor(
    private readonly deciders: DeciderService,
    private readonly idempotency: IdempotencyService,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({ command, context }: AgentCommandMessage): Promise<CommandResult> {
    return this.meter.measure(command.type, () =>
      this.idempotency.runOnce(context, () => this.handle(command, context)),
    );
  }

  private async handle(input: AgentCommandInput, context: CommandContext): Promise<CommandResponse> {
    const agentId = input.agentId ?? deriveId(context.commandId, 'agent');
    const stream = agentStream(context.org, agentId);
    const command: AgentCommand = { ...input, agentId };
    const { after, events, position } = await this.deciders.handle(agentDecider, stream, command, context, versionOf);
    const changed = events.length > 0;
    const version = versionOf(after) ?? null;
    const createdId = command.type === 'RegisterAgent' && changed ? agentId : null;
    const agent = toAgentResource(after, createdId === null ? null : 0);
    return { createdId, version, position, body: { agent, changed, version, position } };
  }
}

const versionOf = (agent: Agent): number | undefined => (agent.known ? agent.version : undefined);

/** `activeLeads` is 0 for a new agent and null otherwise: only a view knows the count. */
const toAgentResource = (agent: Agent, activeLeads: 0 | null): object | null => {
  if (!agent.known) return null;
  const { id, name, email, capacity, active, createdAt } = agent;
  return { id, name, email, capacity, active, activeLeads, createdAt };
};
