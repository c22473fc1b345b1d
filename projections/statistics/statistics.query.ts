import { activeStatuses, statuses, type FinalStatus, type Status } from '#domain/lead/lead.vocabulary';
import type { AgentReference } from '#resources/agent-reference';
import type { ViewReader } from '#read-model/view-store';
import { loadAgentNames } from '../agent-names.js';
import type { Period } from './period.js';
import { Histogram } from './histogram.js';
import { toStatusFlag } from './statistics.projection.js';

/*
 * Figures over a period. What is told of leads that were opened in it is as it is by now: the same period asked later tells more
 * conversions. What happened in it is counted by when it happened.
 */

/** A share of 1, to four places; null of nothing. */
export type Rate = number | null;

/** What became of the leads that were opened in the period. */
export interface Funnel {
  readonly opened: number;
  /** Of those opened, the share that is converted by now. */
  readonly conversionRate: Rate;
  /** All of them, in the order of the product's statuses. */
  readonly statuses: readonly FunnelStep[];
}

export interface FunnelStep {
  readonly status: Status;
  /** How many have ever had it, once or several times. A lead that skipped it has not; every lead was `new`. */
  readonly reached: number;
  /** How many have it now. */
  readonly current: number;
  /** `reached` of those opened. */
  readonly rate: Rate;
}

/**
 * How long leads stay in an active status: of those that left it in the period. A lead counts once, with all its stays there together,
 * in the period that it left in last; one that is still there counts when it leaves. Seconds are whole.
 */
export interface TimeInStatus {
  readonly status: Status;
  readonly leads: number;
  /** At least as many as leads: some came back. */
  readonly stays: number;
  readonly meanSeconds: number | null;
  /** To within 2.5 %, as the next. */
  readonly medianSeconds: number | null;
  readonly p90Seconds: number | null;
}

/** What agents did in the period; `agent` null: what nobody in particular did. Agents who did nothing are left out. */
export interface AgentStatistics {
  readonly agent: AgentReference | null;
  /** Times that a lead was assigned to the agent. */
  readonly assigned: number;
  /** Leads closed in the period that were the agent's then, whoever closed them. */
  readonly closed: Readonly<Record<FinalStatus, number>>;
  /** Messages sent in the agent's name. */
  readonly messagesSent: number;
  /** Follow-ups completed that were the agent's then, and how many of them after they were due. */
  readonly followUps: { readonly completed: number; readonly late: number };
  /** Leads whose first message the agent sent in the period, and how long after they were opened that was, to within 2.5 %. */
  readonly firstResponse: { readonly leads: number; readonly medianSeconds: number | null };
}

/** Leads that were opened in the period, by where they came from, and how many of them are converted by now. */
export interface SourceStatistics {
  readonly origin: string;
  readonly channel: string | null;
  /** Called as most of them called it. */
  readonly campaign: { readonly id: string; readonly name: string } | null;
  readonly opened: number;
  readonly converted: number;
  readonly conversionRate: Rate;
}

const rateOf = (part: number, whole: number): Rate => (whole === 0 ? null : Math.round((part / whole) * 1e4) / 1e4);

const within = (org: string, column: string, { from, to }: Period) => [
  { column: 'org', in: [org] },
  { column, from, to },
];

export async function computeFunnel(reader: ViewReader, org: string, period: Period): Promise<Funnel> {
  const found = await reader.group('leads', { where: within(org, 'createdAt', period), by: ['status', 'reached'] });
  const total = (is: (status: Status, reached: number) => boolean): number =>
    found.reduce((sum, { values: [status, reached], count }) => {
      return is(status as Status, reached as number) ? sum + count : sum;
    }, 0);
  const opened = total(() => true);
  const steps = statuses.map((status): FunnelStep => {
    const reached = total((_, flags) => (flags & toStatusFlag(status)) > 0);
    return { status, reached, current: total((now) => now === status), rate: rateOf(reached, opened) };
  });
  return {
    opened,
    conversionRate: rateOf(
      total((now) => now === 'converted'),
      opened,
    ),
    statuses: steps,
  };
}

