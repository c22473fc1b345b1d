import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getLeadHistory,
  inHours,
  openLead,
  postInteraction,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();
const postOutbound = (leadId: string, body: object = {}, headers = {}) =>
  app.post(`/v1/leads/${leadId}/messages`, { messageId: uniqueId('out'), ...body }, headers);

describe('the first outbound message', () => {
  test('the first outbound message moves a new lead to contacted, by the system and caused by the message', async () => {
    const { id } = await openLead(app);
    const response = await postOutbound(id, { text: 'Good morning' }, { 'x-actor': 'agent:ana' });
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

  test('a second outbound message keeps the status', async () => {
    const { id } = await openLead(app);
    expectSuccess(await postOutbound(id));
    expect(expectSuccess(await postOutbound(id))).toMatchObject({
      changed: true,
      version: 5,
      lead: { status: 'contacted' },
    });
  });

  test('an outbound message keeps a status that a person has set', async () => {
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualified');
    await postStatus(app, id, 'new');
    expect(expectSuccess(await postOutbound(id))).toMatchObject({ lead: { status: 'new' } });
  });

  test('an outbound message keeps a status beyond contacted', async () => {
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualifying');
    expect(expectSuccess(await postOutbound(id))).toMatchObject({ lead: { status: 'qualifying' } });
  });
});

describe('an outbound message', () => {
  test('repeating an outbound message id returns 200 and changes nothing, also concurrently', async () => {
    const { id } = await openLead(app);
    const body = { messageId: uniqueId('out') };
    const responses = await Promise.all(Array.from({ length: 10 }, () => postOutbound(id, body)));
    expect(responses.map((response) => response.status).toSorted()).toEqual([...Array<number>(9).fill(200), 201]);
    expect(await postOutbound(id, { ...body, text: 'other words' })).toMatchObject({
      status: 200,
      body: { changed: false, version: 4 },
    });
  });

  test('an outbound message is recorded with its own channel and sending time', async () => {
    const { id } = await openLead(app);
    const sentAt = inHours(-3);
    const { position } = expectSuccess(await postOutbound(id, { channel: 'email', sentAt, text: 'Hi' }));
    const [first] = await getLeadHistory(app, id, { after: position });
    expect(first).toMatchObject({ type: 'OutboundMessageRecorded', occurredAt: sentAt, data: { channel: 'email' } });
  });

  test('an outbound message to a lead without a channel must name a channel', async () => {
    const { lead } = expectSuccess(await app.post('/v1/leads', { contactId: uniqueId('contact') }));
    expect(await postOutbound(lead.id)).toMatchObject(invalid('channel'));
    expect(await postOutbound(lead.id, { channel: 'sms' })).toMatchObject({ status: 201 });
  });

  test('an outbound message does not count as an interaction', async () => {
    const { id, lastInteractionAt, contactId } = await openLead(app);
    expect(expectSuccess(await postOutbound(id)).lead.lastInteractionAt).toBe(lastInteractionAt);
    await postStatus(app, id, 'lost');
    expect(expectSuccess(await postOutbound(id)).lead).toMatchObject({ status: 'lost', active: false });
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
  ])('an outbound message with %j is rejected, naming the fields', async (body, fields) => {
    const { id } = await openLead(app);
    expect(await postOutbound(id, body)).toMatchObject(invalid(...fields));
  });

  test('an outbound message to an unknown lead returns not_found', async () => {
    expect(await postOutbound('nope')).toMatchObject(refused('not_found'));
  });
});
