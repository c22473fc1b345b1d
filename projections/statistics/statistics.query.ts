import { activeStatuses, statuses, type FinalStatus, type Status } from '#domain/lead/lead.vocabulary';
import type { AgentReference } from '#resources/agent-reference';
import type { ColumnValue } from '#read-model/view';
import type { Group, ViewReader } from '#read-model/view-store';
import { loadAgentNames } from '../agent-names.js';
import type { Period } from './period.js';
import { Histogram } from './histogram.js';
import { toStatusFlag } from './statistics.projection.js';

/*
 * Statistics over a period. Statistics about leads opened in the period use their current state, so the same period may have more
 * conversions later. Events are counted by the time at which they happened.
 */

/** A fraction from 0 to 1, rounded to four decimal places; null if the whole is empty. */
export type Rate = number | null;

/** The leads that were opened in the period, and the statuses that they have reached since. */
export interface Funnel {
  readonly opened: number;
  /** The share of opened leads that are converted now. */
  readonly conversionRate: Rate;
  /** One step for each status, in the order of `statuses`. */
  readonly statuses: readonly FunnelStep[];
}

export interface FunnelStep {
  readonly status: Status;
  /** How many leads have ever had the status. A lead that skipped it is not counted. Every lead has been `new`. */
  readonly reached: number;
  /** How many leads have it now. */
  readonly current: number;
  /** `reached` as a share of the opened leads. */
  readonly rate: Rate;
}

/**
 * How long leads stayed in an active status, in whole seconds. A lead counts once, with all its stays in the status, in the period in
 * which it last left the status. A lead that is still in the status counts when it leaves.
 */
export interface TimeInStatus {
  readonly status: Status;
  readonly leads: number;
  /** At least `leads`: a lead may return to a status. */
  readonly stays: number;
  readonly meanSeconds: number | null;
  /** Accurate to 2.5 %, as is `p90Seconds`. */
  readonly medianSeconds: number | null;
  readonly p90Seconds: number | null;
}

/** An agent's activity in the period. If `agent` is null, activity without an agent. Agents without activity are omitted. */
export interface AgentStatistics {
  readonly agent: AgentReference | null;
  /** How many times a lead was assigned to the agent. */
  readonly assigned: number;
  /** Leads closed in the period while assigned to the agent, by any actor. */
  readonly closed: Readonly<Record<FinalStatus, number>>;
  readonly messagesSent: number;
  /** Follow-ups completed in the period while assigned to the agent. `late`: completed after their due time. */
  readonly followUps: { readonly completed: number; readonly late: number };
  /** Leads whose first message the agent sent in the period, and how long after their creation, accurate to 2.5 %. */
  readonly firstResponse: { readonly leads: number; readonly medianSeconds: number | null };
}

/** Leads that were opened in the period, by origin, and how many of them are converted now. */
export interface SourceStatistics {
  readonly origin: string;
  readonly channel: string | null;
  /** The name is the one that most of its leads recorded. */
  readonly campaign: { readonly id: string; readonly name: string } | null;
  readonly opened: number;
  readonly converted: number;
  readonly conversionRate: Rate;
}

const rateOf = (part: number, whole: number): Rate => (whole === 0 ? null : Math.round((part / whole) * 1e4) / 1e4);

const inPeriod = (org: string, column: string, { from, to }: Period) => [
  { column: 'org', in: [org] },
  { column, from, to },
];

export async function computeFunnel(reader: ViewReader, org: string, period: Period): Promise<Funnel> {
  const groups = await reader.group('leads', { where: inPeriod(org, 'createdAt', period), by: ['status', 'reached'] });
  const countLeads = (matches: (status: Status, reached: number) => boolean): number =>
    groups
      .filter(({ values: [status, reached] }) => matches(status as Status, reached as number))
      .reduce((sum, { count }) => sum + count, 0);
  const opened = countLeads(() => true);
  const converted = countLeads((status) => status === 'converted');
  return {
    opened,
    conversionRate: rateOf(converted, opened),
    statuses: statuses.map((status) => {
      const reached = countLeads((_, flags) => (flags & toStatusFlag(status)) > 0);
      const current = countLeads((currentStatus) => currentStatus === status);
      return { status, reached, current, rate: rateOf(reached, opened) };
    }),
  };
}

export async function computeTimeInStatus(
  reader: ViewReader,
  org: string,
  period: Period,
): Promise<readonly TimeInStatus[]> {
  const groups = await reader.group('stays', {
    where: inPeriod(org, 'endedAt', period),
    by: ['status', 'roundedSeconds'],
    sum: ['seconds', 'stays'],
  });
  return activeStatuses.map((status) => {
    const histogram = new Histogram();
    let seconds = 0;
    let stays = 0;
    for (const { values, count, sums } of groups) {
      if (values[0] !== status) continue;
      histogram.add(values[1] as number, count);
      seconds += sums[0]!;
      stays += sums[1]!;
    }
    const leads = histogram.count;
    return {
      status,
      leads,
      stays,
      meanSeconds: leads === 0 ? null : Math.round(seconds / leads),
      medianSeconds: histogram.percentile(0.5),
      p90Seconds: histogram.percentile(0.9),
    };
  });
}

