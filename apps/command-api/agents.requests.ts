import { IsAgentId, IsEmailLike, IsFlag, IsName, IsInteger, Optional, OptionalOrNull } from '#http/fields';

const capacityRange = { min: 0, max: 1_000_000 };
const capacityDescription =
  'Maximum number of active leads that automatic assignment gives the agent. Null for no limit.';

export class RegisterAgentRequest {
  @Optional() @IsAgentId('ID of the agent. Generated if omitted.') readonly id?: string;
  @IsName('Name of the agent.') readonly name!: string;
  @OptionalOrNull() @IsEmailLike('Email address of the agent.') readonly email?: string | null;
  @OptionalOrNull() @IsInteger(capacityRange, capacityDescription) readonly capacity?: number | null;
}

export class ChangeAgentRequest {
  @Optional() @IsName('Name of the agent.') readonly name?: string;
  @OptionalOrNull() @IsInteger(capacityRange, capacityDescription) readonly capacity?: number | null;

  @Optional()
  @IsFlag('Set to false to deactivate the agent, which unassigns its active leads. Set to true to reactivate it.')
  readonly active?: boolean;
}
