import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ContactCommand } from '#domain/contact/contact.commands';
import type { EventOf, EventType, RecordedEvent } from '#domain/event';
import { activeStatuses, isFinal, statuses, type Status } from '#domain/lead/lead.vocabulary';
import { Refusal } from '#domain/refusal';
import type { ViewReader } from '#read-model/view-store';
import * as ask from '#test/support/given-when-then';
import { projectRows } from '#test/support/project-rows';
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
 * Every figure is worked out again from the events alone, the slow way, over random histories of two organizations and over periods
 * that begin and end anywhere within them.
 */

const minute = 60_000;
const begin = Date.parse('2026-03-02T00:00:00.000Z');
const iso = (ms: number): string => new Date(ms).toISOString();

/** The same numbers each time. */
function chance(seed: number) {
  let state = seed;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return Math.floor((state / 2_147_483_647) * limit);
  };
  return { below, of: <T>(some: readonly T[]): T => some[below(some.length)]! };
}
type Chance = ReturnType<typeof chance>;

/** What happens to a contact in about a month; what a rule refuses does not happen. */
function story(nth: number, { below, of }: Chance): readonly RecordedEvent[] {
  const who = { contactKey: `c${nth}`, contactId: `contact-${nth}` };
  let told = ask.given();
  let now = begin + below(20 * 24 * 60) * minute;
  const steps = 15 + below(25);
  for (let step = 0; step < steps; step++) {
    now += [below(minute), below(90 * minute), below(48 * 60) * minute][below(3)]!;
    const leads = told.state.known ? told.state.leads.length : 0;
    const leadId = `c${nth}-${Math.max(1, leads - (below(8) === 0 ? 1 : 0))}`;
    const followUp = { leadId, followUpId: `${leadId}-f${below(4)}` };
    const asked: ContactCommand = of<ContactCommand>([
      below(4)
        ? ask.interaction({ ...who, messageId: `m-${step}`, channel: of(['whatsapp', 'sms']) })
        : ask.createLead({ ...who }),
      ask.changeStatus(of([...activeStatuses, ...statuses]), { leadId }),
      ask.changeStatus(of([null, ...activeStatuses]), { leadId, note: 'Hm' }),
      ask.assign(of(['ana', 'ben', 'cem']), { leadId, moveFollowUps: below(4) > 0 }),
      ask.assign(of(['ana', 'ben', 'cem']), { leadId, moveFollowUps: below(4) > 0 }),
      ask.unassign({ leadId }),
      ask.outbound({ leadId, messageId: `o-${step}` }),
      ask.createFollowUp({ ...followUp, dueAt: iso(now + (1 + below(2_000)) * minute) }),
      ask.createFollowUp({ ...followUp, dueAt: iso(now + (1 + below(2_000)) * minute) }),
      ask.reschedule(iso(now + (1 + below(3_000)) * minute), followUp),
      ask.completeFollowUp(followUp),
      ask.completeFollowUp(followUp),
    ]);
    const actor = of([ask.gateway, ask.agentActor('ana'), ask.agentActor('ben')]);
    try {
      told = told.under({ at: iso(now), actor }).and(asked);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return told.events.map((event) => ({ ...event, id: `${nth}/${event.id}`, org: nth % 4 ? 'one' : 'other' }));
}

function historyOf(seed: number): readonly RecordedEvent[] {
  const pick = chance(seed);
  const all = Array.from({ length: 60 }, (_, nth) => story(nth, pick)).flat();
  const inOrder = all.toSorted((a, b) => (a.meta.recordedAt < b.meta.recordedAt ? -1 : 1));
  return inOrder.map((event, nth) => ({ ...event, position: `p${String(nth + 1).padStart(6, '0')}` }));
}

const isIn = ({ from, to }: Period, time: string): boolean => time >= from && time < to;
const rate = (part: number, whole: number) => (whole === 0 ? null : Math.round((part / whole) * 1e4) / 1e4);
const seconds = (from: string, to: string): number =>
  Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1_000));
/** Nearest rank, as exactly as it is known. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? null;
}

/** What happened to each lead, in order. */
class ByHand {
  constructor(private readonly events: readonly RecordedEvent[]) {}

  of<T extends EventType>(type: T, leadId?: string): readonly RecordedEvent<T>[] {
    return this.events.filter(
      (it): it is RecordedEvent<T> =>
        it.type === type && (leadId === undefined || ('leadId' in it.data && it.data.leadId === leadId)),
    );
  }

