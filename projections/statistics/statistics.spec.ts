import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventOf, EventType, RecordedEvent } from '#domain/event';
import { isFinal, statuses, type Status } from '#domain/lead/lead.vocabulary';
import type { ViewReader } from '#read-model/view-store';
import * as commands from '#test/support/given-when-then';
import { projectRows } from '#test/support/project-rows';
import { createRandom, historiesStart, randomContactHistory } from '#test/support/random-contact-history';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { floorToQuarterHour, type Period } from './period.js';
import { roundSeconds, Histogram } from './histogram.js';
import { statisticsView } from './statistics.projection.js';
import {
  computeAgentStatistics,
  computeFunnel,
  computeSourceStatistics,
  computeTimeInStatus,
} from './statistics.query.js';

/*
 * Each figure is computed a second time, directly from the events of random histories of two organizations, and over
 * periods that start and end at random times within them.
 */

const minuteMs = 60_000;
const toIso = (ms: number): string => new Date(ms).toISOString();

/** The histories of 160 contacts, merged by time. A quarter of them belong to another organization. */
function generateLog(seed: number): readonly RecordedEvent[] {
  const random = createRandom(seed);
  const events = Array.from({ length: 160 }, (_, index) =>
    randomContactHistory(index, random).events.map((event) => ({
      ...event,
      id: `${index}/${event.id}`,
      org: index % 4 ? 'one' : 'other',
    })),
  ).flat();
  return events
    .toSorted((a, b) => (a.meta.recordedAt < b.meta.recordedAt ? -1 : 1))
    .map((event, index) => ({ ...event, position: `p${String(index + 1).padStart(6, '0')}` }));
}

const isIn = ({ from, to }: Period, time: string): boolean => time >= from && time < to;
const rate = (part: number, whole: number) => (whole === 0 ? null : Math.round((part / whole) * 1e4) / 1e4);
const secondsBetween = (from: string, to: string): number =>
  Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1_000));
/** The percentile by nearest rank, without rounding. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? null;
}

/** The events of one organization, in order, with the facts that the statistics are computed from. */
class EventHistory {
  constructor(private readonly events: readonly RecordedEvent[]) {}

  of<T extends EventType>(type: T, leadId?: string): readonly RecordedEvent<T>[] {
    return this.events.filter(
      (event): event is RecordedEvent<T> =>
        event.type === type && (leadId === undefined || ('leadId' in event.data && event.data.leadId === leadId)),
    );
  }

  statusChanges(leadId: string): readonly EventOf<'LeadStatusChanged'>[] {
    return this.of('LeadStatusChanged', leadId).filter(({ data }) => data.from !== data.to);
  }

  lastAgentOf(leadId: string): string | null {
    let agentId: string | null = null;
    for (const event of this.events) {
      if (!('leadId' in event.data) || event.data.leadId !== leadId) continue;
      if (event.type === 'LeadAssigned') agentId = event.data.to;
      if (event.type === 'LeadUnassigned') agentId = null;
    }
    return agentId;
  }

  stays(leadId: string): readonly { status: Status; seconds: number; until: string }[] {
    let since = this.of('LeadOpened', leadId)[0]!.meta.occurredAt;
    return this.statusChanges(leadId).map(({ data, meta }) => {
      const stay = { status: data.from, seconds: secondsBetween(since, meta.occurredAt), until: meta.occurredAt };
      since = meta.occurredAt;
      return stay;
    });
  }

  /** The follow-up's assignee and due time when it was completed. */
  followUpAt(completed: RecordedEvent<'FollowUpCompleted'>): { assigneeId: string | null; dueAt: string } {
    const { followUpId } = completed.data;
    const isEarlier = ({ position }: RecordedEvent): boolean => position < completed.position;
    const [created] = this.of('FollowUpCreated').filter(({ data }) => data.followUpId === followUpId);
    const moves = this.of('LeadAssigned').filter(
      (event) => isEarlier(event) && event.data.followUps.includes(followUpId),
    );
    const reschedules = this.of('FollowUpRescheduled').filter(
      (event) => isEarlier(event) && event.data.followUpId === followUpId,
    );
    return {
      assigneeId: moves.at(-1)?.data.to ?? created!.data.assigneeId,
      dueAt: reschedules.at(-1)?.data.to ?? created!.data.dueAt,
    };
  }
}

