import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AgentHandler } from '#commands/agent.handler';
import { BroadcastHandler } from '#commands/broadcast.handler';
import { BulkItems } from '#commands/bulk-items';
import { BulkWorkHandler } from '#commands/bulk-work.handler';
import { BulkHandler } from '#commands/bulk.handler';
import { ContactHandler } from '#commands/contact.handler';
import { LeadSelection } from '#commands/lead-selection';
import { MessageHandler } from '#commands/message.handler';
import { CommandGate } from '#http/command-gate';
import { Reading } from '#http/reading';
import { AgentsController } from './agents.controller.js';
import { BroadcastsController } from './broadcasts.controller.js';
import { BulkController } from './bulk.controller.js';
import { FollowUpsController } from './follow-ups.controller.js';
import { InteractionsController } from './interactions.controller.js';
import { ListedLeads } from './listed-leads.js';
import { LeadsController } from './leads.controller.js';
import { WebhookIntake } from './webhook-intake.js';
import { WebhooksController } from './webhooks.controller.js';

/** POST, PATCH, DELETE: from a request to a command. Needs a StoresModule beside it. */
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
    CommandGate,
    Reading,
    ContactHandler,
    AgentHandler,
    BroadcastHandler,
    MessageHandler,
    BulkItems,
    BulkHandler,
    BulkWorkHandler,
    { provide: LeadSelection, useClass: ListedLeads },
    WebhookIntake,
  ],
})
export class CommandApiModule {}
