import { isFinal, statuses, type Origin, type OriginKind, type Status } from '#domain/lead/lead.vocabulary';
import type { Channel } from '#domain/vocabulary';
import type { RecordedEvent } from '#domain/event';
import { defineTable, defineView } from '#read-model/view';
import { agentNames } from '../agent-names.js';
import { broadcastEvents, bulkEvents, contactEvents, exportEvents, messageEvents } from '../event-families.js';
import { followUpKey, leadKey } from '../row-keys.js';
import { floorToQuarterHour } from './period.js';
import { roundSeconds } from './histogram.js';

export interface LeadFacts {
  readonly org: string;
  readonly createdAt: string;
  readonly origin: OriginKind;
  readonly channel: Channel | null;
  readonly campaign: Origin['campaign'];
  readonly status: Status;
  /** The statuses that the lead has ever had, as a bit set: `statuses[n]` counts 2 ** n. */
  readonly reached: number;
  readonly closedAt: string | null;
  /** A closed lead keeps its last agent. */
  readonly agentId: string | null;
  /** The first message sent to the contact; `by` is null unless an agent sent it. */
  readonly response: { readonly at: string; readonly by: string | null; readonly seconds: number } | null;
}

/** All stays of a lead in one active status. */
export interface Stay {
  readonly org: string;
  readonly status: Status;
  /** Null if the lead is not in this status now. */
  readonly since: string | null;
  /** How many stays have ended, and how many whole seconds they lasted in total. */
  readonly stays: number;
  readonly seconds: number;
  /** When the last stay ended. */
  readonly endedAt: string | null;
}

export interface FollowUpFacts {
  readonly org: string;
  /** Its assignee, when it was completed. */
  readonly assigneeId: string | null;
  readonly dueAt: string;
  readonly completedAt: string | null;
  readonly late: boolean;
}

/** Counts of an agent within a quarter hour. If `agentId` is null, counts messages that no agent sent. */
export interface AgentQuarter {
  readonly org: string;
  readonly at: string;
  readonly agentId: string | null;
  readonly assigned: number;
  readonly messages: number;
}

export const toStatusFlag = (status: Status): number => 2 ** statuses.indexOf(status);

/** Whole seconds from one time to another; 0 if the second is earlier. */
const secondsBetween = (from: string, to: string): number =>
  Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1_000));

const leads = defineTable<LeadFacts>()({
  on: {
    LeadOpened: {
      key: leadKey,
      apply: (_, { org, data, meta }) => ({
        org,
        createdAt: meta.occurredAt,
        origin: data.origin.kind,
        channel: data.channel,
        campaign: data.origin.campaign,
        status: 'new',
        reached: toStatusFlag('new'),
        closedAt: null,
        agentId: null,
        response: null,
      }),
    },
    InteractionRecorded: {
      key: leadKey,
      apply: (row, event) => (row?.channel === null ? { ...row, channel: event.data.channel } : row),
    },
    OutboundMessageRecorded: {
      key: leadKey,
      apply: (row, event) => {
        if (!row || row.response) return row;
        const at = event.meta.occurredAt;
        return { ...row, response: { at, by: senderOf(event), seconds: secondsBetween(row.createdAt, at) } };
      },
    },
    LeadStatusChanged: {
      key: leadKey,
      apply: (row, { data: { from, to }, meta }) => {
        if (!row || from === to) return row;
        const closedAt = isFinal(to) ? meta.occurredAt : null;
        return { ...row, status: to, reached: row.reached | toStatusFlag(to), closedAt };
      },
    },
    LeadAssigned: { key: leadKey, apply: (row, event) => row && { ...row, agentId: event.data.to } },
    LeadUnassigned: { key: leadKey, apply: (row) => row && { ...row, agentId: null } },
  },
  createdBy: ['LeadOpened'],

  columns: {
    org: (row) => row.org,
    createdAt: (row) => row.createdAt,
    origin: (row) => row.origin,
    channel: (row) => row.channel,
    campaignId: (row) => row.campaign?.id ?? null,
    campaignName: (row) => row.campaign?.name ?? null,
    status: (row) => row.status,
    reached: (row) => row.reached,
    closedAt: (row) => row.closedAt,
    agentId: (row) => row.agentId,
    respondedAt: (row) => row.response?.at ?? null,
    responder: (row) => row.response?.by ?? null,
    responseSeconds: (row) => (row.response ? roundSeconds(row.response.seconds) : null),
  },

  indexes: [
    {
      prefix: ['org'],
      sort: 'createdAt',
      include: ['status', 'reached', 'origin', 'channel', 'campaignId', 'campaignName'],
    },
    { prefix: ['org'], sort: 'closedAt', include: ['agentId', 'status'] },
    { prefix: ['org'], sort: 'respondedAt', include: ['responder', 'responseSeconds'] },
  ],
});

const stayKey = (leadId: string, status: Status): string => `${leadId}/${status}`;