/** In the order of the agents' ids; activity without an agent comes last. */
export async function computeAgentStatistics(
  reader: ViewReader,
  org: string,
  period: Period,
): Promise<readonly AgentStatistics[]> {
  const [quarters, closed, followUps, responses] = await Promise.all([
    reader.group('agentQuarters', {
      where: inPeriod(org, 'at', period),
      by: ['agentId'],
      sum: ['assigned', 'messages'],
    }),
    reader.group('leads', { where: inPeriod(org, 'closedAt', period), by: ['agentId', 'status'] }),
    reader.group('followUps', { where: inPeriod(org, 'completedAt', period), by: ['assigneeId', 'late'] }),
    reader.group('leads', { where: inPeriod(org, 'respondedAt', period), by: ['responder', 'responseSeconds'] }),
  ]);
  const agentIds = [quarters, closed, followUps, responses].flatMap((groups) =>
    groups.map(({ values: [agentId] }) => agentId as string | null),
  );
  const ids = [...new Set(agentIds)].sort(compareNullLast);
  const nameOf = await loadAgentNames(reader, org, ids);
  return ids.map((id): AgentStatistics => {
    const ofAgent = (groups: readonly Group[]): readonly Group[] => groups.filter(({ values }) => values[0] === id);
    const countWhere = (groups: readonly Group[], value: ColumnValue): number =>
      ofAgent(groups).find(({ values }) => values[1] === value)?.count ?? 0;
    const [quarter] = ofAgent(quarters);
    const onTime = countWhere(followUps, 0);
    const late = countWhere(followUps, 1);
    const responseTimes = new Histogram();
    for (const { values, count } of ofAgent(responses)) responseTimes.add(values[1] as number, count);
    return {
      agent: id === null ? null : { id, name: nameOf(id) },
      assigned: quarter?.sums[0] ?? 0,
      closed: {
        converted: countWhere(closed, 'converted'),
        lost: countWhere(closed, 'lost'),
        archived: countWhere(closed, 'archived'),
      },
      messagesSent: quarter?.sums[1] ?? 0,
      followUps: { completed: onTime + late, late },
      firstResponse: { leads: responseTimes.count, medianSeconds: responseTimes.percentile(0.5) },
    };
  });
}

function compareNullLast(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The sources with the most leads first. */
export async function computeSourceStatistics(
  reader: ViewReader,
  org: string,
  period: Period,
): Promise<readonly SourceStatistics[]> {
  const groups = await reader.group('leads', {
    where: inPeriod(org, 'createdAt', period),
    by: ['origin', 'channel', 'campaignId', 'campaignName', 'status'],
  });
  const sources = new Map<string, Source>();
  for (const { values, count } of groups) {
    const [origin, channel, campaignId, campaignName, status] = values as [string, ...(string | null)[]];
    const key = JSON.stringify([origin, channel, campaignId]);
    const source = sources.get(key) ?? newSource(origin, channel ?? null);
    sources.set(key, source);
    if (campaignId !== null) {
      const campaign = JSON.stringify({ id: campaignId, name: campaignName });
      source.campaigns.set(campaign, (source.campaigns.get(campaign) ?? 0) + count);
    }
    source.opened += count;
    if (status === 'converted') source.converted += count;
  }
  return [...sources]
    .sort(([keyA, a], [keyB, b]) => b.opened - a.opened || (keyA < keyB ? -1 : 1))
    .map(([, { origin, channel, campaigns, opened, converted }]) => {
      const campaign = findModalKey(campaigns);
      return {
        origin,
        channel,
        campaign: campaign === undefined ? null : (JSON.parse(campaign) as SourceStatistics['campaign']),
        opened,
        converted,
        conversionRate: rateOf(converted, opened),
      };
    });
}

interface Source {
  readonly origin: string;
  readonly channel: string | null;
  /** For each campaign id and name, as JSON: how many leads recorded it. */
  readonly campaigns: Map<string, number>;
  opened: number;
  converted: number;
}

const newSource = (origin: string, channel: string | null): Source => ({
  origin,
  channel,
  campaigns: new Map(),
  opened: 0,
  converted: 0,
});

/** The text with the highest count; of several, the first in text order. */
const findModalKey = (counts: ReadonlyMap<string, number>): string | undefined =>
  [...counts].sort(([textA, a], [textB, b]) => b - a || (textA < textB ? -1 : 1))[0]?.[0];
