import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { agent, type Agent, type AgentCommand, type RegisterAgent } from '#domain/agent/agent.decide';
import type { Answer } from './answer.js';
import { CommandMeter, uncounted } from './command-meter.js';
import type { Envelope } from './envelope.js';
import { Handling } from './handle.js';
import { agentStream, idMadeBy } from './ids.js';
import { KeptAnswers } from './kept-answers.js';

/** Without an id of the caller's, the agent gets one of ours. */
export type AgentAsk =
  Exclude<AgentCommand, RegisterAgent> | (Omit<RegisterAgent, 'agentId'> & { readonly agentId: string | null });

/** The one door to agents. */
export class AskAgent extends Command<{ answer: Answer; replayed: boolean }> {
  constructor(
    readonly ask: AgentAsk,
    readonly envelope: Envelope,
  ) {
    super();
  }
}

@CommandHandler(AskAgent)
export class AgentHandler implements ICommandHandler<AskAgent> {
  constructor(
    private readonly handling: Handling,
    private readonly kept: KeptAnswers,
    private readonly meter: CommandMeter = uncounted,
  ) {}

  execute({ ask, envelope }: AskAgent): Promise<{ answer: Answer; replayed: boolean }> {
    return this.meter.over(ask.type, () => this.kept.once(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: AgentAsk, envelope: Envelope): Promise<Answer> {
    const agentId = ask.agentId ?? idMadeBy(envelope.commandId, 'agent');
    const stream = agentStream(envelope.org, agentId);
    const versionOf = (state: Agent): number | undefined => (state.known ? state.version : undefined);
    const command: AgentCommand = { ...ask, agentId };
    const { after, events, position } = await this.handling.handle(agent, stream, command, envelope, versionOf);
    const changed = events.length > 0;
    const version = versionOf(after) ?? null;
    const made = command.type === 'RegisterAgent' && changed ? agentId : null;
    return { made, version, position, body: { agent: showAgent(after, made ? 0 : null), changed, version, position } };
  }
}

/** How many active leads an agent has is for a view to say; a new one has none. */
const showAgent = (state: Agent, activeLeads: number | null): object | null => {
  if (!state.known) return null;
  const { id, name, email, capacity, active, createdAt } = state;
  return { id, name, email, capacity, active, activeLeads, createdAt };
};
