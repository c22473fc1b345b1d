import type { DeciderService } from '#commands/decider-service';
import { contactStream } from '#commands/ids';
import { contactDecider } from '#domain/contact/contact.decide';
import type { RecordedEvent } from '#domain/event';
import { causedBy, systemActor } from '#commands/command-context';
import type { DispatchContactCommand, Reactor } from './reactor.js';

/**
 * A send makes two appends. If the process crashes between them, the contact's stream lacks the broadcast, and replies would not be
 * attributed to it. This reactor makes the missing second append.
 */
export class CompleteBroadcastSends implements Reactor {
  readonly name = 'address-sends';
  readonly eventTypes = ['MessageSent'] as const;

  constructor(
    private readonly deciders: Pick<DeciderService, 'read'>,
    private readonly dispatch: DispatchContactCommand,
  ) {}

  async react(event: RecordedEvent): Promise<void> {
    if (event.type !== 'MessageSent') return;
    const { org, id, meta } = event;
    const { channel, messageId, campaign, recipient } = event.data;
    const { broadcastId, contactKey } = recipient;
    const contact = await this.deciders.read(contactDecider, contactStream(org, contactKey));
    const isComplete =
      contact.known &&
      contact.addressedBroadcasts.some((sent) => sent.messageId === messageId && sent.channel === channel);
    if (isComplete) return;
    const { contactId } = event.personal;
    const sentAt = meta.occurredAt;
    await this.dispatch(
      { type: 'AddressBroadcast', contactId, profile: {}, broadcastId, campaign, channel, messageId, sentAt },
      // The command has the time of the send, because a later time would make the contact's next backdated command invalid.
      causedBy({ org, id, correlation: meta.correlation }, this.name, systemActor(this.name), sentAt),
    );
  }
}
