import { isFinal, statuses, type Origin, type OriginKind, type Status } from '#domain/lead/lead.vocabulary';
import type { Channel } from '#domain/vocabulary';
import type { RecordedEvent } from '#domain/event';
import type { Table, View } from '#read-model/view';
import { agentNames } from '../agent-names.js';
import { floorToQuarterHour } from './period.js';
import { roundSeconds } from './histogram.js';

/** What is counted of a lead. */
export interface LeadFacts {
  readonly org: string;
  readonly createdAt: string;
  readonly origin: OriginKind;
  readonly channel: Channel | null;
  readonly campaign: Origin['campaign'];
  readonly status: Status;
  /** The statuses that it has ever had: `statuses[n]` counts 2 ** n. */
  readonly reached: number;
  readonly closedAt: string | null;
  /** The last agent stays on record. */
  readonly agentId: string | null;
  /** The first message that was sent to the contact; `by` null: not by an agent. */
  readonly response: { readonly at: string; readonly by: string | null; readonly seconds: number } | null;
}

/** How long a lead has stayed in an active status, all its stays together. */
export interface Stay {
  readonly org: string;
  readonly status: Status;
  /** Null when it is not there now. */
  readonly since: string | null;
  /** Those that ended, and their whole seconds together. */
  readonly stays: number;
  readonly seconds: number;
  /** When the last of them ended. */
  readonly endedAt: string | null;
}

/** A follow-up, and whose it was when it was completed. */
export interface FollowUpFacts {
  readonly org: string;
  readonly assigneeId: string | null;
  readonly dueAt: string;
  readonly completedAt: string | null;
  readonly late: boolean;
}

/** What is counted of an agent within a quarter of an hour; `agentId` null: messages that no agent sent. */
export interface AgentQuarter {
  readonly org: string;
  readonly at: string;
  readonly agentId: string | null;
  readonly assigned: number;
  readonly messages: number;
}

export const toStatusFlag = (status: Status): number => 2 ** statuses.indexOf(status);

/** Whole seconds from one time to another, none if that lies before. */
const secondsBetween = (from: string, to: string): number =>
  Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1_000));

const ofLead = ({ data }: { readonly data: { readonly leadId: string } }): readonly string[] => [data.leadId];

const leads: Table<LeadFacts> = {
  keys: {
    LeadOpened: ofLead,
    InteractionRecorded: ofLead,
    OutboundMessageRecorded: ofLead,
    LeadStatusChanged: ofLead,
    LeadAssigned: ofLead,
    LeadUnassigned: ofLead,
  },
  createdBy: ['LeadOpened'],

  evolve(row, event) {
    const at = event.meta.occurredAt;
    if (event.type === 'LeadOpened') {
      const { channel, origin } = event.data;
      return {
        ...{ org: event.org, createdAt: at, origin: origin.kind, channel, campaign: origin.campaign },
        ...{ status: 'new', reached: toStatusFlag('new'), closedAt: null, agentId: null, response: null },
      };
    }
    if (!row) return undefined;
    if (event.type === 'InteractionRecorded')
      return row.channel === null ? { ...row, channel: event.data.channel } : row;
    if (event.type === 'LeadAssigned') return { ...row, agentId: event.data.to };
    if (event.type === 'LeadUnassigned') return { ...row, agentId: null };
    if (event.type === 'OutboundMessageRecorded') {
      const response = { at, by: senderOf(event), seconds: secondsBetween(row.createdAt, at) };
      return row.response ? row : { ...row, response };
    }
    if (event.type !== 'LeadStatusChanged' || event.data.from === event.data.to) return row;
    const { to } = event.data;
    return { ...row, status: to, reached: row.reached | toStatusFlag(to), closedAt: isFinal(to) ? at : null };
  },

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
};

