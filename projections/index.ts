import type { DeclaredView } from '#read-model/view';
import { agentsView } from './agents/agents.projection.js';
import { broadcastDeliveryView } from './broadcast-delivery/broadcast-delivery.projection.js';
import { bulkJobsView } from './bulk-jobs/bulk-jobs.projection.js';
import { campaignsView } from './campaigns/campaigns.projection.js';
import { followUpsView } from './follow-ups/follow-ups.projection.js';
import { leadHistoryView } from './lead-history/lead-history.projection.js';
import { leadListView } from './lead-list/lead-list.projection.js';
import { qualificationDueView } from './qualification-due/qualification-due.projection.js';
import { statisticsView } from './statistics/statistics.projection.js';
import { waitingLeadsView } from './waiting-leads/waiting-leads.projection.js';

/** The views that the worker keeps up to date. */
export const views: readonly DeclaredView[] = [
  leadListView,
  leadHistoryView,
  followUpsView,
  agentsView,
  broadcastDeliveryView,
  campaignsView,
  waitingLeadsView,
  bulkJobsView,
  qualificationDueView,
  statisticsView,
];