describe.each([1, 2, 3, 4])('Statistics of a random log (seed %i)', (seed) => {
  const log = generateLog(seed);
  const history = new EventHistory(log.filter(({ org }) => org === 'one'));
  let view: Awaited<ReturnType<typeof openTestView>>;
  let reader: ViewReader;
  beforeAll(async () => {
    view = await openTestView(statisticsView, log);
    reader = view.reader;
  });
  afterAll(() => view.close());

  const random = createRandom(seed + 100);
  const randomQuarterHour = (): string =>
    floorToQuarterHour(toIso(historiesStart + random.below(60 * 24 * 60) * minuteMs));
  const randomPeriods = Array.from({ length: 12 }, () => {
    const [from, to] = [randomQuarterHour(), randomQuarterHour()].sort();
    return [from!, to!] as const;
  });
  const periods = [[toIso(historiesStart), '2100-01-01T00:00:00.000Z'] as const, ...randomPeriods];

  it('the random log contains moved, rescheduled and completed follow-ups and unassigned leads', () => {
    const movedFollowUps = history.of('LeadAssigned').filter(({ data }) => data.followUps.length > 0);
    const completed = history.of('FollowUpCompleted');
    for (const events of [movedFollowUps, completed, history.of('LeadUnassigned'), history.of('FollowUpRescheduled')])
      expect(events.length).toBeGreaterThan(2);
  });

  it.each(periods)(
    'the statistics from %s to %s equal the figures computed directly from the events',
    async (from, to) => {
      const period = { from, to };
      const opened = history.of('LeadOpened').filter(({ meta }) => isIn(period, meta.occurredAt));
      const leads = opened.map(({ data }) => {
        const changes = history.statusChanges(data.leadId).map((event) => event.data.to);
        const channel = data.channel ?? history.of('InteractionRecorded', data.leadId)[0]?.data.channel ?? null;
        return {
          reached: new Set<Status>(['new', ...changes]),
          status: changes.at(-1) ?? 'new',
          origin: data.origin,
          channel,
        };
      });
      const converted = leads.filter(({ status }) => status === 'converted').length;
      expect(await computeFunnel(reader, 'one', period)).toEqual({
        opened: opened.length,
        conversionRate: rate(converted, opened.length),
        statuses: statuses.map((status) => {
          const reached = leads.filter((lead) => lead.reached.has(status)).length;
          const current = leads.filter((lead) => lead.status === status).length;
          return { status, reached, current, rate: rate(reached, opened.length) };
        }),
      });

      const sources = await computeSourceStatistics(reader, 'one', period);
      const openedCounts = sources.map((source) => source.opened);
      expect(openedCounts).toEqual(openedCounts.toSorted((a, b) => b - a));
      expect(openedCounts.reduce((sum, count) => sum + count, 0)).toBe(opened.length);
      for (const source of sources) {
        const ofSource = leads.filter(
          ({ origin, channel }) => origin.kind === source.origin && channel === source.channel,
        );
        const won = ofSource.filter(({ status }) => status === 'converted').length;
        const { campaign, ...counts } = source;
        expect(campaign).toBeNull();
        expect(counts).toMatchObject({
          opened: ofSource.length,
          converted: won,
          conversionRate: rate(won, ofSource.length),
        });
      }

      const staysByLead = history.of('LeadOpened').map(({ data }) => history.stays(data.leadId));
      for (const figures of await computeTimeInStatus(reader, 'one', period)) {
        const counted = staysByLead
          .map((stays) => stays.filter(({ status }) => status === figures.status))
          .filter((stays) => stays.length > 0 && isIn(period, stays.at(-1)!.until));
        const times = counted.map((stays) => stays.reduce((sum, { seconds }) => sum + seconds, 0));
        const sum = times.reduce((total, time) => total + time, 0);
        expect(figures).toMatchObject({
          leads: counted.length,
          stays: counted.flat().length,
          meanSeconds: counted.length === 0 ? null : Math.round(sum / counted.length),
        });
        expectWithinRounding(figures.medianSeconds, percentile(times, 0.5));
        expectWithinRounding(figures.p90Seconds, percentile(times, 0.9));
      }

      const agents = await computeAgentStatistics(reader, 'one', period);
      const order = agents.map(({ agent }) => agent?.id ?? '~');
      expect(order).toEqual(order.toSorted());
      for (const { agent } of agents) expect(agent).toEqual(agent && { id: expect.any(String), name: null });
      const closings = history
        .of('LeadStatusChanged')
        .filter(({ data, meta }) => data.from !== data.to && isFinal(data.to) && isIn(period, meta.occurredAt));
      for (const id of ['ana', 'ben', 'cem', null]) {
        const figures = agents.find(({ agent }) => (agent?.id ?? null) === id);
        const sent = history.of('OutboundMessageRecorded').filter(({ meta }) => isSentBy(meta.actor, id));
        const firstMessages = sent.filter(
          (event) => history.of('OutboundMessageRecorded', event.data.leadId)[0] === event,
        );
        const responseTimes = firstMessages
          .filter(({ meta }) => isIn(period, meta.occurredAt))
          .map(({ data, meta }) =>
            secondsBetween(history.of('LeadOpened', data.leadId)[0]!.meta.occurredAt, meta.occurredAt),
          );
        const closed = (status: Status): number =>
          closings.filter(({ data }) => data.to === status && history.lastAgentOf(data.leadId) === id).length;
        const completed = history.of('FollowUpCompleted').flatMap((event) => {
          if (!isIn(period, event.meta.occurredAt)) return [];
          const { assigneeId, dueAt } = history.followUpAt(event);
          return assigneeId === id ? [{ late: event.meta.occurredAt > dueAt }] : [];
        });
        const expected = {
          assigned: history
            .of('LeadAssigned')
            .filter(({ data, meta }) => data.to === id && isIn(period, meta.occurredAt)).length,
          closed: { converted: closed('converted'), lost: closed('lost'), archived: closed('archived') },
          messagesSent: sent.filter(({ meta }) => isIn(period, meta.occurredAt)).length,
          followUps: { completed: completed.length, late: completed.filter(({ late }) => late).length },
        };
        const noActivity = {
          assigned: 0,
          closed: { converted: 0, lost: 0, archived: 0 },
          messagesSent: 0,
          followUps: { completed: 0, late: 0 },
        };
        expect(figures ?? noActivity).toMatchObject(expected);
        expect(figures?.firstResponse.leads ?? 0).toBe(responseTimes.length);
        expectWithinRounding(figures?.firstResponse.medianSeconds ?? null, percentile(responseTimes, 0.5));
      }
    },
  );

  const isSentBy = (actor: { type: string; id: string }, id: string | null): boolean =>
    (actor.type === 'agent' ? actor.id : null) === id;
});

