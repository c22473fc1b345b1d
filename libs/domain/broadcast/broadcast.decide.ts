import type { Decider } from '../decider.js';
import type { NewEvent } from '../event.js';
import { refuse } from '../refusal.js';
import type { Channel } from '../lead/lead.state.js';
import type { BroadcastEvent, Campaign, Template } from './broadcast.events.js';

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

  evolve(state, event) {
    if (state.known || event.type !== 'BroadcastCreated') return state;
    const { broadcastId: id, ...data } = event.data;
    return { known: true, id, ...data, createdAt: event.meta.occurredAt };
  },

  decide({ type: _, ...data }, state): readonly NewEvent<BroadcastEvent>[] {
    if (state.known) throw refuse('broadcast_exists', { broadcastId: data.broadcastId });
    return [{ type: 'BroadcastCreated', data }];
  },
};
