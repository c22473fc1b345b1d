import { maxBulkItems, type BulkTarget } from '#commands/bulk.handler';
import { bulkModes, type BulkAction, type BulkMode } from '#domain/bulk/bulk.action';
import {
  AtLeastOneOf,
  IsQueryObject,
  IsIdList,
  IsVariantOf,
  IsOneOf,
  IsNestedObject,
  IsInteger,
  Optional,
} from '#http/fields';
import { parseInstant } from '#http/instant';
import { LeadFilterRequest } from '#http/resources/lead-filter';
import { invalidInput } from '#http/problem';
import { FollowUpRequest } from './follow-ups.requests.js';
import { AssignmentRequest, StatusRequest } from './leads.requests.js';

@AtLeastOneOf('status', 'qualificationScore')
export class ChangeStatusAction extends StatusRequest {
  @IsOneOf(['change_status']) readonly type!: 'change_status';
}

export class AssignAction extends AssignmentRequest {
  @IsOneOf(['assign']) readonly type!: 'assign';
}

export class UnassignAction {
  @IsOneOf(['unassign']) readonly type!: 'unassign';
}

export class CreateFollowUpAction extends FollowUpRequest {
  @IsOneOf(['create_follow_up']) readonly type!: 'create_follow_up';
}

type BulkActionRequest = ChangeStatusAction | AssignAction | UnassignAction | CreateFollowUpAction;
const actions = {
  change_status: ChangeStatusAction,
  assign: AssignAction,
  unassign: UnassignAction,
  create_follow_up: CreateFollowUpAction,
} satisfies Record<BulkAction['type'], unknown>;

/** Either `ids`, or `filter` with `expectedCount`. */
@AtLeastOneOf('ids', 'filter')
export class BulkTargetRequest {
  @Optional() @IsIdList(maxBulkItems, 'IDs of the leads.') readonly ids?: string[];
  @Optional() @IsQueryObject(LeadFilterRequest) readonly filter?: LeadFilterRequest;

  @Optional()
  @IsInteger(
    { min: 0, max: maxBulkItems },
    'Number of active leads that the filter must select. Required with `filter`. If it selects another number, nothing is changed.',
  )
  readonly expectedCount?: number;
}

export class BulkRequest {
  @IsVariantOf('type', actions) readonly action!: BulkActionRequest;
  @IsNestedObject(BulkTargetRequest) readonly target!: BulkTargetRequest;

  @Optional()
  @IsOneOf(
    bulkModes,
    '`best_effort` (default) runs every item. `all_or_nothing` changes nothing if any item would be rejected.',
  )
  readonly mode?: BulkMode;
}

export function parseBulkAction(request: BulkActionRequest): BulkAction {
  const { type } = request;
  switch (type) {
    case 'change_status': {
      const { status = null, qualificationScore: score = null, reason = null, note = null } = request;
      return { type, status, score, reason, note };
    }
    case 'assign': {
      const { agentId, moveFollowUps = true, note = null } = request;
      return { type, agentId, moveFollowUps, note };
    }
    case 'unassign':
      return { type };
    case 'create_follow_up': {
      const { dueAt, note = null, assigneeId = null, alsoSetStatus = false } = request;
      return { type, dueAt: parseInstant(dueAt)?.at ?? dueAt, note, assigneeId, alsoSetStatus };
    }
  }
}

/** @throws Problem `validation_failed` unless the target is either IDs or a filter with its expected count */
export function parseBulkTarget({ ids, filter, expectedCount }: BulkTargetRequest): BulkTarget {
  const invalidTarget = (name: string, code: string, message: string): Error =>
    invalidInput({ field: `target.${name}`, code, message });
  if (ids && filter) throw invalidTarget('filter', 'not_with_ids', 'must not be combined with ids');
  if (ids && expectedCount !== undefined)
    throw invalidTarget('expectedCount', 'not_with_ids', 'is supported only with filter');
  if (ids) return { ids };
  if (expectedCount === undefined)
    throw invalidTarget(
      'expectedCount',
      'required',
      'is required and must be the number of leads that the filter selects',
    );
  const parameters = Object.entries({ ...filter }).filter(([, value]) => value !== undefined);
  return { filter: Object.fromEntries(parameters), expectedCount };
}
