import { mostAtOnce } from '#commands/bulk.handler';
import { bulkModes, type BulkAction, type BulkMode } from '#domain/bulk/bulk.action';
import { AtLeastOneOf, IsIds, IsOneKindOf, IsOneOf, IsShaped, Optional } from '#http/fields';
import { instantOf } from '#http/instant';
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

export class BulkTargetRequest {
  @IsIds(mostAtOnce) readonly ids!: string[];
}

export class BulkRequest {
  @IsOneKindOf('type', actions) readonly action!: AnyAction;
  @IsShaped(BulkTargetRequest) readonly target!: BulkTargetRequest;
  @Optional() @IsOneOf(bulkModes) readonly mode?: BulkMode;
}

export function actionOf(said: AnyAction): BulkAction {
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
      return { type, dueAt: instantOf(dueAt)?.at ?? dueAt, note, assigneeId, alsoSetStatus };
    }
  }
}