const startStay = (row: Stay | undefined, org: string, status: Status, since: string): Stay => ({
  ...(row ?? { org, status, stays: 0, seconds: 0, endedAt: null }),
  since,
});

const endStay = (row: Stay, since: string, endedAt: string): Stay => ({
  ...row,
  since: null,
  stays: row.stays + 1,
  seconds: row.seconds + secondsBetween(since, endedAt),
  endedAt,
});

const stays = defineTable<Stay>()({
  on: {
    LeadOpened: {
      key: ({ data }) => stayKey(data.leadId, 'new'),
      apply: (row, { org, meta }) => startStay(row, org, 'new', meta.occurredAt),
    },
    LeadStatusChanged: {
      key: ({ data: { leadId, from, to } }) =>
        from === to ? [] : [from, to].filter((status) => !isFinal(status)).map((status) => stayKey(leadId, status)),
      apply: (row, { org, data: { leadId, to }, meta }, key) => {
        if (key === stayKey(leadId, to)) return startStay(row, org, to, meta.occurredAt);
        return row?.since == null ? row : endStay(row, row.since, meta.occurredAt);
      },
    },
  },
  createdBy: ['LeadOpened'],

  columns: {
    org: (row) => row.org,
    status: (row) => row.status,
    endedAt: (row) => row.endedAt,
    stays: (row) => row.stays,
    seconds: (row) => row.seconds,
    roundedSeconds: (row) => roundSeconds(row.seconds),
  },

  indexes: [{ prefix: ['org'], sort: 'endedAt', include: ['status', 'roundedSeconds', 'seconds', 'stays'] }],
});

const followUps = defineTable<FollowUpFacts>()({
  on: {
    FollowUpCreated: {
      key: followUpKey,
      apply: (_, { org, data: { assigneeId, dueAt } }) => ({ org, assigneeId, dueAt, completedAt: null, late: false }),
    },
    FollowUpRescheduled: { key: followUpKey, apply: (row, event) => row && { ...row, dueAt: event.data.to } },
    FollowUpCompleted: {
      key: followUpKey,
      apply: (row, event) => {
        const completedAt = event.meta.occurredAt;
        return row && { ...row, completedAt, late: completedAt > row.dueAt };
      },
    },
    LeadAssigned: {
      key: ({ data }) => data.followUps,
      apply: (row, event) => row && { ...row, assigneeId: event.data.to },
    },
  },
  createdBy: ['FollowUpCreated'],

  columns: {
    org: (row) => row.org,
    assigneeId: (row) => row.assigneeId,
    completedAt: (row) => row.completedAt,
    late: (row) => (row.late ? 1 : 0),
  },

  indexes: [{ prefix: ['org'], sort: 'completedAt', include: ['assigneeId', 'late'] }],
});

/** The agent who sent a message; null if a service sent it and named no agent. */
const senderOf = ({ meta: { actor } }: RecordedEvent): string | null => (actor.type === 'agent' ? actor.id : null);

const quarterKey = ({ org, meta }: RecordedEvent, agentId: string | null): string =>
  `${org}/${floorToQuarterHour(meta.occurredAt)}/${agentId ?? ''}`;

const emptyQuarter = ({ org, meta }: RecordedEvent, agentId: string | null): AgentQuarter => ({
  org,
  at: floorToQuarterHour(meta.occurredAt),
  agentId,
  assigned: 0,
  messages: 0,
});

const agentQuarters = defineTable<AgentQuarter>()({
  on: {
    LeadAssigned: {
      key: (event) => quarterKey(event, event.data.to),
      apply: (row, event) => {
        const quarter = row ?? emptyQuarter(event, event.data.to);
        return { ...quarter, assigned: quarter.assigned + 1 };
      },
    },
    OutboundMessageRecorded: {
      key: (event) => quarterKey(event, senderOf(event)),
      apply: (row, event) => {
        const quarter = row ?? emptyQuarter(event, senderOf(event));
        return { ...quarter, messages: quarter.messages + 1 };
      },
    },
  },

  columns: {
    org: (row) => row.org,
    at: (row) => row.at,
    agentId: (row) => row.agentId,
    assigned: (row) => row.assigned,
    messages: (row) => row.messages,
  },

  indexes: [{ prefix: ['org'], sort: 'at', include: ['agentId', 'assigned', 'messages'] }],
});

export const statisticsView = defineView({
  name: 'statistics',
  version: 1,
  tables: { leads, stays, followUps, agentQuarters, agents: agentNames },
  ignores: [
    ...contactEvents,
    'LeadScored',
    'ScoreSuggested',
    'ScoreUnpinned',
    'AiResultDropped',
    'QualificationFailed',
    'FollowUpReminded',
    'FollowUpCancelled',
    'AgentCapacityChanged',
    'AgentDeactivated',
    'AgentReactivated',
    ...broadcastEvents,
    ...messageEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
