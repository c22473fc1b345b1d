import { channels, type Channel } from '#domain/vocabulary';
import { interactionKinds, type InteractionKind } from '#domain/lead/lead.vocabulary';
import {
  IsEmailLike,
  IsFreeForm,
  IsId,
  IsInstant,
  IsName,
  IsOneOf,
  IsNestedObject,
  IsText,
  Optional,
} from '#http/fields';

export class ProfileRequest {
  @Optional() @IsName() readonly name?: string;
  @Optional() @IsName() readonly phone?: string;
  @Optional() @IsEmailLike() readonly email?: string;
}

export class InteractionRequest {
  @IsId() readonly contactId!: string;
  @IsOneOf(channels) readonly channel!: Channel;
  @IsOneOf(interactionKinds) readonly kind!: InteractionKind;
  @IsId() readonly messageId!: string;
  @Optional() @IsInstant() readonly occurredAt?: string;
  @Optional() @IsText() readonly text?: string;
  @Optional() @IsFreeForm() readonly media?: unknown;
  @Optional() @IsNestedObject(ProfileRequest) readonly profile?: ProfileRequest;
  @Optional() @IsId() readonly inReplyTo?: string;
  @Optional() @IsFreeForm() readonly integration?: unknown;
}
