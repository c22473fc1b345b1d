import type { DeclaredView } from '#read-model/view';
import { agentsView } from './agents/agents.projection.js';
import { broadcastDelivery } from './broadcast-delivery/broadcast-delivery.projection.js';
import { bulkJobs } from './bulk-jobs/bulk-jobs.projection.js';
import { campaignsView } from './campaigns/campaigns.projection.js';
import { followUpsView } from './follow-ups/follow-ups.projection.js';
import { leadHistory } from './lead-history/lead-history.projection.js';
import { leadList } from './lead-list/lead-list.projection.js';
import { qualificationDue } from './qualification-due/qualification-due.projection.js';
import { statisticsView } from './statistics/statistics.projection.js';
import { waitingLeads } from './waiting-leads/waiting-leads.projection.js';

/** The views that the worker keeps up to date. */
export const views: readonly DeclaredView[] = [
  leadList,
  leadHistory,
  followUpsView,
  agentsView,
  broadcastDelivery,
  campaignsView,
  waitingLeads,
  bulkJobs,
  qualificationDue,
  statisticsView,
];
