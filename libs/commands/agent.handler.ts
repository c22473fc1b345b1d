import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { agentDecider, type Agent, type AgentCommand, type RegisterAgent } from '#domain/agent/agent.decide';
import type { CommandResponse } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
import { agentStream, deriveId } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';

/** Without an id of the caller's, the agent gets one of ours. */
export type AgentCommandInput =
  Exclude<AgentCommand, RegisterAgent> | (Omit<RegisterAgent, 'agentId'> & { readonly agentId: string | null });

/** The one door to agents. */
export class AgentCommandMessage extends Command<{ answer: CommandResponse; replayed: boolean }> {
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
    private readonly handling: DeciderService,
    private readonly kept: IdempotencyService,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({
    command: ask,
    context: envelope,
  }: AgentCommandMessage): Promise<{ answer: CommandResponse; replayed: boolean }> {
    return this.meter.measure(ask.type, () => this.kept.runOnce(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: AgentCommandInput, envelope: CommandContext): Promise<CommandResponse> {
    const agentId = ask.agentId ?? deriveId(envelope.commandId, 'agent');
    const stream = agentStream(envelope.org, agentId);
    const versionOf = (state: Agent): number | undefined => (state.known ? state.version : undefined);
    const command: AgentCommand = { ...ask, agentId };
    const { after, events, position } = await this.handling.handle(agentDecider, stream, command, envelope, versionOf);
    const changed = events.length > 0;
    const version = versionOf(after) ?? null;
    const made = command.type === 'RegisterAgent' && changed ? agentId : null;
    return {
      createdId: made,
      version,
      position,
      body: { agent: showAgent(after, made ? 0 : null), changed, version, position },
    };
  }
}

/** How many active leads an agent has is for a view to say; a new one has none. */
const showAgent = (state: Agent, activeLeads: number | null): object | null => {
  if (!state.known) return null;
  const { id, name, email, capacity, active, createdAt } = state;
  return { id, name, email, capacity, active, activeLeads, createdAt };
};
