import { channels, type Channel } from '#domain/vocabulary';
import { receiptStatuses, type ReceiptStatus } from '#domain/message/message.events';
import {
  IsBatchOf,
  IsFreeForm,
  IsId,
  IsInstant,
  IsName,
  IsOneOf,
  IsNestedObject,
  IsText,
  IsInteger,
  Optional,
  OptionalOrNull,
} from '#http/fields';

export class CampaignRequest {
  @IsId('ID of the campaign.') readonly id!: string;
  @IsName('Name of the campaign.') readonly name!: string;
}

export class TemplateRequest {
  @IsName('Name of the template.') readonly name!: string;
  @IsId('Language of the template, such as `en`.') readonly language!: string;
  @OptionalOrNull() @IsId('Category of the template, such as `marketing`.') readonly category?: string | null;
  @OptionalOrNull() @IsText('Text of the template.') readonly body?: string | null;
}

export class BroadcastRequest {
  @Optional() @IsId('ID of the broadcast. Generated if omitted.') readonly id?: string;
  @IsName('Name of the broadcast.') readonly name!: string;
  @IsOneOf(channels, 'Channel that the broadcast is sent through.') readonly channel!: Channel;
  @IsNestedObject(CampaignRequest) readonly campaign!: CampaignRequest;
  @IsNestedObject(TemplateRequest) readonly template!: TemplateRequest;
}

const maxItems = 1_000;
const attemptRange = { min: 1, max: 1_000 };

export class SendRequest {
  @IsId('ID of the recipient.') readonly contactId!: string;
  @IsId("The provider's ID of the message.") readonly messageId!: string;

  @Optional()
  @IsInstant('Time at which the message was sent. Default: the time of the request.')
  readonly sentAt?: string;

  @Optional()
  @IsInteger(attemptRange, 'Number of the attempt to reach the recipient. Default: counted per recipient.')
  readonly attempt?: number;

  @Optional() @IsFreeForm('Parameters that were filled into the template.') readonly parameters?: unknown;
}

export class SendsRequest {
  @IsBatchOf(SendRequest, maxItems, 'Messages that were sent. An invalid item does not affect the others.')
  readonly messages!: unknown[];
}

export class ReceiptErrorRequest {
  @IsId("The provider's error code.") readonly code!: string;
  @OptionalOrNull() @IsText("The provider's explanation.") readonly detail?: string | null;
}

export class ReceiptRequest {
  @IsOneOf(channels, 'Channel of the message.') readonly channel!: Channel;
  @IsId("The provider's ID of the message.") readonly messageId!: string;
  @IsOneOf(receiptStatuses, 'Status that the provider reports.') readonly status!: ReceiptStatus;
  @IsInstant('Time that the provider reports.') readonly occurredAt!: string;
  @Optional() @IsNestedObject(ReceiptErrorRequest) readonly error?: ReceiptErrorRequest;
}

export class ReceiptsRequest {
  @IsBatchOf(ReceiptRequest, maxItems, 'Delivery receipts. An invalid item does not affect the others.')
  readonly receipts!: unknown[];
}
