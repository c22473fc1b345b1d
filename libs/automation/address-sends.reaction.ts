import type { Handling } from '#commands/handle';
import { contactStream } from '#commands/ids';
import { contact } from '#domain/contact/contact.decide';
import type { Recorded } from '#domain/event';
import { caused, system } from '#commands/envelope';
import type { AskDoor, Reaction } from './reaction.js';

/**
 * A send is two appends. Where a crash came between them, the contact does not know of its broadcast, and a reply would not be
 * attributed: this makes up for it.
 */
export class AddressSends implements Reaction {
  readonly name = 'address-sends';
  readonly to = ['MessageSent'] as const;

  constructor(
    private readonly handling: Pick<Handling, 'read'>,
    private readonly ask: AskDoor,
  ) {}

  async react(event: Recorded): Promise<void> {
    if (event.type !== 'MessageSent') return;
    const { org, meta } = event;
    const { channel, messageId, campaign, recipient } = event.data;
    const { broadcastId, contactKey } = recipient;
    const known = await this.handling.read(contact, contactStream(org, contactKey));
    const isThere = known.known && known.addressed.some((it) => it.messageId === messageId && it.channel === channel);
    if (isThere) return;
    const { contactId } = event.personal;
    const sentAt = meta.occurredAt;
    await this.ask(
      { type: 'AddressBroadcast', contactId, profile: {}, broadcastId, campaign, channel, messageId, sentAt },
      // At the time of the send: one that was dated back must not stand in the way of what is told next.
      caused({ org, id: event.id, correlation: meta.correlation }, this.name, system(this.name), sentAt),
    );
  }
}
