import { describe, it } from '@jest/globals';
import { createBroadcast, givenBroadcast } from '#test/support/given-message';

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
});
