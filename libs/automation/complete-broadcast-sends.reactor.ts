import type { DeciderService } from '#commands/decider-service';
import { contactStream } from '#commands/ids';
import { contactDecider } from '#domain/contact/contact.decide';
import type { RecordedEvent } from '#domain/event';
import { causedBy, systemActor } from '#commands/command-context';
import type { DispatchContactCommand, Reactor } from './reactor.js';

/**
 * A send is two appends. Where a crash came between them, the contact does not know of its broadcast, and a reply would not be
 * attributed: this makes up for it.
 */
export class CompleteBroadcastSends implements Reactor {
  readonly name = 'address-sends';
  readonly eventTypes = ['MessageSent'] as const;

  constructor(
    private readonly handling: Pick<DeciderService, 'read'>,
    private readonly ask: DispatchContactCommand,
  ) {}

  async react(event: RecordedEvent): Promise<void> {
    if (event.type !== 'MessageSent') return;
    const { org, meta } = event;
    const { channel, messageId, campaign, recipient } = event.data;
    const { broadcastId, contactKey } = recipient;
    const known = await this.handling.read(contactDecider, contactStream(org, contactKey));
    const isThere =
      known.known && known.addressedBroadcasts.some((it) => it.messageId === messageId && it.channel === channel);
    if (isThere) return;
    const { contactId } = event.personal;
    const sentAt = meta.occurredAt;
    await this.ask(
      { type: 'AddressBroadcast', contactId, profile: {}, broadcastId, campaign, channel, messageId, sentAt },
      // At the time of the send: one that was dated back must not stand in the way of what is told next.
      causedBy({ org, id: event.id, correlation: meta.correlation }, this.name, systemActor(this.name), sentAt),
    );
  }
}
