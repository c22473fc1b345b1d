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
  @Optional() @IsName('Name of the contact.') readonly name?: string;
  @Optional() @IsName('Phone number of the contact.') readonly phone?: string;
  @Optional() @IsEmailLike('Email address of the contact.') readonly email?: string;
}

export class InteractionRequest {
  @IsId('Your ID of the contact.') readonly contactId!: string;
  @IsOneOf(channels, 'Channel that the contact used.') readonly channel!: Channel;

  @IsOneOf(
    interactionKinds,
    'Kind of interaction: a reply to a broadcast, a chat message, or data from an integration.',
  )
  readonly kind!: InteractionKind;

  @IsId("The provider's ID of the message. A message with the same contact, channel and ID is recorded only once.")
  readonly messageId!: string;

  @Optional()
  @IsInstant('Time of the interaction. Default: the time of the request.')
  readonly occurredAt?: string;

  @Optional() @IsText('Text of the message.') readonly text?: string;
  @Optional() @IsFreeForm('Media of the message, stored as given.') readonly media?: unknown;
  @Optional() @IsNestedObject(ProfileRequest) readonly profile?: ProfileRequest;
  @Optional() @IsId("The provider's ID of the message that this one replies to.") readonly inReplyTo?: string;
  @Optional() @IsFreeForm('Data from the integration, stored as given.') readonly integration?: unknown;
}
