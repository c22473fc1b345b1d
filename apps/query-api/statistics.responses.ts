import { activeStatuses, originKinds, statuses } from '#domain/lead/lead.vocabulary';
import { channels } from '#domain/vocabulary';
import * as json from '#http/json-schema';
import { agentReference } from '#http/resources/agent.schema';
import { campaign } from '#http/resources/broadcast.schema';
import type { Period } from '#projections/statistics/period';
import type {
  AgentStatistics,
  Funnel,
  FunnelStep,
  SourceStatistics,
  TimeInStatus,
} from '#projections/statistics/statistics.query';

const period = json.object<Period>({
  from: json.timestamp('Beginning of the period, inclusive.'),
  to: json.timestamp('End of the period, exclusive.'),
});

const conversionRate = json.ratio(
  'Share of the leads created in the period that are converted now, to four decimal places. Null if there are none.',
);

export const funnelStatistics = json.component(
  'FunnelStatistics',
  json.object<Funnel & { period: Period }>({
    period,
    opened: json.count('Number of leads created in the period.'),
    conversionRate,
    statuses: json.array(
      json.object<FunnelStep>({
        status: json.enumOf(statuses),
        reached: json.count(
          'Number of those leads that have ever had this status. A lead that skipped it does not count.',
        ),
        current: json.count('Number of those leads that have this status now.'),
        rate: json.ratio('`reached` as a share of `opened`, to four decimal places. Null if there are none.'),
      }),
      'One entry per status, in order.',
    ),
  }),
);

export const timeInStatusStatistics = json.component(
  'TimeInStatusStatistics',
  json.object({
    period,
    statuses: json.array(
      json.object<TimeInStatus>({
        status: json.enumOf(activeStatuses),
        leads: json.count('Number of leads that left the status in the period and have not returned to it since.'),
        stays: json.count('Number of times that those leads were in the status.'),
        meanSeconds: json.nullable(
          json.count('Mean time in the status, in seconds. All stays of a lead are added up.'),
        ),
        medianSeconds: json.nullable(json.count('Median time in the status, in seconds, accurate to 2.5 %.')),
        p90Seconds: json.nullable(
          json.count('90th percentile of the time in the status, in seconds, accurate to 2.5 %.'),
        ),
      }),
      'One entry per active status, in order.',
    ),
  }),
);

export const agentsStatistics = json.component(
  'AgentsStatistics',
  json.object({
    period,
    items: json.array(
      json.object<AgentStatistics>({
        agent: json.described(agentReference, 'The agent. Null for everything that belongs to no agent.'),
        assigned: json.count('Number of times that a lead was assigned to the agent in the period.'),
        closed: json.described(
          json.object<AgentStatistics['closed']>({
            converted: json.count('Leads closed as `converted`.'),
            lost: json.count('Leads closed as `lost`.'),
            archived: json.count('Leads closed as `archived`.'),
          }),
          'Leads that were closed in the period while assigned to the agent.',
        ),
        messagesSent: json.count('Number of messages sent on behalf of the agent (`X-Actor`) in the period.'),
        followUps: json.described(
          json.object<AgentStatistics['followUps']>({
            completed: json.count('Follow-ups completed.'),
            late: json.count('Follow-ups completed after they were due.'),
          }),
          'Follow-ups of the agent that were completed in the period.',
        ),
        firstResponse: json.described(
          json.object<AgentStatistics['firstResponse']>({
            leads: json.count('Leads whose first message the agent sent.'),
            medianSeconds: json.nullable(
              json.count(
                'Median time from the creation of the lead to its first message, in seconds, accurate to 2.5 %.',
              ),
            ),
          }),
          'Leads whose first message was sent in the period, by the agent.',
        ),
      }),
      'One entry per agent with any activity in the period.',
    ),
  }),
);

export const sourcesStatistics = json.component(
  'SourcesStatistics',
  json.object({
    period,
    items: json.array(
      json.object<SourceStatistics>({
        origin: json.enumOf(originKinds, 'What created the leads.'),
        channel: json.nullable(json.enumOf(channels, 'Channel that the leads came through.')),
        campaign: json.nullable(campaign),
        opened: json.count('Number of leads created in the period.'),
        converted: json.count('Number of those leads that are converted now.'),
        conversionRate,
      }),
      'One entry per source, the one with the most leads first.',
    ),
  }),
);
