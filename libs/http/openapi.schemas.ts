import { eventTypes } from '#domain/event-codec';
import type { Actor } from '#domain/event-envelope';
import { bulkModes, type BulkAction } from '#domain/bulk/bulk.action';
import { bulkStates } from '#domain/bulk/bulk.job';
import type { BulkJobResource } from '#resources/bulk.resource';
import { bulkOutcomes, type BulkSummary } from '#domain/bulk/bulk.results';
import { type Campaign, channels } from '#domain/vocabulary';
import type { Template } from '#domain/broadcast/broadcast.events';
import type { Delivery } from '#domain/message/message.delivery';
import { receiptStatuses, type ReceiptError } from '#domain/message/message.events';
import type { InvalidField, RefusalCode, RefusalDetails } from '#domain/refusal';
import type { AgentReference } from '#resources/agent-reference';
import type { FollowUpResource } from '#resources/follow-up.resource';
import type { LeadResource } from '#resources/lead.resource';
import {
  activeStatuses,
  finalStatuses,
  originKinds,
  statuses,
  type Factor,
  type Origin,
} from '#domain/lead/lead.vocabulary';
import type { Qualification, Suggestion } from '#domain/lead/lead.state';
import { statusByProblemCode, type ProblemCode } from './problem.js';

/*
 * What answers look like, in JSON Schema 2020-12. An answer's field that is missing here fails test/acceptance/openapi.spec.ts,
 * and where the type of an answer is known here, also the compiler.
 */

export type OpenApiSchema = Readonly<Record<string, unknown>>;

type Fields<T = Record<string, unknown>> = { readonly [Name in keyof T]-?: OpenApiSchema };

/** All of these fields are there, but the `optional` ones, and no others. */
const object = <T = Record<string, unknown>>(fields: Fields<T>, optional: readonly string[] = []): OpenApiSchema => ({
  type: 'object',
  properties: fields,
  required: Object.keys(fields).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});
const listOf = (items: OpenApiSchema): OpenApiSchema => ({ type: 'array', items });
const oneOf = (values: readonly string[]): OpenApiSchema => ({ type: 'string', enum: values });
const is = (value: unknown): OpenApiSchema => ({ const: value });
const told = (schema: OpenApiSchema, description: string): OpenApiSchema => ({ ...schema, description });

/** Absent facts are null, never missing. */
const orNull = (schema: OpenApiSchema): OpenApiSchema =>
  typeof schema['type'] === 'string' && !schema['enum']
    ? { ...schema, type: [schema['type'], 'null'] }
    : { anyOf: [schema, { type: 'null' }] };

const text: OpenApiSchema = { type: 'string' };
const yesOrNo: OpenApiSchema = { type: 'boolean' };
const count: OpenApiSchema = { type: 'integer', minimum: 0 };
const version: OpenApiSchema = { type: 'integer', minimum: 1 };
const score: OpenApiSchema = { type: 'integer', minimum: 0, maximum: 100 };
const amount: OpenApiSchema = { type: 'number' };
const time: OpenApiSchema = { type: 'string', format: 'date-time' };
const rate: OpenApiSchema = told({ type: ['number', 'null'], minimum: 0, maximum: 1 }, 'A share of 1, to four places.');
export const positionSchema: OpenApiSchema = { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9._~-]*$' };

const period = object({ from: told(time, 'Inclusive.'), to: told(time, 'Exclusive.') });
const named = orNull(object<AgentReference>({ id: text, name: orNull(text) }));
const actor: Fields<Actor> = { type: oneOf(['agent', 'service', 'ai', 'system']), id: text };
const facts = told(
  { type: 'object', additionalProperties: true },
  "The event's own facts, by its type; `from` and `to` where something changed.",
);
const factors = listOf(object<Factor>({ label: text, weight: amount }));

const campaign = object<Campaign>({ id: text, name: text });
const template: Fields<Omit<Template, 'body'>> = { name: text, language: text, category: orNull(text) };
const error = orNull(object<ReceiptError>({ code: text, detail: orNull(text) }));
const delivery: Fields<Delivery> = {
  state: told(oneOf(receiptStatuses), 'The highest that was ever said.'),
  milestones: object<Delivery['milestones']>({
    queuedAt: orNull(time),
    sentAt: orNull(time),
    deliveredAt: orNull(time),
    deliveredImplied: told(yesOrNo, 'It was read, so it was delivered, though nobody said when.'),
    readAt: orNull(time),
    failedAt: orNull(time),
  }),
  conflict: told(yesOrNo, 'It is said both that it failed and that it arrived.'),
  error: told(error, 'Of the latest failure, also when the message arrived.'),
  timeline: listOf(
    object<Delivery['timeline'][number]>({ status: oneOf(receiptStatuses), occurredAt: time, recordedAt: time, error }),
  ),
};

