import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { agentDecider, type Agent, type AgentCommand, type RegisterAgent } from '#domain/agent/agent.decide';
import type { CommandResponse, CommandResult, ReplayableResponse } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService, type DecisionResult, type VersionRange } from './decider-service.js';
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
      this.idempotency.runOnce<VersionRange>(context, {
        run: () => this.handle(command, context),
        replay: (versions) => this.replay(command, context, versions),
      }),
    );
  }

  private async handle(input: AgentCommandInput, context: CommandContext): Promise<ReplayableResponse<VersionRange>> {
    const { command, stream } = withAgentId(input, context);
    const result = await this.deciders.handle(agentDecider, stream, command, context, versionOf);
    return { response: respond(command, result), facts: result.versions };
  }

  private async replay(
    input: AgentCommandInput,
    context: CommandContext,
    versions: VersionRange,
  ): Promise<CommandResponse> {
    const { command, stream } = withAgentId(input, context);
    return respond(command, await this.deciders.readResult(agentDecider, stream, versions));
  }
}

function withAgentId(input: AgentCommandInput, { org, commandId }: CommandContext) {
  const agentId = input.agentId ?? deriveId(commandId, 'agent');
  const command: AgentCommand = { ...input, agentId };
  return { command, stream: agentStream(org, agentId) };
}

function respond(command: AgentCommand, { after, events, position }: DecisionResult<Agent>): CommandResponse {
  const changed = events.length > 0;
  const version = versionOf(after) ?? null;
  const createdId = command.type === 'RegisterAgent' && changed ? command.agentId : null;
  const agent = toAgentResource(after, createdId === null ? null : 0);
  return { createdId, version, position, body: { agent, changed, version, position } };
}

const versionOf = (agent: Agent): number | undefined => (agent.known ? agent.version : undefined);

/** `activeLeads` is 0 for a new agent and null otherwise: only a view knows the count. */
const toAgentResource = (agent: Agent, activeLeads: 0 | null): object | null => {
  if (!agent.known) return null;
  const { id, name, email, capacity, active, createdAt } = agent;
  return { id, name, email, capacity, active, activeLeads, createdAt };
};
