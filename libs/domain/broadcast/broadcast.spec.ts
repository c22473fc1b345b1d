import { describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#domain/event';
import { createBroadcast, givenBroadcast } from '#test/support/given-message';
import { time } from '#test/support/given-when-then';
import { broadcastDecider } from './broadcast.decide.js';

const command = createBroadcast();
const data = {
  broadcastId: command.broadcastId,
  name: command.name,
  channel: command.channel,
  campaign: command.campaign,
  template: command.template,
};

describe('Broadcast', () => {
  it('creating a broadcast records its campaign and template', () =>
    givenBroadcast().when(createBroadcast()).then({ type: 'BroadcastCreated', data }));

  it('a template may have no category and no body', () => {
    const template = { name: 'template_one', language: 'pt_BR', category: null, body: null };
    givenBroadcast()
      .when(createBroadcast({ template }))
      .then({ type: 'BroadcastCreated', data: { ...data, template } });
  });

  it('rejects the creation of a broadcast that already exists, even with other values', () => {
    for (const repeated of [createBroadcast(), createBroadcast({ name: 'Another name' })])
      givenBroadcast(createBroadcast()).when(repeated).thenRefused('broadcast_exists', { broadcastId: 'b-1' });
  });

  it('the fold of a broadcast ignores a second BroadcastCreated and unknown types', () => {
    const { state, events } = givenBroadcast(createBroadcast());
    const { broadcastId: id, ...rest } = data;
    expect(state).toStrictEqual({ known: true, id, ...rest, createdAt: time('09:00') });
    expect(broadcastDecider.evolve(state, events[0] as never)).toBe(state);
    const unknownEvent = { type: 'SomethingElse', data: {}, meta: {} } as unknown as DomainEvent;
    expect(broadcastDecider.evolve(broadcastDecider.initialState, unknownEvent as never)).toBe(
      broadcastDecider.initialState,
    );
    expect(broadcastDecider.initialState).toStrictEqual({ known: false });
  });
});