const ofType = (type: BulkAction['type']): Fields => ({ type: is(type) });
/** As it was asked for, with what was left out. */
const action: OpenApiSchema = {
  oneOf: [
    object({
      ...ofType('change_status'),
      ...{
        status: orNull(oneOf(statuses)),
        qualificationScore: orNull(score),
        reason: orNull(text),
        note: orNull(text),
      },
    }),
    object({ ...ofType('assign'), agentId: text, moveFollowUps: yesOrNo, note: orNull(text) }),
    object(ofType('unassign')),
    object({
      ...ofType('create_follow_up'),
      ...{ dueAt: time, note: orNull(text), assigneeId: orNull(text), alsoSetStatus: yesOrNo },
    }),
  ],
};
const job: Fields<BulkJobResource> = {
  id: text,
  state: told(oneOf(bulkStates), 'failed: all or nothing, and something would have been refused.'),
  action,
  mode: oneOf(bulkModes),
  total: count,
  done: told(count, 'Items that were carried out, refused ones included.'),
  ok: count,
  unchanged: count,
  rejected: told(count, 'Those not found and in conflict too.'),
  retries: told(count, 'How often what failed was tried again.'),
  requestedBy: object(actor),
  requestedAt: time,
  closedAt: told(orNull(time), 'When it was completed, cancelled or failed.'),
};

export const schemaRef = (name: string): OpenApiSchema => ({ $ref: `#/components/schemas/${name}` });

/** The shapes that answers are made of. */
const shapes = {
  Lead: object<LeadResource>({
    id: text,
    contactId: text,
    ordinal: told({ type: 'integer', minimum: 1 }, "1 for the contact's first lead."),
    previousLeadId: orNull(text),
    contact: object<LeadResource['contact']>({ name: orNull(text), phone: orNull(text), email: orNull(text) }),
    channel: orNull(oneOf(channels)),
    origin: object<Origin>({
      kind: oneOf(originKinds),
      attribution: told(oneOf(['exact', 'window', 'none']), 'How surely it answers the broadcast.'),
      broadcastId: orNull(text),
      campaign: orNull(campaign),
      interactionId: orNull(text),
    }),
    status: oneOf(statuses),
    active: yesOrNo,
    statusChangedAt: time,
    closedAt: orNull(time),
    reason: orNull(text),
    qualification: object<Qualification>({
      score: orNull(score),
      source: orNull(oneOf(['ai', 'manual'])),
      pinned: yesOrNo,
      model: orNull(text),
      modelVersion: orNull(text),
      rationale: orNull(text),
      factors,
      scoredAt: orNull(time),
      suggestion: told(
        orNull(
          object<Suggestion>({
            score,
            model: text,
            modelVersion: orNull(text),
            rationale: orNull(text),
            factors,
            suggestedAt: time,
          }),
        ),
        'An AI result while a manual score is pinned.',
      ),
    }),
    agent: named,
    assignedAt: orNull(time),
    followUps: object<LeadResource['followUps']>({ open: count, nextDueAt: orNull(time), nextId: orNull(text) }),
    lastInteractionAt: orNull(time),
    createdAt: time,
    updatedAt: time,
    version: told(version, 'Counts the events of the lead; what If-Match speaks of.'),
    actions: object<LeadResource['actions']>({
      changeStatus: yesOrNo,
      assign: yesOrNo,
      createFollowUp: yesOrNo,
      viewHistory: yesOrNo,
      openChat: yesOrNo,
    }),
  }),

  FollowUp: object<FollowUpResource>({
    id: text,
    leadId: text,
    contactId: text,
    dueAt: time,
    assignee: named,
    note: orNull(text),
    state: oneOf(['open', 'completed', 'cancelled']),
    overdue: yesOrNo,
    createdAt: time,
    closedAt: orNull(time),
    closedReason: orNull(text),
  }),

  Agent: object({
    id: text,
    name: text,
    email: orNull(text),
    capacity: told(orNull(count), 'How many active leads the agent has room for; null is no limit.'),
    active: yesOrNo,
    activeLeads: told(orNull(count), 'Null in the answer to a change, which does not count them.'),
    createdAt: time,
  }),

  Entry: object({
    id: text,
    type: oneOf(eventTypes),
    leadId: orNull(text),
    leadOrdinal: orNull(version),
    occurredAt: time,
    recordedAt: time,
    actor: object({ ...actor, name: orNull(text) }),
    cause: told(orNull(text), 'The event that set it off; null when a command did.'),
    summary: text,
    data: facts,
    position: positionSchema,
  }),

  Broadcast: object({
    id: text,
    name: text,
    channel: oneOf(channels),
    campaign,
    template: object<Template>({ ...template, body: orNull(text) }),
    createdAt: time,
    counters: told(
      object({ recipients: count, sent: count, delivered: count, read: count, failed: count, replied: count }),
      'Recipients, each counted once: read within delivered within sent.',
    ),
  }),

  Recipient: object({
    contactId: text,
    state: oneOf(receiptStatuses),
    attempts: listOf(object({ messageId: text, attempt: version, state: oneOf(receiptStatuses) })),
    repliedLeadId: orNull(text),
  }),

  Event: object({
    id: text,
    type: oneOf(eventTypes),
    v: told(version, 'Of the shape of its data.'),
    leadId: orNull(text),
    contactId: orNull(text),
    occurredAt: time,
    recordedAt: time,
    actor: object(actor),
    correlationId: text,
    causationId: text,
    data: facts,
    position: positionSchema,
  }),

  Delivery: object({
    messageId: text,
    broadcastId: text,
    campaign,
    template: object<Omit<Template, 'body'>>(template),
    channel: oneOf(channels),
    attempt: version,
    parameters: told({}, 'As they were given.'),
    ...delivery,
  }),

  BulkJob: object<BulkJobResource>(job),

  PastLead: object({ id: text, ordinal: version, status: oneOf(statuses), createdAt: time, closedAt: orNull(time) }),
};

