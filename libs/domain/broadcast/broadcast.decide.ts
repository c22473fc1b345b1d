import type { Decider } from '../decider.js';
import type { NewEvent } from '../event-envelope.js';
import { refuse } from '../refusal.js';
import type { Campaign, Channel } from '../vocabulary.js';
import type { BroadcastEvent, Template } from './broadcast.events.js';

export interface CreateBroadcast {
  readonly type: 'CreateBroadcast';
  readonly broadcastId: string;
  readonly name: string;
  readonly channel: Channel;
  readonly campaign: Campaign;
  readonly template: Template;
}

export type Broadcast = { readonly known: false } | KnownBroadcast;

export interface KnownBroadcast {
  readonly known: true;
  readonly id: string;
  readonly name: string;
  readonly channel: Channel;
  readonly campaign: Campaign;
  readonly template: Template;
  readonly createdAt: string;
}

export const broadcastDecider: Decider<Broadcast, CreateBroadcast, BroadcastEvent> = {
  initialState: { known: false },

  decide({ broadcastId, name, channel, campaign, template }, broadcast): readonly NewEvent<BroadcastEvent>[] {
    if (broadcast.known) throw refuse('broadcast_exists', { broadcastId });
    return [
      {
        type: 'BroadcastCreated',
        data: {
          broadcastId,
          name,
          channel,
          campaign: { id: campaign.id, name: campaign.name },
          template: {
            name: template.name,
            language: template.language,
            category: template.category,
            body: template.body,
          },
        },
      },
    ];
  },

  evolve(broadcast, event) {
    if (broadcast.known || event.type !== 'BroadcastCreated') return broadcast;
    const { broadcastId: id, name, channel, campaign, template } = event.data;
    return { known: true, id, name, channel, campaign, template, createdAt: event.meta.occurredAt };
  },
};
