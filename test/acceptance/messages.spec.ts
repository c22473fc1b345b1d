import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  inHours,
  getLeadHistory,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();
const sends = (leadId: string, body: object = {}, headers = {}) =>
  app.post(`/v1/leads/${leadId}/messages`, { messageId: uniqueId('out'), ...body }, headers);

describe('the first message of an agent', () => {
  test('moves a new lead to contacted: the system does, because of that message', async () => {
    const { id } = await openLead(app);
    const response = await sends(id, { text: 'Good morning' }, { 'x-actor': 'agent:ana' });
    expect(response).toMatchObject({ status: 201, body: { changed: true, version: 4, lead: { status: 'contacted' } } });
    expect(response.headers.get('location')).toBe(`/v1/leads/${id}/history`);
    const [message, change] = (await getLeadHistory(app, id, { after: response.body.position })).slice(-2);
    expect(message).toMatchObject({
      type: 'OutboundMessageRecorded',
      actor: { type: 'agent', id: 'ana' },
      data: { text: 'Good morning', channel: 'whatsapp' },
    });
    expect(change).toMatchObject({
      type: 'LeadStatusChanged',
      actor: { type: 'system' },
      cause: message!.id,
      data: { from: 'new', to: 'contacted' },
    });
  });

  test('is followed by others, which move nothing', async () => {
    const { id } = await openLead(app);
    expectSuccess(await sends(id));
    expect(expectSuccess(await sends(id))).toMatchObject({ changed: true, version: 5, lead: { status: 'contacted' } });
  });

  test('never goes over a person’s change', async () => {
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualified');
    await postStatus(app, id, 'new');
    expect(expectSuccess(await sends(id))).toMatchObject({ lead: { status: 'new' } });
  });

  test('leaves a lead that is further on where it is', async () => {
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualifying');
    expect(expectSuccess(await sends(id))).toMatchObject({ lead: { status: 'qualifying' } });
  });
});

describe('a message', () => {
  test('of the same id again: 200, nothing changed, even in parallel', async () => {
    const { id } = await openLead(app);
    const body = { messageId: uniqueId('out') };
    const responses = await Promise.all(Array.from({ length: 10 }, () => sends(id, body)));
    expect(responses.map((response) => response.status).toSorted()).toEqual([...Array<number>(9).fill(200), 201]);
    expect(await sends(id, { ...body, text: 'other words' })).toMatchObject({
      status: 200,
      body: { changed: false, version: 4 },
    });
  });

  test('on a channel of its own, sent earlier, is on record as it happened', async () => {
    const { id } = await openLead(app);
    const sentAt = inHours(-3);
    const { position } = expectSuccess(await sends(id, { channel: 'email', sentAt, text: 'Hi' }));
    const [first] = await getLeadHistory(app, id, { after: position });
    expect(first).toMatchObject({ type: 'OutboundMessageRecorded', occurredAt: sentAt, data: { channel: 'email' } });
  });

  test('to a lead without a channel must name one', async () => {
    const { lead } = expectSuccess(await app.post('/v1/leads', { contactId: uniqueId('contact') }));
    expect(await sends(lead.id)).toMatchObject(invalid('channel'));
    expect(await sends(lead.id, { channel: 'sms' })).toMatchObject({ status: 201 });
  });

  test('is no interaction', async () => {
    const { id, lastInteractionAt, contactId } = await openLead(app);
    expect(expectSuccess(await sends(id)).lead.lastInteractionAt).toBe(lastInteractionAt);
    await postStatus(app, id, 'lost');
    expect(expectSuccess(await sends(id)).lead).toMatchObject({ status: 'lost', active: false });
    expect(await postInteraction(app, { contactId })).toMatchObject({ leadCreated: true, lead: { ordinal: 2 } });
  });

  test.each([
    [{ messageId: undefined }, ['messageId']],
    [{ messageId: '' }, ['messageId']],
    [{ channel: 'fax' }, ['channel']],
    [{ text: 7 }, ['text']],
    [{ text: 'x'.repeat(65_537) }, ['text']],
    [{ sentAt: 'now' }, ['sentAt']],
    [{ to: 'x' }, ['to']],
  ])('with %j is refused by name', async (body, fields) => {
    const { id } = await openLead(app);
    expect(await sends(id, body)).toMatchObject(invalid(...fields));
  });

  test('to a lead that is not there is not found', async () => {
    expect(await sends('nope')).toMatchObject(refused('not_found'));
  });
});
