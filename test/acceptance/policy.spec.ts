import { expect, test } from '@jest/globals';
import { invalid } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import { postBulk } from '../support/bulk-steps.js';
import { postMessage } from '../support/broadcast-steps.js';
import { expectSuccess, inHours, openLead, postInteraction, postStatus, uniqueId } from '../support/api-steps.js';

/** Settings of an organization's policy. The defaults are tested by the specs of each feature. */
const app = setupApp({
  OPT_OUT_KEYWORDS: 'baja, No Más',
  ATTRIBUTION_WINDOW_HOURS: '2',
  LOST_NEEDS_REASON: 'on',
  FIRST_MESSAGE_MAKES_CONTACTED: 'off',
});

test('OPT_OUT_KEYWORDS replaces the default opt-out keywords, except STOP', async () => {
  for (const text of ['BAJA', ' no más! ', 'Stop'])
    expect(await postInteraction(app, { text })).toMatchObject({ leadCreated: false, leadId: null, changed: true });
  for (const text of ['unsubscribe', 'baja?, no', 'no mas'])
    expect(await postInteraction(app, { text })).toMatchObject({ leadCreated: true });
});

test('ATTRIBUTION_WINDOW_HOURS limits the attribution of replies that name no message', async () => {
  const { contactId: soon, broadcastId } = await postMessage(app, { sentAt: inHours(-1) });
  const { contactId: late } = await postMessage(app, { sentAt: inHours(-3) });
  const originOf = async (contactId: string) =>
    (await postInteraction(app, { contactId, kind: 'broadcast_reply' })).lead.origin;
  expect(await originOf(soon)).toMatchObject({ attribution: 'window', broadcastId });
  expect(await originOf(late)).toMatchObject({ attribution: 'none', broadcastId: null });
});

test('LOST_NEEDS_REASON rejects losing a lead without a reason, also in bulk', async () => {
  const { id } = await openLead(app);
  expect(await app.post(`/v1/leads/${id}/status`, { status: 'lost', note: 'no word' })).toMatchObject(
    invalid('reason'),
  );
  expect(await app.post(`/v1/leads/${id}/status`, { status: 'lost', reason: '  ' })).toMatchObject(invalid('reason'));
  const { body } = await postBulk(app, { action: { type: 'change_status', status: 'lost' }, target: { ids: [id] } });
  expect(body.results).toMatchObject([{ outcome: 'rejected', code: 'validation_failed' }]);
  expect(await postStatus(app, id, 'lost', { reason: 'Bought elsewhere' })).toMatchObject({ changed: true });
  const { id: archivedId } = await openLead(app);
  expect(await postStatus(app, archivedId, 'archived')).toMatchObject({ changed: true });
});

test('FIRST_MESSAGE_MAKES_CONTACTED=off keeps a lead new after the first outbound message', async () => {
  const { id } = await openLead(app);
  const response = expectSuccess(
    await app.post(`/v1/leads/${id}/messages`, { messageId: uniqueId('out'), text: 'Hello' }),
  );
  expect(response).toMatchObject({ changed: true, lead: { status: 'new' } });
});