/** What became of each item of a batch, in input order. */
const results = listOf({
  oneOf: [
    object({ index: count, outcome: oneOf(['recorded', 'duplicate']) }),
    object({ index: count, outcome: is('invalid'), code: text, detail: text }),
  ],
});

/** What became of each item of a bulk, in input order. */
const bulk: Fields = {
  bulkId: told(text, "All of its events have it as their correlation's id."),
  summary: told(
    object<BulkSummary>({ total: count, ok: count, unchanged: count, rejected: count }),
    '`rejected` counts those not found and in conflict too.',
  ),
  results: listOf(
    object({ index: count, id: text, outcome: oneOf(bulkOutcomes), code: text, version }, ['code', 'version']),
  ),
};

/** Every command says this of the lead that it was about. */
const changed = { changed: yesOrNo, version, position: positionSchema };
const lead = { lead: schemaRef('Lead'), ...changed };
const pageOf = (item: keyof typeof shapes): Fields => ({
  items: listOf(schemaRef(item)),
  nextCursor: told(orNull(text), 'Null at the end.'),
  total: told(count, 'With count=true.'),
});

/** Whole answers. */
const wholes = {
  LeadAnswer: object(lead),
  StatusAnswer: object({ ...lead, cancelledFollowUps: count }),
  QualificationAnswer: object({ ...lead, accepted: yesOrNo }),
  FollowUpAnswer: object({ ...lead, followUp: schemaRef('FollowUp') }),
  MessageAnswer: object({ ...lead, messageId: text }),
  AgentAnswer: object({ agent: schemaRef('Agent'), ...changed }),
  BroadcastAnswer: object({ broadcast: schemaRef('Broadcast'), ...changed }),
  BatchAnswer: object({ results, position: positionSchema }),
  BulkAnswer: object({ ...bulk, position: positionSchema }),
  BulkJobAnswer: object({ bulkId: text, ...job, changed: yesOrNo, position: positionSchema }),
  WebhookAnswer: told(
    object({ recorded: count, duplicate: count, ignored: count, invalid: count }),
    'How many parts of it came to what.',
  ),
  InteractionAnswer: object({
    interactionId: text,
    leadId: told(orNull(text), 'Null for an opt-out of a contact without leads.'),
    leadCreated: yesOrNo,
    lead: orNull(schemaRef('Lead')),
    changed: yesOrNo,
    version: orNull(version),
    position: positionSchema,
  }),
  LeadPage: object(pageOf('Lead'), ['total']),
  FollowUpPage: object(pageOf('FollowUp'), ['total']),
  AgentPage: object(pageOf('Agent'), ['total']),
  BroadcastPage: object(pageOf('Broadcast'), ['total']),
  RecipientPage: object(pageOf('Recipient'), ['total']),
  DeliveryPage: object(pageOf('Delivery'), ['total']),
  ContactHistory: object(pageOf('Entry'), ['total']),
  EventPage: object({
    items: listOf(schemaRef('Event')),
    nextCursor: told(
      orNull(text),
      'Null where the log ended. A page with few items, even none, may be followed by others.',
    ),
  }),
  FunnelStatistics: object({
    period,
    opened: told(count, 'Leads that were opened in the period. What is told of them is as it is by now.'),
    conversionRate: rate,
    statuses: listOf(
      object({
        status: oneOf(statuses),
        reached: told(count, 'How many have ever had it. A lead that skipped it has not; every lead was new.'),
        current: told(count, 'How many have it now.'),
        rate,
      }),
    ),
  }),
  TimeInStatusStatistics: object({
    period,
    statuses: listOf(
      object({
        status: oneOf(activeStatuses),
        leads: told(count, 'Those that left it in the period, for the last time so far.'),
        stays: told(count, 'How often they were in it.'),
        meanSeconds: told(orNull(count), 'All its stays of a lead together.'),
        medianSeconds: told(orNull(count), 'To within 2.5 %.'),
        p90Seconds: told(orNull(count), 'Nine of ten were no longer in it; to within 2.5 %.'),
      }),
    ),
  }),
  AgentsStatistics: object({
    period,
    items: listOf(
      object({
        agent: told(named, 'Null: what nobody in particular did.'),
        assigned: told(count, 'Times that a lead was assigned to the agent in the period.'),
        closed: told(
          object({ converted: count, lost: count, archived: count }),
          "Leads closed in the period that were the agent's.",
        ),
        messagesSent: told(count, "In the agent's name (X-Actor), in the period."),
        followUps: told(
          object({ completed: count, late: count }),
          "Completed in the period that were the agent's; of them, after they were due.",
        ),
        firstResponse: told(
          object({ leads: count, medianSeconds: orNull(count) }),
          'Leads whose first message was sent in the period, by the agent, and how long after they were opened; to within 2.5 %.',
        ),
      }),
    ),
  }),
  SourcesStatistics: object({
    period,
    items: listOf(
      object({
        origin: oneOf(originKinds),
        channel: orNull(oneOf(channels)),
        campaign: orNull(campaign),
        opened: count,
        converted: told(count, 'Of those opened in the period, by now.'),
        conversionRate: rate,
      }),
    ),
  }),
  LeadReplay: object(
    {
      ...pageOf('Lead'),
      items: listOf(object({ event: schemaRef('Event'), lead: told(schemaRef('Lead'), 'After the event.') })),
    },
    ['total'],
  ),
  LeadHistory: object({ ...pageOf('Entry'), pastLeads: listOf(schemaRef('PastLead')) }, ['total']),
  Health: object({ status: is('ok') }),
  Readiness: object({
    ready: yesOrNo,
    checks: {
      type: 'object',
      additionalProperties: told(
        { type: 'object', properties: { ready: yesOrNo }, required: ['ready'] },
        'What a part of the process says of itself, and whatever helps to see why it is not ready.',
      ),
    },
  }),
  ApiDocument: told({ type: 'object' }, 'OpenAPI 3.1.'),
};
export type ResponseSchemaName = keyof typeof shapes | keyof typeof wholes;

