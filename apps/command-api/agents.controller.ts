import { Body, Controller, Param, Patch, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { IsEmailLike, IsFlag, IsId, IsName, IsInteger, Optional, OptionalOrNull } from '#http/fields';
import { ApiCommand, ApiCreateCommand } from '#http/openapi.decorators';

/** How many active leads an agent has room for; null is no limit. */
const capacities = { min: 0, max: 1_000_000 };

export class RegisterAgentRequest {
  @Optional() @IsId() readonly id?: string;
  @IsName() readonly name!: string;
  @OptionalOrNull() @IsEmailLike() readonly email?: string | null;
  @OptionalOrNull() @IsInteger(capacities) readonly capacity?: number | null;
}

export class ChangeAgentRequest {
  @Optional() @IsName() readonly name?: string;
  @OptionalOrNull() @IsInteger(capacities) readonly capacity?: number | null;
  @Optional() @IsFlag() readonly active?: boolean;
}

@Controller('v1/agents')
export class AgentsController {
  constructor(private readonly gate: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand('Register an agent', 'AgentAnswer', ['agent_exists'])
  register(@Body() said: RegisterAgentRequest, @Http() http: HttpContext): Promise<object> {
    const { id: agentId = null, name, email = null, capacity = null } = said;
    return this.gate.executeAgent(
      http,
      { type: 'RegisterAgent', agentId, name, email, capacity },
      {
        location: (id) => `/v1/agents/${encodeURIComponent(id)}`,
      },
    );
  }

  @Patch(':id')
  @ApiCommand('Rename, deactivate or reactivate an agent, or change its capacity', 'AgentAnswer', [
    'not_found',
    'version_mismatch',
  ])
  change(@Param('id') agentId: string, @Body() said: ChangeAgentRequest, @Http() http: HttpContext): Promise<object> {
    const { name, capacity, active } = said;
    return this.gate.executeAgent(http, {
      type: 'ChangeAgent',
      agentId,
      ...(name === undefined ? {} : { name }),
      ...(capacity === undefined ? {} : { capacity }),
      ...(active === undefined ? {} : { active }),
    });
  }
}