function expectWithinRounding(rounded: number | null, exact: number | null): void {
  if (rounded === null || exact === null) expect(rounded).toBe(exact);
  else expect(Math.abs(rounded - exact)).toBeLessThanOrEqual(exact * 0.025);
}

describe('Statistics of a few leads', () => {
  const day: Period = { from: commands.time('00:00'), to: '2026-03-03T00:00:00.000Z' };
  const replied = (
    contactKey: string,
    campaign: { id: string; name: string },
    ...steps: readonly commands.ContactStep[]
  ) =>
    commands.given(
      commands.broadcast({ contactKey, campaign }),
      commands.interaction({ contactKey, kind: 'broadcast_reply', inReplyTo: 'bm-1' }),
      ...steps,
    ).events;
  const compute = async <T>(log: readonly RecordedEvent[], query: (reader: ViewReader) => Promise<T>): Promise<T> => {
    const view = await openTestView(statisticsView, log);
    return query(view.reader).finally(() => view.close());
  };

  it('the source statistics list the largest source first, and name a campaign as most of its leads recorded it', async () => {
    const log = mergeIntoLog(
      commands.given(commands.interaction({ contactKey: 'c1' })).events,
      replied('c2', { id: 'k-1', name: 'Spring' }),
      replied('c3', { id: 'k-2', name: 'Autumn' }),
      replied('c4', { id: 'k-2', name: 'Summer' }, commands.changeStatus('converted', { leadId: 'c4-1' })),
      replied('c5', { id: 'k-2', name: 'Summer' }),
      replied('c6', { id: 'k-3', name: 'Winter' }),
      replied('c7', { id: 'k-3', name: 'Advent' }),
    );
    const reply = { origin: 'broadcast_reply', channel: 'whatsapp', converted: 0, conversionRate: 0 };
    expect(await compute(log, (reader) => computeSourceStatistics(reader, commands.org, day))).toEqual([
      { ...reply, campaign: { id: 'k-2', name: 'Summer' }, opened: 3, converted: 1, conversionRate: 0.3333 },
      { ...reply, campaign: { id: 'k-3', name: 'Advent' }, opened: 2 },
      { ...reply, campaign: { id: 'k-1', name: 'Spring' }, opened: 1 },
      { ...reply, origin: 'chat', campaign: null, opened: 1 },
    ]);
  });

  it('the agent statistics include the names of agents, and list activity without an agent last', async () => {
    const log = mergeIntoLog(
      commands.givenAgent(commands.registerAgent()).events,
      commands.given(commands.opened, commands.outbound(), commands.assign('zoe'), commands.assign('ana')).events,
    );
    const figures = await compute(log, (reader) => computeAgentStatistics(reader, commands.org, day));
    expect(figures.map(({ agent }) => agent)).toEqual([
      { id: 'ana', name: 'Agent One' },
      { id: 'zoe', name: null },
      null,
    ]);
  });

  it('the agent statistics count a follow-up as late only if it is completed after its due time', async () => {
    const completedAt = (clock: string) =>
      commands.given(
        commands.opened,
        commands.createFollowUp({ dueAt: commands.time('11:00') }),
        commands.at(clock, commands.completeFollowUp()),
      ).events;
    for (const [clock, late] of [
      ['11:00', 0],
      ['11:00:00.001', 1],
    ] as const) {
      const figures = await compute(completedAt(clock), (reader) => computeAgentStatistics(reader, commands.org, day));
      expect(figures).toMatchObject([{ agent: null, followUps: { completed: 1, late } }]);
    }
  });

  it('the statistics view stores no row for a lead or follow-up whose first event is missing', () => {
    const { events } = commands.given(
      commands.opened,
      commands.createFollowUp(),
      commands.reschedule('18:00'),
      commands.lost,
    );
    const rest = events.filter(({ type }) => type !== 'LeadOpened' && type !== 'FollowUpCreated');
    for (const table of ['leads', 'followUps', 'stays']) expect(projectRows(statisticsView, table, rest).size).toBe(0);
  });
});

