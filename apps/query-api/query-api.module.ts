import { Module } from '@nestjs/common';
import { Reading } from '#http/reading';
import { AgentQueriesController } from './agents.controller.js';
import { BroadcastQueriesController } from './broadcasts.controller.js';
import { FollowUpQueriesController } from './follow-ups.controller.js';
import { HistoryController } from './history.controller.js';
import { LagWatch } from './lag.js';
import { LeadQueriesController } from './leads.controller.js';

/** GET: from a query to a view's rows. Needs a StoresModule and an AboutModule beside it. */
@Module({
  controllers: [
    LeadQueriesController,
    HistoryController,
    FollowUpQueriesController,
    AgentQueriesController,
    BroadcastQueriesController,
  ],
  providers: [Reading, LagWatch],
})
export class QueryApiModule {}