export async function computeTimeInStatus(
  reader: ViewReader,
  org: string,
  period: Period,
): Promise<readonly TimeInStatus[]> {
  const found = await reader.group('stays', {
    where: within(org, 'endedAt', period),
    by: ['status', 'roundedSeconds'],
    sum: ['seconds', 'stays'],
  });
  return activeStatuses.map((status) => {
    const spread = new Histogram();
    let [seconds, stays] = [0, 0];
    for (const { values, count, sums } of found.filter(({ values: [its] }) => its === status)) {
      spread.add(values[1] as number, count);
      seconds += sums[0]!;
      stays += sums[1]!;
    }
    const leads = spread.count;
    const meanSeconds = leads === 0 ? null : Math.round(seconds / leads);
    return {
      status,
      leads,
      stays,
      meanSeconds,
      ...{ medianSeconds: spread.percentile(0.5), p90Seconds: spread.percentile(0.9) },
    };
  });
}

/** By the agent's id; nobody last. */
export async function computeAgentStatistics(
  reader: ViewReader,
  org: string,
  period: Period,
): Promise<readonly AgentStatistics[]> {
  const [quarters, closed, followUps, responses] = await Promise.all([
    reader.group('agentQuarters', { where: within(org, 'at', period), by: ['agentId'], sum: ['assigned', 'messages'] }),
    reader.group('leads', { where: within(org, 'closedAt', period), by: ['agentId', 'status'] }),
    reader.group('followUps', { where: within(org, 'completedAt', period), by: ['assigneeId', 'late'] }),
    reader.group('leads', { where: within(org, 'respondedAt', period), by: ['responder', 'responseSeconds'] }),
  ]);
  const all = [quarters, closed, followUps, responses].flatMap((tallies) => tallies.map(({ values: [id] }) => id));
  const ids = ([...new Set(all)] as (string | null)[]).sort((a, b) =>
    a === null ? 1 : b === null ? -1 : a < b ? -1 : 1,
  );
  const nameOf = await loadAgentNames(reader, org, ids);
  return ids.map((id): AgentStatistics => {
    const of = <T extends { readonly values: readonly unknown[] }>(tallies: readonly T[]): readonly T[] =>
      tallies.filter(({ values }) => values[0] === id);
    const [quarter] = of(quarters);
    const closedAs = (status: FinalStatus): number => of(closed).find(({ values }) => values[1] === status)?.count ?? 0;
    const [inTime = 0, late = 0] = [0, 1].map((it) => of(followUps).find(({ values }) => values[1] === it)?.count ?? 0);
    const spread = new Histogram();
    for (const { values, count } of of(responses)) spread.add(values[1] as number, count);
    return {
      agent: id === null ? null : { id, name: nameOf(id) },
      assigned: quarter?.sums[0] ?? 0,
      closed: { converted: closedAs('converted'), lost: closedAs('lost'), archived: closedAs('archived') },
      messagesSent: quarter?.sums[1] ?? 0,
      followUps: { completed: inTime + late, late },
      firstResponse: { leads: spread.count, medianSeconds: spread.percentile(0.5) },
    };
  });
}

/** Those that brought most leads first. */
export async function computeSourceStatistics(
  reader: ViewReader,
  org: string,
  period: Period,
): Promise<readonly SourceStatistics[]> {
  const found = await reader.group('leads', {
    where: within(org, 'createdAt', period),
    by: ['origin', 'channel', 'campaignId', 'campaignName', 'status'],
  });
  const sources = new Map<string, Source>();
  for (const { values, count } of found) {
    const [origin, channel, id, name, status] = values as [string, ...(string | null)[]];
    const key = JSON.stringify([origin, channel, id]);
    const names = new Map<string, number>();
    const source = sources.get(key) ?? { origin, channel: channel ?? null, names, opened: 0, converted: 0 };
    const campaign = JSON.stringify({ id, name });
    if (id !== null) source.names.set(campaign, (source.names.get(campaign) ?? 0) + count);
    source.opened += count;
    if (status === 'converted') source.converted += count;
    sources.set(key, source);
  }
  return [...sources]
    .sort(([a, one], [b, other]) => other.opened - one.opened || (a < b ? -1 : 1))
    .map(([, { names, opened, converted, ...source }]) => {
      const [usual] = [...names].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
      const campaign = usual ? (JSON.parse(usual[0]) as SourceStatistics['campaign']) : null;
      return { ...source, campaign, opened, converted, conversionRate: rateOf(converted, opened) };
    });
}

/** `names`: how many leads each campaign, as it was called then, has brought. */
interface Source {
  readonly origin: string;
  readonly channel: string | null;
  readonly names: Map<string, number>;
  opened: number;
  converted: number;
}
