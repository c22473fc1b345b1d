import { IsFlag, IsId, IsInstant, IsText, Optional } from '#http/fields';

export class FollowUpRequest {
  @IsInstant('Time at which the follow-up is due. Must not be in the past.') readonly dueAt!: string;
  @Optional() @IsText('Note about the follow-up.') readonly note?: string;

  @Optional()
  @IsId("ID of the agent responsible for the follow-up. Default: the lead's agent, otherwise the creator.")
  readonly assigneeId?: string;

  @Optional()
  @IsFlag('Whether to also set the status of the lead to `follow_up`. Default: false.')
  readonly alsoSetStatus?: boolean;
}

export class CompleteRequest {
  @Optional() @IsText('Note about the outcome.') readonly note?: string;
}

export class CancelRequest {
  @Optional() @IsText('Reason for the cancellation.') readonly reason?: string;
}

export class RescheduleRequest {
  @IsInstant('New time at which the follow-up is due. Must not be in the past.') readonly dueAt!: string;
  @Optional() @IsText('Reason for the new time.') readonly reason?: string;
}
