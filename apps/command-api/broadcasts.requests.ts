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
  @IsId() readonly id!: string;
  @IsName() readonly name!: string;
}

export class TemplateRequest {
  @IsName() readonly name!: string;
  @IsId() readonly language!: string;
  @OptionalOrNull() @IsId() readonly category?: string | null;
  @OptionalOrNull() @IsText() readonly body?: string | null;
}

export class BroadcastRequest {
  @Optional() @IsId() readonly id?: string;
  @IsName() readonly name!: string;
  @IsOneOf(channels) readonly channel!: Channel;
  @IsNestedObject(CampaignRequest) readonly campaign!: CampaignRequest;
  @IsNestedObject(TemplateRequest) readonly template!: TemplateRequest;
}

const mostItems = 1_000;

export class SendRequest {
  @IsId() readonly contactId!: string;
  @IsId() readonly messageId!: string;
  @Optional() @IsInstant() readonly sentAt?: string;
  @Optional() @IsInteger({ min: 1, max: 1_000 }) readonly attempt?: number;
  @Optional() @IsFreeForm() readonly parameters?: unknown;
}

/** Items are looked at one by one: a bad one does not take the good ones along. */
export class SendsRequest {
  @IsBatchOf(SendRequest, mostItems) readonly messages!: unknown[];
}

export class ReceiptErrorRequest {
  @IsId() readonly code!: string;
  @OptionalOrNull() @IsText() readonly detail?: string | null;
}

export class ReceiptRequest {
  @IsOneOf(channels) readonly channel!: Channel;
  @IsId() readonly messageId!: string;
  @IsOneOf(receiptStatuses) readonly status!: ReceiptStatus;
  @IsInstant() readonly occurredAt!: string;
  @Optional() @IsNestedObject(ReceiptErrorRequest) readonly error?: ReceiptErrorRequest;
}

export class ReceiptsRequest {
  @IsBatchOf(ReceiptRequest, mostItems) readonly receipts!: unknown[];
}
