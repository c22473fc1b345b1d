import { channels, type Channel } from '#domain/vocabulary';
import { statuses, type Status } from '#domain/lead/lead.vocabulary';
import {
  AtLeastOneOf,
  IsAmount,
  IsFlag,
  IsId,
  IsInstant,
  IsListOf,
  IsName,
  IsOneOf,
  IsScore,
  IsNestedObject,
  IsText,
  Optional,
} from '#http/fields';
import { ProfileRequest } from './interactions.requests.js';

export class CreateLeadRequest {
  @IsId() readonly contactId!: string;
  @Optional() @IsNestedObject(ProfileRequest) readonly profile?: ProfileRequest;
  @Optional() @IsOneOf(channels) readonly channel?: Channel;
  @Optional() @IsOneOf(['manual', 'integration']) readonly origin?: 'manual' | 'integration';
  @Optional() @IsText() readonly note?: string;
}

@AtLeastOneOf('status', 'qualificationScore')
export class StatusRequest {
  @Optional() @IsOneOf(statuses) readonly status?: Status;
  @Optional() @IsScore() readonly qualificationScore?: number;
  @Optional() @IsText() readonly reason?: string;
  @Optional() @IsText() readonly note?: string;
}

export class AssignmentRequest {
  @IsId() readonly agentId!: string;
  @Optional() @IsFlag() readonly moveFollowUps?: boolean;
  @Optional() @IsText() readonly note?: string;
}

export class FactorRequest {
  @IsName() readonly label!: string;
  @IsAmount() readonly weight!: number;
}

export class QualificationRequest {
  @IsScore() readonly score!: number;
  @IsId() readonly model!: string;
  @Optional() @IsId() readonly modelVersion?: string;
  @Optional() @IsText() readonly rationale?: string;
  @Optional() @IsListOf(FactorRequest, 100) readonly factors?: FactorRequest[];
  @Optional()
  @IsId('The newest interaction that the model had read; left out: the newest there is.')
  readonly readUpTo?: string;
}

export class OutboundMessageRequest {
  @IsId() readonly messageId!: string;
  @Optional() @IsOneOf(channels) readonly channel?: Channel;
  @Optional() @IsText() readonly text?: string;
  @Optional() @IsInstant() readonly sentAt?: string;
}

export class FollowUpRequest {
  @IsInstant() readonly dueAt!: string;
  @Optional() @IsText() readonly note?: string;
  @Optional() @IsId() readonly assigneeId?: string;
  @Optional() @IsFlag() readonly alsoSetStatus?: boolean;
}

export class CompleteRequest {
  @Optional() @IsText() readonly note?: string;
}

export class CancelRequest {
  @Optional() @IsText() readonly reason?: string;
}

export class RescheduleRequest {
  @IsInstant() readonly dueAt!: string;
  @Optional() @IsText() readonly reason?: string;
}

/** For calls that say everything in their path. */
export class NothingRequest {}
