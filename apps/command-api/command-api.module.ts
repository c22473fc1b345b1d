import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AgentHandler } from '#commands/agent.handler';
import { ContactHandler } from '#commands/contact.handler';
import { CommandGate } from '#http/command-gate';
import { AgentsController } from './agents.controller.js';
import { FollowUpsController } from './follow-ups.controller.js';
import { InteractionsController } from './interactions.controller.js';
import { LeadsController } from './leads.controller.js';

/** POST, PATCH, DELETE: from a request to a command. Needs a StoresModule beside it. */
@Module({
  imports: [CqrsModule],
  controllers: [InteractionsController, LeadsController, FollowUpsController, AgentsController],
  providers: [CommandGate, ContactHandler, AgentHandler],
})
export class CommandApiModule {}
