import { bulkStates } from '#domain/bulk/bulk.job';
import { finalStatuses } from '#domain/lead/lead.vocabulary';
import type { InvalidField, RefusalCode, RefusalDetails } from '#domain/refusal';
import * as json from './json-schema.js';
import type { Fields, JsonSchema } from './json-schema.js';
import { statusByProblemCode, titleByProblemCode, type ProblemCode } from './problem.js';
import { batchResults } from './resources/batch.schema.js';
import { bulkOutcomeFields } from './resources/bulk.schema.js';

/** The additional members of each problem. */
const details: { readonly [Code in RefusalCode]: Fields<RefusalDetails<Code>> & Fields } & {
  readonly [Code in ProblemCode]?: Fields;
} = {
  method_not_allowed: { allowed: json.array(json.string(), 'Methods that the path supports.') },
  not_found: {
    what: json.enumOf(
      ['lead', 'contact', 'agent', 'follow-up', 'interaction', 'broadcast', 'bulk'],
      'Type of the resource that does not exist. Omitted if the path itself does not exist.',
    ),
  },
  lead_inactive: {
    leadId: json.string('ID of the inactive lead.'),
    leadStatus: json.enumOf(finalStatuses, 'Status of the lead.'),
    inactiveSince: json.timestamp('Time at which the lead was closed.'),
    activeLeadId: json.nullable(json.string("ID of the contact's active lead, or null if there is none.")),
  },
  active_lead_exists: { activeLeadId: json.string("ID of the contact's active lead.") },
  agent_inactive: { agentId: json.string('ID of the inactive agent.') },
  agent_exists: { agentId: json.string('ID of the existing agent.') },
  follow_up_completed: { followUpId: json.string('ID of the completed follow-up.') },
  follow_up_cancelled: { followUpId: json.string('ID of the cancelled follow-up.') },
  broadcast_exists: { broadcastId: json.string('ID of the existing broadcast.') },
  message_exists: { messageId: json.string('ID of the existing message.') },
  too_many_follow_ups: { most: json.count('Maximum number of open follow-ups of a lead.') },
  version_mismatch: { version: json.positiveInteger('Current version of the resource.') },
  bulk_rejected: bulkOutcomeFields,
  selection_changed: {
    expectedCount: json.count('Number of leads that the request expected.'),
    count: json.count('Number of active leads that the filter selects now.'),
  },
  bulk_running: { bulkId: json.string('ID of the running bulk job.') },
  bulk_closed: {
    bulkId: json.string('ID of the closed bulk job.'),
    state: json.enumOf(bulkStates, 'State of the bulk job.'),
  },
  conflict: {},
  idempotency_in_flight: {},
  idempotency_key_reused: {},
  validation_failed: {
    errors: json.array(
      json.object<InvalidField>({
        field: json.string('Path of the invalid field, parameter or header, such as `profile.name`.'),
        code: json.string('Machine-readable reason.'),
        message: json.string('Human-readable reason.'),
      }),
      'One entry per invalid field.',
    ),
    results: json.described(batchResults, 'Result of each item. Present if every item of a batch is invalid.'),
  },
};

const problem = (code: ProblemCode): JsonSchema =>
  json.object(
    {
      type: json.constant(`urn:leadstream:problem:${code}`),
      title: json.string('Short summary of the problem type.'),
      status: json.constant(statusByProblemCode[code]),
      detail: json.string('Explanation of this occurrence of the problem.'),
      instance: json.string('Path of the request.'),
      code: json.constant(code),
      ...details[code],
    },
    ['what', 'results'],
  );

/** `lead_inactive` becomes LeadInactiveProblem. */
const problemSchemaName = (code: ProblemCode): string =>
  `${code.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}Problem`;

const problemCodes = Object.keys(statusByProblemCode) as ProblemCode[];

/** A reference to the schema of each problem code. */
export const problemRefs = Object.fromEntries(
  problemCodes.map((code) => [
    code,
    json.component(problemSchemaName(code), json.described(problem(code), `${titleByProblemCode[code]}.`)),
  ]),
) as Readonly<Record<ProblemCode, json.SchemaRef>>;
