import { describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#domain/event';
import { createBroadcast, givenBroadcast } from '#test/support/given-message';
import { time } from '#test/support/given-when-then';
import { broadcastDecider } from './broadcast.decide.js';

const { type: _, ...data } = createBroadcast();

describe('A broadcast', () => {
  it('is made with its campaign and its template', () =>
    givenBroadcast().when(createBroadcast()).then({ type: 'BroadcastCreated', data }));

  it('may have a template without category and body', () => {
    const template = { name: 'template_one', language: 'pt_BR', category: null, body: null };
    givenBroadcast()
      .when(createBroadcast({ template }))
      .then({ type: 'BroadcastCreated', data: { ...data, template } });
  });

  it('is made once, and can not be edited', () => {
    for (const again of [createBroadcast(), createBroadcast({ name: 'Another name' })])
      givenBroadcast(createBroadcast()).when(again).thenRefused('broadcast_exists', { broadcastId: 'b-1' });
  });

  it('is folded once, and skips what it does not know', () => {
    const { state, events } = givenBroadcast(createBroadcast());
    const { broadcastId: id, ...rest } = data;
    expect(state).toStrictEqual({ known: true, id, ...rest, createdAt: time('09:00') });
    expect(broadcastDecider.evolve(state, events[0] as never)).toBe(state);
    const stranger = { type: 'SomethingElse', data: {}, meta: {} } as unknown as DomainEvent;
    expect(broadcastDecider.evolve(broadcastDecider.initialState, stranger as never)).toBe(
      broadcastDecider.initialState,
    );
    expect(broadcastDecider.initialState).toStrictEqual({ known: false });
  });
});