  changes(leadId: string, upTo?: RecordedEvent): readonly EventOf<'LeadStatusChanged'>[] {
    return this.of('LeadStatusChanged', leadId).filter(
      (it) => it.data.from !== it.data.to && (!upTo || it.position <= upTo.position),
    );
  }

  agentOf(leadId: string): string | null {
    let agent: string | null = null;
    for (const event of this.events)
      if ('leadId' in event.data && event.data.leadId === leadId)
        agent = event.type === 'LeadAssigned' ? event.data.to : event.type === 'LeadUnassigned' ? null : agent;
    return agent;
  }

  stays(leadId: string): readonly { status: Status; seconds: number; until: string }[] {
    let since = this.of('LeadOpened', leadId)[0]!.meta.occurredAt;
    return this.changes(leadId).map(({ data, meta }) => {
      const stay = { status: data.from, seconds: seconds(since, meta.occurredAt), until: meta.occurredAt };
      since = meta.occurredAt;
      return stay;
    });
  }
}

describe.each([1, 2, 3, 4])('statistics of a random history (%i)', (seed) => {
  const log = historyOf(seed);
  const told = new ByHand(log.filter(({ org }) => org === 'one'));
  let view: Awaited<ReturnType<typeof openTestView>>;
  let reader: ViewReader;
  beforeAll(async () => {
    view = await openTestView(statisticsView, log);
    reader = view.reader;
  });
  afterAll(() => view.close());

  const pick = chance(seed + 100);
  const moment = (): string => floorToQuarterHour(iso(begin + pick.below(60 * 24 * 60) * minute));
  const some = Array.from({ length: 12 }, () => [moment(), moment()].sort()).map(([from, to]) => [from!, to!] as const);
  it('holds all that is counted', () => {
    const moved = told.of('LeadAssigned').filter(({ data }) => data.followUps.length > 0);
    const done = told.of('FollowUpCompleted');
    for (const some of [moved, done, told.of('LeadUnassigned'), told.of('FollowUpRescheduled')])
      expect(some.length).toBeGreaterThan(2);
  });

  const periods = [[iso(begin), '2100-01-01T00:00:00.000Z'] as const, ...some];

  it.each(periods)('from %s to %s are what is counted by hand', async (from, to) => {
    const period = { from, to };
    const opened = told.of('LeadOpened').filter(({ meta }) => isIn(period, meta.occurredAt));
    const facts = opened.map(({ data }) => {
      const changes = told.changes(data.leadId).map((it) => it.data.to);
      const channel = data.channel ?? told.of('InteractionRecorded', data.leadId)[0]?.data.channel ?? null;
      return { had: new Set<Status>(['new', ...changes]), now: changes.at(-1) ?? 'new', origin: data.origin, channel };
    });
    const converted = facts.filter(({ now }) => now === 'converted').length;
    expect(await computeFunnel(reader, 'one', period)).toEqual({
      opened: opened.length,
      conversionRate: rate(converted, opened.length),
      statuses: statuses.map((status) => {
        const reached = facts.filter(({ had }) => had.has(status)).length;
        const current = facts.filter(({ now }) => now === status).length;
        return { status, reached, current, rate: rate(reached, opened.length) };
      }),
    });

    const sources = await computeSourceStatistics(reader, 'one', period);
    expect(sources.map((it) => it.opened)).toEqual(sources.map((it) => it.opened).sort((a, b) => b - a));
    expect(sources.reduce((sum, it) => sum + it.opened, 0)).toBe(opened.length);
    for (const source of sources) {
      const its = facts.filter(({ origin, channel }) => origin.kind === source.origin && channel === source.channel);
      const won = its.filter(({ now }) => now === 'converted').length;
      const { campaign, ...counts } = source;
      expect(campaign).toBeNull();
      expect(counts).toMatchObject({ opened: its.length, converted: won, conversionRate: rate(won, its.length) });
    }

    const all = told.of('LeadOpened').map(({ data }) => told.stays(data.leadId));
    for (const figures of await computeTimeInStatus(reader, 'one', period)) {
      const its = all
        .map((stays) => stays.filter(({ status }) => status === figures.status))
        .filter((stays) => stays.length > 0 && isIn(period, stays.at(-1)!.until));
      const times = its.map((stays) => stays.reduce((sum, stay) => sum + stay.seconds, 0));
      const sum = times.reduce((total, time) => total + time, 0);
      expect(figures).toMatchObject({
        leads: its.length,
        stays: its.flat().length,
        meanSeconds: its.length === 0 ? null : Math.round(sum / its.length),
      });
      expectAbout(figures.medianSeconds, percentile(times, 0.5));
      expectAbout(figures.p90Seconds, percentile(times, 0.9));
    }

    const agents = await computeAgentStatistics(reader, 'one', period);
    const order = agents.map(({ agent }) => agent?.id ?? '~');
    expect(order).toEqual(order.toSorted());
    for (const { agent } of agents) expect(agent).toEqual(agent && { id: expect.any(String), name: null });
    const closings = told
      .of('LeadStatusChanged')
      .filter(({ data, meta }) => data.from !== data.to && isFinal(data.to) && isIn(period, meta.occurredAt));
    for (const id of ['ana', 'ben', 'cem', null]) {
      const figures = agents.find(({ agent }) => (agent?.id ?? null) === id);
      const sent = told.of('OutboundMessageRecorded').filter(({ meta }) => senderIs(meta.actor, id));
      const first = sent.filter((it) => told.of('OutboundMessageRecorded', it.data.leadId)[0] === it);
      const inTime = first.filter(({ meta }) => isIn(period, meta.occurredAt));
      const waits = inTime.map(({ data, meta }) =>
        seconds(told.of('LeadOpened', data.leadId)[0]!.meta.occurredAt, meta.occurredAt),
      );
      const closed = (status: Status): number =>
        closings.filter(({ data }) => data.to === status && told.agentOf(data.leadId) === id).length;
      const done = told.of('FollowUpCompleted').flatMap((it) => {
        if (!isIn(period, it.meta.occurredAt)) return [];
        const { assignee, dueAt } = followUpThen(it);
        return assignee === id ? [it.meta.occurredAt > dueAt] : [];
      });
      const expected = {
        assigned: told.of('LeadAssigned').filter(({ data, meta }) => data.to === id && isIn(period, meta.occurredAt))
          .length,
        closed: { converted: closed('converted'), lost: closed('lost'), archived: closed('archived') },
        messagesSent: sent.filter(({ meta }) => isIn(period, meta.occurredAt)).length,
        followUps: { completed: done.length, late: done.filter((late) => late).length },
      };
      const nothing = { assigned: 0, closed: { converted: 0, lost: 0, archived: 0 }, messagesSent: 0 };
      expect(figures ?? { ...nothing, followUps: { completed: 0, late: 0 } }).toMatchObject(expected);
      expect(figures?.firstResponse.leads ?? 0).toBe(waits.length);
      expectAbout(figures?.firstResponse.medianSeconds ?? null, percentile(waits, 0.5));
    }
  });

  const senderIs = (actor: { type: string; id: string }, id: string | null): boolean =>
    (actor.type === 'agent' ? actor.id : null) === id;

  function followUpThen(completed: RecordedEvent<'FollowUpCompleted'>): { assignee: string | null; dueAt: string } {
    const { followUpId } = completed.data;
    const before = ({ position }: RecordedEvent): boolean => position < completed.position;
    const [made] = told.of('FollowUpCreated').filter(({ data }) => data.followUpId === followUpId);
    const moved = told.of('LeadAssigned').filter((it) => before(it) && it.data.followUps.includes(followUpId));
    const again = told.of('FollowUpRescheduled').filter((it) => before(it) && it.data.followUpId === followUpId);
    return {
      assignee: moved.at(-1)?.data.to ?? made!.data.assigneeId,
      dueAt: again.at(-1)?.data.to ?? made!.data.dueAt,
    };
  }
});

