import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AgentHandler } from '#commands/agent.handler';
import { BroadcastHandler } from '#commands/broadcast.handler';
import { BulkItemExecutor } from '#commands/bulk-item-executor';
import { BulkWorkHandler } from '#commands/bulk-work.handler';
import { BulkHandler } from '#commands/bulk.handler';
import { ContactHandler } from '#commands/contact.handler';
import { LeadSelector } from '#commands/lead-selector';
import { MessageHandler } from '#commands/message.handler';
import { HttpCommandBus } from '#http/http-command-bus';
import { ViewReaders } from '#http/view-readers';
import { AgentsController } from './agents.controller.js';
import { BroadcastsController } from './broadcasts.controller.js';
import { BulkController } from './bulk.controller.js';
import { FollowUpsController } from './follow-ups.controller.js';
import { InteractionsController } from './interactions.controller.js';
import { LeadListSelector } from './lead-list-selector.js';
import { LeadsController } from './leads.controller.js';
import { WebhookIntake } from './webhook-intake.js';
import { WebhooksController } from './webhooks.controller.js';

/** The routes that change something. Requires a StoresModule. */
@Module({
  imports: [CqrsModule],
  controllers: [
    InteractionsController,
    LeadsController,
    FollowUpsController,
    AgentsController,
    BroadcastsController,
    BulkController,
    WebhooksController,
  ],
  providers: [
    HttpCommandBus,
    ViewReaders,
    ContactHandler,
    AgentHandler,
    BroadcastHandler,
    MessageHandler,
    BulkItemExecutor,
    BulkHandler,
    BulkWorkHandler,
    { provide: LeadSelector, useClass: LeadListSelector },
    WebhookIntake,
  ],
})
export class CommandApiModule {}