it('floorToQuarterHour rounds a time down to a quarter of an hour', () => {
  expect(floorToQuarterHour(commands.time('09:14:59.999'))).toBe(commands.time('09:00'));
  expect(floorToQuarterHour(commands.time('09:15'))).toBe(commands.time('09:15'));
});

it('roundSeconds is exact up to 20, off by at most 2.5 % above, and never decreases', () => {
  let previous = -1;
  for (let seconds = 0; seconds < 3e9; seconds = seconds < 2_000 ? seconds + 1 : Math.floor(seconds * 1.001)) {
    const rounded = roundSeconds(seconds);
    if (seconds <= 20) expect(rounded).toBe(seconds);
    expect(Math.abs(rounded - seconds)).toBeLessThanOrEqual(seconds * 0.025);
    expect(rounded).toBeGreaterThanOrEqual(previous);
    previous = rounded;
  }
});

it('a histogram returns percentiles by nearest rank, weighted by how often each value occurs', () => {
  const histogram = new Histogram();
  expect(histogram.percentile(0.5)).toBeNull();
  for (const [value, count] of [[30, 1], [10, 4], [20, 4], [10, 1]] as const) histogram.add(value, count); // prettier-ignore
  expect([0, 0.5, 0.51, 0.9, 0.91, 1].map((share) => histogram.percentile(share))).toEqual([10, 10, 20, 20, 30, 30]);
});
