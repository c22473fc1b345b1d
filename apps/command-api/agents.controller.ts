import { Body, Controller, Param, Patch, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { ApiCommand, ApiCreateCommand } from '#http/openapi.decorators';
import { ChangeAgentRequest, RegisterAgentRequest } from './agents.requests.js';
import { agentResponse } from './agents.responses.js';

@Controller('v1/agents')
export class AgentsController {
  constructor(private readonly commandBus: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand('Register an agent', agentResponse, ['agent_exists'])
  register(@Body() body: RegisterAgentRequest, @Http() http: HttpContext): Promise<object> {
    const { id: agentId = null, name, email = null, capacity = null } = body;
    return this.commandBus.executeAgent(
      http,
      { type: 'RegisterAgent', agentId, name, email, capacity },
      { location: (id) => `/v1/agents/${encodeURIComponent(id)}` },
    );
  }

  @Patch(':id')
  @ApiCommand(
    {
      summary: 'Update an agent',
      description:
        'Renames, deactivates or reactivates an agent, or changes its capacity. Omitted fields stay as they are.',
    },
    agentResponse,
    ['not_found', 'version_mismatch'],
  )
  change(@Param('id') agentId: string, @Body() body: ChangeAgentRequest, @Http() http: HttpContext): Promise<object> {
    const { name, capacity, active } = body;
    return this.commandBus.executeAgent(http, {
      type: 'ChangeAgent',
      agentId,
      ...(name === undefined ? {} : { name }),
      ...(capacity === undefined ? {} : { capacity }),
      ...(active === undefined ? {} : { active }),
    });
  }
}