/** What a refusal says besides its sentence. */
const details: { readonly [Code in RefusalCode]: Fields<RefusalDetails<Code>> & Fields } & {
  readonly [Code in ProblemCode]?: Fields;
} = {
  method_not_allowed: { allowed: listOf(text) },
  not_found: { what: oneOf(['lead', 'contact', 'agent', 'follow-up', 'interaction', 'broadcast', 'bulk']) },
  lead_inactive: {
    leadId: text,
    leadStatus: oneOf(finalStatuses),
    inactiveSince: time,
    activeLeadId: told(orNull(text), "The contact's active lead, if there is one."),
  },
  active_lead_exists: { activeLeadId: text },
  agent_inactive: { agentId: text },
  agent_exists: { agentId: text },
  follow_up_completed: { followUpId: text },
  follow_up_cancelled: { followUpId: text },
  broadcast_exists: { broadcastId: text },
  message_exists: { messageId: text },
  too_many_follow_ups: { most: count },
  version_mismatch: { version },
  bulk_rejected: bulk as Fields<RefusalDetails<'bulk_rejected'>>,
  selection_changed: { expectedCount: count, count: told(count, 'How many it selects now.') },
  bulk_running: { bulkId: text },
  bulk_closed: { bulkId: text, state: oneOf(bulkStates) },
  conflict: {},
  idempotency_in_flight: {},
  idempotency_key_reused: {},
  validation_failed: {
    errors: listOf(object<InvalidField>({ field: text, code: text, message: text })),
    results: told(results, 'Of a batch without one good item.'),
  },
};

const problem = (code: ProblemCode): OpenApiSchema =>
  object(
    {
      type: is(`urn:leadstream:problem:${code}`),
      title: text,
      status: is(statusByProblemCode[code]),
      detail: text,
      instance: text,
      code: is(code),
      ...details[code],
    },
    // What is not there may be a path, of which there is nothing to say; results are told of batches.
    ['what', 'results'],
  );

/** `lead_inactive` is LeadInactiveProblem. */
export const problemSchemaName = (code: ProblemCode): string =>
  `${code.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}Problem`;

export const responseSchemas: Readonly<Record<string, OpenApiSchema>> = { ...shapes, ...wholes };

export const createProblemSchemas = (codes: Iterable<ProblemCode>): Readonly<Record<string, OpenApiSchema>> =>
  Object.fromEntries([...codes].map((code) => [problemSchemaName(code), problem(code)]));
