import { Body, Controller, Param, Patch, Post } from '@nestjs/common';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { IsEmailLike, IsFlag, IsId, IsName, IsWhole, Optional, OptionalOrNull } from '#http/fields';
import { Changes, Makes } from '#http/openapi.decorators';

/** How many active leads an agent has room for; null is no limit. */
const capacities = { least: 0, most: 1_000_000 };

export class RegisterAgentRequest {
  @Optional() @IsId() readonly id?: string;
  @IsName() readonly name!: string;
  @OptionalOrNull() @IsEmailLike() readonly email?: string | null;
  @OptionalOrNull() @IsWhole(capacities) readonly capacity?: number | null;
}

export class ChangeAgentRequest {
  @Optional() @IsName() readonly name?: string;
  @OptionalOrNull() @IsWhole(capacities) readonly capacity?: number | null;
  @Optional() @IsFlag() readonly active?: boolean;
}

@Controller('v1/agents')
export class AgentsController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
  @Makes('Register an agent', 'AgentAnswer', ['agent_exists'])
  register(@Body() said: RegisterAgentRequest, @Http() http: Exchange): Promise<object> {
    const { id: agentId = null, name, email = null, capacity = null } = said;
    return this.gate.agent(
      http,
      { type: 'RegisterAgent', agentId, name, email, capacity },
      {
        location: (id) => `/v1/agents/${encodeURIComponent(id)}`,
      },
    );
  }

  @Patch(':id')
  @Changes('Rename, deactivate or reactivate an agent, or change its capacity', 'AgentAnswer', [
    'not_found',
    'version_mismatch',
  ])
  change(@Param('id') agentId: string, @Body() said: ChangeAgentRequest, @Http() http: Exchange): Promise<object> {
    const { name, capacity, active } = said;
    return this.gate.agent(http, {
      type: 'ChangeAgent',
      agentId,
      ...(name === undefined ? {} : { name }),
      ...(capacity === undefined ? {} : { capacity }),
      ...(active === undefined ? {} : { active }),
    });
  }
}
