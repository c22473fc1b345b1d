import { bulkModes, type BulkAction } from '#domain/bulk/bulk.action';
import { bulkStates } from '#domain/bulk/bulk.job';
import type { BulkJobResource } from '#resources/bulk.resource';
import { bulkOutcomes, type BulkSummary } from '#domain/bulk/bulk.results';
import { statuses } from '#domain/lead/lead.vocabulary';
import type { BulkRejectedDetails } from '#domain/refusal';
import * as json from '../json-schema.js';
import { actorFields } from './actor.schema.js';

const actionType = (type: BulkAction['type']): json.Fields => ({ type: json.constant(type) });

const action: json.JsonSchema = {
  description: 'Action that the job runs on each lead, with defaults filled in.',
  oneOf: [
    json.object({
      ...actionType('change_status'),
      status: json.nullable(json.enumOf(statuses)),
      qualificationScore: json.nullable(json.score()),
      reason: json.nullable(json.string()),
      note: json.nullable(json.string()),
    }),
    json.object({
      ...actionType('assign'),
      agentId: json.string(),
      moveFollowUps: json.boolean(),
      note: json.nullable(json.string()),
    }),
    json.object(actionType('unassign')),
    json.object({
      ...actionType('create_follow_up'),
      dueAt: json.timestamp(),
      note: json.nullable(json.string()),
      assigneeId: json.nullable(json.string()),
      alsoSetStatus: json.boolean(),
    }),
  ],
};

export const bulkJobFields: json.Fields<BulkJobResource> = {
  id: json.string('Unique identifier of the bulk job.'),
  state: json.enumOf(
    bulkStates,
    'State of the job. `failed` means that mode `all_or_nothing` found an item that would be rejected; nothing was changed.',
  ),
  action,
  mode: json.enumOf(
    bulkModes,
    '`best_effort` runs every item. `all_or_nothing` changes nothing if any item would be rejected.',
  ),
  total: json.count('Number of items.'),
  done: json.count('Number of items processed so far, including rejected ones.'),
  ok: json.count('Number of items that succeeded.'),
  unchanged: json.count('Number of items that were already in the requested state.'),
  rejected: json.count('Number of items that were rejected, were not found or conflicted with another change.'),
  retries: json.count('Number of times that the failed items were retried.'),
  requestedBy: json.object(actorFields),
  requestedAt: json.timestamp('Time at which the job was requested.'),
  closedAt: json.nullable(json.timestamp('Time at which the job completed, failed or was cancelled.')),
};

/** The outcome of a bulk job whose items have all been decided. */
export const bulkOutcomeFields: json.Fields<BulkRejectedDetails> & json.Fields = {
  bulkId: json.string('Unique identifier of the bulk job. It is the correlation ID of all its events.'),
  summary: json.described(
    json.object<BulkSummary>({
      total: json.count('Number of items.'),
      ok: json.count('Number of items that succeeded.'),
      unchanged: json.count('Number of items that were already in the requested state.'),
      rejected: json.count('Number of items that were rejected, were not found or conflicted with another change.'),
    }),
    'Number of items by outcome.',
  ),
  results: json.array(
    json.object(
      {
        index: json.count('Index of the item in the request, from 0.'),
        id: json.string('ID of the lead.'),
        outcome: json.enumOf(bulkOutcomes, 'Outcome of the item.'),
        code: json.string('Problem code of an item that was not successful.'),
        version: json.positiveInteger('Version of the lead after the action.'),
      },
      ['code', 'version'],
    ),
    'Result of each item, in the order of the request.',
  ),
};
