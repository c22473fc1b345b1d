import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { broadcast, type Broadcast, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
import type { Answer } from './answer.js';
import { CommandMeter, uncounted } from './command-meter.js';
import type { Envelope } from './envelope.js';
import { Handling } from './handle.js';
import { broadcastStream, idMadeBy } from './ids.js';
import { KeptAnswers } from './kept-answers.js';

/** Without an id of the caller's, the broadcast gets one of ours. */
export type BroadcastAsk = Omit<CreateBroadcast, 'broadcastId'> & { readonly broadcastId: string | null };

/** The one door to broadcasts. */
export class AskBroadcast extends Command<{ answer: Answer; replayed: boolean }> {
  constructor(
    readonly ask: BroadcastAsk,
    readonly envelope: Envelope,
  ) {
    super();
  }
}

@CommandHandler(AskBroadcast)
export class BroadcastHandler implements ICommandHandler<AskBroadcast> {
  constructor(
    private readonly handling: Handling,
    private readonly kept: KeptAnswers,
    private readonly meter: CommandMeter = uncounted,
  ) {}

  execute({ ask, envelope }: AskBroadcast): Promise<{ answer: Answer; replayed: boolean }> {
    return this.meter.over(ask.type, () => this.kept.once(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: BroadcastAsk, envelope: Envelope): Promise<Answer> {
    const broadcastId = ask.broadcastId ?? idMadeBy(envelope.commandId, 'broadcast');
    const stream = broadcastStream(envelope.org, broadcastId);
    const versionOf = (state: Broadcast): number | undefined => (state.known ? 1 : undefined);
    const command: CreateBroadcast = { ...ask, broadcastId };
    const { after, position } = await this.handling.handle(broadcast, stream, command, envelope, versionOf);
    const shown = { broadcast: showBroadcast(after), changed: true, version: 1, position };
    return { made: broadcastId, version: 1, position, body: shown };
  }
}

/** A new broadcast has been sent to nobody. */
const showBroadcast = (state: Broadcast): object | null => {
  if (!state.known) return null;
  const { id, name, channel, campaign, template, createdAt } = state;
  const counters = { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };
  return { id, name, channel, campaign, template, createdAt, counters };
};
