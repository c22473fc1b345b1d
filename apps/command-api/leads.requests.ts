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
  @IsId('Your ID of the contact.') readonly contactId!: string;
  @Optional() @IsNestedObject(ProfileRequest) readonly profile?: ProfileRequest;
  @Optional() @IsOneOf(channels, 'Channel that the lead came through.') readonly channel?: Channel;

  @Optional()
  @IsOneOf(['manual', 'integration'], 'What creates the lead. Default: `manual`.')
  readonly origin?: 'manual' | 'integration';

  @Optional() @IsText('Note about the lead.') readonly note?: string;
}

@AtLeastOneOf('status', 'qualificationScore')
export class StatusRequest {
  @Optional() @IsOneOf(statuses, 'New status of the lead.') readonly status?: Status;
  @Optional() @IsScore('New score of the lead. A manual score is pinned.') readonly qualificationScore?: number;
  @Optional() @IsText('Reason for the change.') readonly reason?: string;
  @Optional() @IsText('Note about the change.') readonly note?: string;
}

export class AssignmentRequest {
  @IsId('ID of the agent.') readonly agentId!: string;

  @Optional()
  @IsFlag("Whether the previous agent's open follow-ups move to the new agent. Default: true.")
  readonly moveFollowUps?: boolean;

  @Optional() @IsText('Note about the assignment.') readonly note?: string;
}

export class FactorRequest {
  @IsName('What the model observed.') readonly label!: string;
  @IsAmount('How much the observation raised or lowered the score.') readonly weight!: number;
}

const maxFactors = 100;

export class QualificationRequest {
  @IsScore('Score from 0 to 100; higher is more promising.') readonly score!: number;
  @IsId('Name of the model.') readonly model!: string;
  @Optional() @IsId('Version of the model.') readonly modelVersion?: string;
  @Optional() @IsText("The model's explanation of the score.") readonly rationale?: string;

  @Optional()
  @IsListOf(FactorRequest, maxFactors, 'Observations behind the score.')
  readonly factors?: FactorRequest[];

  @Optional()
  @IsId('ID of the newest interaction that the model had read. Default: the newest interaction of the lead.')
  readonly readUpTo?: string;
}

export class OutboundMessageRequest {
  @IsId("The provider's ID of the message.") readonly messageId!: string;
  @Optional()
  @IsOneOf(channels, 'Channel of the message. Default: the channel of the lead.')
  readonly channel?: Channel;
  @Optional() @IsText('Text of the message.') readonly text?: string;

  @Optional()
  @IsInstant('Time at which the message was sent. Default: the time of the request.')
  readonly sentAt?: string;
}

/** The body of commands that need only their path. It must be empty. */
export class NothingRequest {}
