import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { broadcastDecider, type Broadcast, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
import type { CommandResponse } from './command-response.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
import { broadcastStream, deriveId } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';

/** Without an id of the caller's, the broadcast gets one of ours. */
export type BroadcastCommandInput = Omit<CreateBroadcast, 'broadcastId'> & { readonly broadcastId: string | null };

/** The one door to broadcasts. */
export class BroadcastCommandMessage extends Command<{ answer: CommandResponse; replayed: boolean }> {
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
    private readonly handling: DeciderService,
    private readonly kept: IdempotencyService,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({
    command: ask,
    context: envelope,
  }: BroadcastCommandMessage): Promise<{ answer: CommandResponse; replayed: boolean }> {
    return this.meter.measure(ask.type, () => this.kept.runOnce(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: BroadcastCommandInput, envelope: CommandContext): Promise<CommandResponse> {
    const broadcastId = ask.broadcastId ?? deriveId(envelope.commandId, 'broadcast');
    const stream = broadcastStream(envelope.org, broadcastId);
    const versionOf = (state: Broadcast): number | undefined => (state.known ? 1 : undefined);
    const command: CreateBroadcast = { ...ask, broadcastId };
    const { after, position } = await this.handling.handle(broadcastDecider, stream, command, envelope, versionOf);
    const shown = { broadcast: showBroadcast(after), changed: true, version: 1, position };
    return { createdId: broadcastId, version: 1, position, body: shown };
  }
}

/** A new broadcast has been sent to nobody. */
const showBroadcast = (state: Broadcast): object | null => {
  if (!state.known) return null;
  const { id, name, channel, campaign, template, createdAt } = state;
  const counters = { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };
  return { id, name, channel, campaign, template, createdAt, counters };
};