const stays: Table<Stay> = {
  keys: {
    LeadOpened: ({ data }) => [stayKey(data.leadId, 'new')],
    LeadStatusChanged: ({ data: { leadId, from, to } }) =>
      from === to ? [] : [from, to].filter((status) => !isFinal(status)).map((status) => stayKey(leadId, status)),
  },
  createdBy: ['LeadOpened'],

  evolve(row, event, key) {
    const { org, meta } = event;
    const at = meta.occurredAt;
    const enters = (status: Status): Stay => ({
      ...(row ?? { org, status, stays: 0, seconds: 0, endedAt: null }),
      since: at,
    });
    if (event.type === 'LeadOpened') return enters('new');
    if (event.type !== 'LeadStatusChanged') return row;
    if (key === stayKey(event.data.leadId, event.data.to)) return enters(event.data.to);
    if (row?.since == null) return row;
    return {
      ...row,
      ...{ since: null, stays: row.stays + 1, seconds: row.seconds + secondsBetween(row.since, at), endedAt: at },
    };
  },

  columns: {
    org: (row) => row.org,
    status: (row) => row.status,
    endedAt: (row) => row.endedAt,
    stays: (row) => row.stays,
    seconds: (row) => row.seconds,
    roundedSeconds: (row) => roundSeconds(row.seconds),
  },

  indexes: [{ prefix: ['org'], sort: 'endedAt', include: ['status', 'roundedSeconds', 'seconds', 'stays'] }],
};

const stayKey = (leadId: string, status: Status): string => `${leadId}/${status}`;

const itself = ({ data }: { readonly data: { readonly followUpId: string } }): readonly string[] => [data.followUpId];

const followUps: Table<FollowUpFacts> = {
  keys: {
    FollowUpCreated: itself,
    FollowUpRescheduled: itself,
    FollowUpCompleted: itself,
    LeadAssigned: ({ data }) => data.followUps,
  },
  createdBy: ['FollowUpCreated'],

  evolve(row, event) {
    if (event.type === 'FollowUpCreated') {
      const { dueAt, assigneeId } = event.data;
      return { org: event.org, assigneeId, dueAt, completedAt: null, late: false };
    }
    if (!row) return undefined;
    const at = event.meta.occurredAt;
    if (event.type === 'FollowUpRescheduled') return { ...row, dueAt: event.data.to };
    if (event.type === 'FollowUpCompleted') return { ...row, completedAt: at, late: at > row.dueAt };
    return event.type === 'LeadAssigned' ? { ...row, assigneeId: event.data.to } : row;
  },

  columns: {
    org: (row) => row.org,
    assigneeId: (row) => row.assigneeId,
    completedAt: (row) => row.completedAt,
    late: (row) => (row.late ? 1 : 0),
  },

  indexes: [{ prefix: ['org'], sort: 'completedAt', include: ['assigneeId', 'late'] }],
};

/** Whoever sent a message; null for one that a service sent in nobody's name. */
const senderOf = ({ meta: { actor } }: RecordedEvent): string | null => (actor.type === 'agent' ? actor.id : null);

const quarterKey = ({ org, meta }: RecordedEvent, agentId: string | null): string =>
  `${org}/${floorToQuarterHour(meta.occurredAt)}/${agentId ?? ''}`;

const agentQuarters: Table<AgentQuarter> = {
  keys: {
    LeadAssigned: (event) => [quarterKey(event, event.data.to)],
    OutboundMessageRecorded: (event) => [quarterKey(event, senderOf(event))],
  },

  evolve(row, event) {
    const agentId = event.type === 'LeadAssigned' ? event.data.to : senderOf(event);
    const quarter = row ?? {
      ...{ org: event.org, at: floorToQuarterHour(event.meta.occurredAt), agentId, assigned: 0, messages: 0 },
    };
    return event.type === 'LeadAssigned'
      ? { ...quarter, assigned: quarter.assigned + 1 }
      : { ...quarter, messages: quarter.messages + 1 };
  },

  columns: {
    org: (row) => row.org,
    at: (row) => row.at,
    agentId: (row) => row.agentId,
    assigned: (row) => row.assigned,
    messages: (row) => row.messages,
  },

  indexes: [{ prefix: ['org'], sort: 'at', include: ['agentId', 'assigned', 'messages'] }],
};

export const statisticsView: View = {
  name: 'statistics',
  version: 1,
  tables: { leads, stays, followUps, agentQuarters, agents: agentNames },
};
