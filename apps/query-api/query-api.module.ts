import { Module } from '@nestjs/common';
import { Reading } from '#http/reading';
import { AgentQueriesController } from './agents.controller.js';
import { BroadcastQueriesController } from './broadcasts.controller.js';
import { BulkQueriesController } from './bulk.controller.js';
import { EventsController } from './events.controller.js';
import { LeadExportController } from './export/export.controller.js';
import { FollowUpQueriesController } from './follow-ups.controller.js';
import { HistoryController } from './history.controller.js';
import { LagWatch } from './lag.js';
import { LeadQueriesController } from './leads.controller.js';
import { ParkedWatch } from './parked.js';
import { ShownEvents } from './shown-event.js';
import { StatisticsController } from './statistics.controller.js';
import { StreamController } from './stream.controller.js';
import { Tails } from './tail.js';

/** GET: from a query to a view's rows, or to the log's events. Needs a StoresModule and an AboutModule beside it. */
@Module({
  controllers: [
    LeadExportController,
    LeadQueriesController,
    HistoryController,
    FollowUpQueriesController,
    AgentQueriesController,
    BroadcastQueriesController,
    BulkQueriesController,
    EventsController,
    StreamController,
    StatisticsController,
  ],
  providers: [Reading, LagWatch, ParkedWatch, ShownEvents, Tails],
})
export class QueryApiModule {}
