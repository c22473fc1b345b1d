import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { broadcastDecider, type Broadcast, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
import type { CommandResponse, CommandResult, ReplayableResponse } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService, type DecisionResult, type VersionRange } from './decider-service.js';
import { broadcastStream, deriveId } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';

/** If `broadcastId` is null, the handler derives one. */
export type BroadcastCommandInput = Omit<CreateBroadcast, 'broadcastId'> & { readonly broadcastId: string | null };

export class BroadcastCommandMessage extends Command<CommandResult> {
  constructor(
    readonly command: BroadcastCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(BroadcastCommandMessage)
export class BroadcastHandler implements ICommandHandler<BroadcastCommandMessage> {
  constructor(
    private readonly deciders: DeciderService,
    private readonly idempotency: IdempotencyService,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({ command, context }: BroadcastCommandMessage): Promise<CommandResult> {
    return this.meter.measure(command.type, () =>
      this.idempotency.runOnce<VersionRange>(context, {
        run: () => this.handle(command, context),
        replay: (versions) => this.replay(command, context, versions),
      }),
    );
  }

  private async handle(
    input: BroadcastCommandInput,
    context: CommandContext,
  ): Promise<ReplayableResponse<VersionRange>> {
    const { command, stream } = withBroadcastId(input, context);
    const result = await this.deciders.handle(broadcastDecider, stream, command, context, versionOf);
    return { response: respond(command, result), facts: result.versions };
  }

  private async replay(
    input: BroadcastCommandInput,
    context: CommandContext,
    versions: VersionRange,
  ): Promise<CommandResponse> {
    const { command, stream } = withBroadcastId(input, context);
    return respond(command, await this.deciders.readResult(broadcastDecider, stream, versions));
  }
}

function withBroadcastId(input: BroadcastCommandInput, { org, commandId }: CommandContext) {
  const broadcastId = input.broadcastId ?? deriveId(commandId, 'broadcast');
  const command: CreateBroadcast = { ...input, broadcastId };
  return { command, stream: broadcastStream(org, broadcastId) };
}

function respond({ broadcastId }: CreateBroadcast, { after, position }: DecisionResult<Broadcast>): CommandResponse {
  const body = { broadcast: toBroadcastResource(after), changed: true, version: 1, position };
  return { createdId: broadcastId, version: 1, position, body };
}

const versionOf = (broadcast: Broadcast): number | undefined => (broadcast.known ? 1 : undefined);

/** A new broadcast has no recipients yet. */
const toBroadcastResource = (broadcast: Broadcast): object | null => {
  if (!broadcast.known) return null;
  const { id, name, channel, campaign, template, createdAt } = broadcast;
  const counters = { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };
  return { id, name, channel, campaign, template, createdAt, counters };
};
