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
import { LeadFilterRequest } from '#http/lead-filter';
import { invalidInput } from '#http/problem';
import { AssignmentRequest, FollowUpRequest, StatusRequest } from './leads.requests.js';

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

type AnyAction = ChangeStatusAction | AssignAction | UnassignAction | CreateFollowUpAction;
const actions = {
  change_status: ChangeStatusAction,
  assign: AssignAction,
  unassign: UnassignAction,
  create_follow_up: CreateFollowUpAction,
} satisfies Record<BulkAction['type'], unknown>;

/** Either `ids`, or `filter` with `expectedCount`. */
@AtLeastOneOf('ids', 'filter')
export class BulkTargetRequest {
  @Optional() @IsIdList(maxBulkItems) readonly ids?: string[];
  @Optional() @IsQueryObject(LeadFilterRequest) readonly filter?: LeadFilterRequest;
  @Optional() @IsInteger({ min: 0, max: maxBulkItems }) readonly expectedCount?: number;
}

export class BulkRequest {
  @IsVariantOf('type', actions) readonly action!: AnyAction;
  @IsNestedObject(BulkTargetRequest) readonly target!: BulkTargetRequest;
  @Optional() @IsOneOf(bulkModes) readonly mode?: BulkMode;
}

export function parseBulkAction(said: AnyAction): BulkAction {
  const { type } = said;
  switch (type) {
    case 'change_status': {
      const { status = null, qualificationScore: score = null, reason = null, note = null } = said;
      return { type, status, score, reason, note };
    }
    case 'assign': {
      const { agentId, moveFollowUps = true, note = null } = said;
      return { type, agentId, moveFollowUps, note };
    }
    case 'unassign':
      return { type };
    case 'create_follow_up': {
      const { dueAt, note = null, assigneeId = null, alsoSetStatus = false } = said;
      return { type, dueAt: parseInstant(dueAt)?.at ?? dueAt, note, assigneeId, alsoSetStatus };
    }
  }
}

/** @throws Problem validation_failed unless it is one of the two */
export function parseBulkTarget({ ids, filter, expectedCount }: BulkTargetRequest): BulkTarget {
  const refuse = (name: string, code: string, message: string): Error =>
    invalidInput({ field: `target.${name}`, code, message });
  if (ids && filter) throw refuse('filter', 'not_with_ids', 'is not given together with ids');
  if (ids && expectedCount !== undefined) throw refuse('expectedCount', 'not_with_ids', 'belongs to a filter');
  if (ids) return { ids };
  if (expectedCount === undefined)
    throw refuse('expectedCount', 'required', 'must say how many leads the filter selects');
  const asked = Object.entries({ ...filter }).filter(([, value]) => value !== undefined);
  return { filter: Object.fromEntries(asked), expectedCount };
}