function expectAbout(told: number | null, exact: number | null): void {
  if (told === null || exact === null) expect(told).toBe(exact);
  else expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact * 0.025);
}

describe('statistics of a few leads', () => {
  const day: Period = { from: ask.time('00:00'), to: '2026-03-03T00:00:00.000Z' };
  const replied = (contactKey: string, campaign: { id: string; name: string }, ...more: readonly ask.ContactStep[]) =>
    ask.given(
      ask.broadcast({ contactKey, campaign }),
      ask.interaction({ contactKey, kind: 'broadcast_reply', inReplyTo: 'bm-1' }),
      ...more,
    ).events;
  const about = async <T>(log: readonly RecordedEvent[], asked: (reader: ViewReader) => Promise<T>): Promise<T> => {
    const view = await openTestView(statisticsView, log);
    return asked(view.reader).finally(() => view.close());
  };

  it('tell sources by campaign, called as most called it, those that brought most first', async () => {
    const log = mergeIntoLog(
      ask.given(ask.interaction({ contactKey: 'c1' })).events,
      replied('c2', { id: 'k-1', name: 'Spring' }),
      replied('c3', { id: 'k-2', name: 'Autumn' }),
      replied('c4', { id: 'k-2', name: 'Summer' }, ask.changeStatus('converted', { leadId: 'c4-1' })),
      replied('c5', { id: 'k-2', name: 'Summer' }),
      replied('c6', { id: 'k-3', name: 'Winter' }),
      replied('c7', { id: 'k-3', name: 'Advent' }),
    );
    const reply = { origin: 'broadcast_reply', channel: 'whatsapp', converted: 0, conversionRate: 0 };
    expect(await about(log, (reader) => computeSourceStatistics(reader, ask.org, day))).toEqual([
      { ...reply, campaign: { id: 'k-2', name: 'Summer' }, opened: 3, converted: 1, conversionRate: 0.3333 },
      { ...reply, campaign: { id: 'k-3', name: 'Advent' }, opened: 2 },
      { ...reply, campaign: { id: 'k-1', name: 'Spring' }, opened: 1 },
      { ...reply, origin: 'chat', campaign: null, opened: 1 },
    ]);
  });

  it('tell what agents are called, and nobody last', async () => {
    const log = mergeIntoLog(
      ask.givenAgent(ask.registerAgent()).events,
      ask.given(ask.opened, ask.outbound(), ask.assign('zoe'), ask.assign('ana')).events,
    );
    const told = await about(log, (reader) => computeAgentStatistics(reader, ask.org, day));
    expect(told.map(({ agent }) => agent)).toEqual([{ id: 'ana', name: 'Agent One' }, { id: 'zoe', name: null }, null]);
  });

  it('do not call late what is completed the moment that it is due', async () => {
    const done = (clock: string) =>
      ask.given(ask.opened, ask.createFollowUp({ dueAt: ask.time('11:00') }), ask.at(clock, ask.completeFollowUp()));
    for (const [clock, late] of [
      ['11:00', 0],
      ['11:00:00.001', 1],
    ] as const)
      // prettier-ignore
      expect(await about(done(clock).events, (reader) => computeAgentStatistics(reader, ask.org, day))).toMatchObject([
        { agent: null, followUps: { completed: 1, late } },
      ]);
  });

  it('count nothing whose beginning was not seen', () => {
    const { events } = ask.given(ask.opened, ask.createFollowUp(), ask.reschedule('18:00'), ask.lost);
    const rest = events.filter((it) => it.type !== 'LeadOpened' && it.type !== 'FollowUpCreated');
    for (const table of ['leads', 'followUps', 'stays']) expect(projectRows(statisticsView, table, rest).size).toBe(0);
  });

  it('go by quarters of an hour', () => {
    expect(floorToQuarterHour(ask.time('09:14:59.999'))).toBe(ask.time('09:00'));
    expect(floorToQuarterHour(ask.time('09:15'))).toBe(ask.time('09:15'));
  });
});

describe('rounded seconds', () => {
  it('are exact up to 20, later off by 2.5 % at most, and never go back', () => {
    let before = -1;
    for (let time = 0; time < 3e9; time = time < 2_000 ? time + 1 : Math.floor(time * 1.001)) {
      const rounded = roundSeconds(time);
      if (time <= 20) expect(rounded).toBe(time);
      expect(Math.abs(rounded - time)).toBeLessThanOrEqual(time * 0.025);
      expect(rounded).toBeGreaterThanOrEqual(before);
      before = rounded;
    }
  });

  it('spread as they occur', () => {
    const spread = new Histogram();
    expect(spread.percentile(0.5)).toBeNull();
    for (const [value, count] of [[30, 1], [10, 4], [20, 4], [10, 1]] as const) spread.add(value, count); // prettier-ignore
    expect([0, 0.5, 0.51, 0.9, 0.91, 1].map((share) => spread.percentile(share))).toEqual([10, 10, 20, 20, 30, 30]);
  });
});
