import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { broadcastDecider, type Broadcast, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
import type { CommandResponse, CommandResult } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
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
      this.idempotency.runOnce(context, () => this.handle(command, context)),
    );
  }

  private async handle(input: BroadcastCommandInput, context: CommandContext): Promise<CommandResponse> {
    const broadcastId = input.broadcastId ?? deriveId(context.commandId, 'broadcast');
    const stream = broadcastStream(context.org, broadcastId);
    const command: CreateBroadcast = { ...input, broadcastId };
    const { after, position } = await this.deciders.handle(broadcastDecider, stream, command, context, versionOf);
    const body = { broadcast: toBroadcastResource(after), changed: true, version: 1, position };
    return { createdId: broadcastId, version: 1, position, body };
  }
}

const versionOf = (broadcast: Broadcast): number | undefined => (broadcast.known ? 1 : undefined);

/** A new broadcast has no recipients yet. */
const toBroadcastResource = (broadcast: Broadcast): object | null => {
  if (!broadcast.known) return null;
  const { id, name, channel, campaign, template, createdAt } = broadcast;
  const counters = { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };
  return { id, name, channel, campaign, template, createdAt, counters };
};
