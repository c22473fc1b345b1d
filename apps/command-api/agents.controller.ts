import { Body, Controller, Param, Patch, Post } from '@nestjs/common';
import { IsBoolean, IsInt, Max, Min } from 'class-validator';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { IsEmailLike, IsId, IsName, Optional, OptionalOrNull } from '#http/fields';

const mostCapacity = 1_000_000;

export class RegisterAgentRequest {
  @Optional() @IsId() readonly id?: string;
  @IsName() readonly name!: string;
  @OptionalOrNull() @IsEmailLike() readonly email?: string | null;
  @OptionalOrNull() @IsInt() @Min(0) @Max(mostCapacity) readonly capacity?: number | null;
}

export class ChangeAgentRequest {
  @Optional() @IsName() readonly name?: string;
  @OptionalOrNull() @IsInt() @Min(0) @Max(mostCapacity) readonly capacity?: number | null;
  @Optional() @IsBoolean() readonly active?: boolean;
}

@Controller('v1/agents')
export class AgentsController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
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
