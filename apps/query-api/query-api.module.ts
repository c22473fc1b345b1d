import { Module } from '@nestjs/common';
import { ViewReaders } from '#http/view-readers';
import { AgentQueriesController } from './agents.controller.js';
import { BroadcastQueriesController } from './broadcasts.controller.js';
import { BulkQueriesController } from './bulk.controller.js';
import { EventsController } from './events.controller.js';
import { LeadExportController } from './export/export.controller.js';
import { FollowUpQueriesController } from './follow-ups.controller.js';
import { HistoryController } from './history.controller.js';
import { LagMonitor } from './lag-monitor.js';
import { LeadQueriesController } from './leads.controller.js';
import { DeadLetterMonitor } from './dead-letter-monitor.js';
import { EventResourceMapper } from './event-resource.js';
import { StatisticsController } from './statistics.controller.js';
import { StreamController } from './stream.controller.js';
import { SharedRecentEvents } from './recent-events.js';

/** The routes that read views or the log. Requires a StoresModule and an AboutModule. */
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
  providers: [ViewReaders, LagMonitor, DeadLetterMonitor, EventResourceMapper, SharedRecentEvents],
})
export class QueryApiModule {}
