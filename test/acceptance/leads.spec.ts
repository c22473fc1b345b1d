import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getAllLeads,
  getContactHistory,
  getLead,
  getLeadHistory,
  openClosedLead,
  openLead,
  postInteraction,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();
const create = (body: object, headers = {}) => app.post('/v1/leads', body, headers);

describe('creating a lead', () => {
  test('creating a lead returns it as new and active and registers its contact', async () => {
    const contactId = uniqueId('contact');
    const response = await create({
      contactId,
      channel: 'email',
      profile: { name: 'Ana', email: 'ana@example.org' },
      note: 'met at the fair',
    });
    const { lead } = response.body;
    expect(response).toMatchObject({ status: 201, body: { changed: true, version: 1 } });
    expect(response.headers.get('location')).toBe(`/v1/leads/${lead.id}`);
    expect(lead).toMatchObject({
      contactId,
      ordinal: 1,
      previousLeadId: null,
      contact: { name: 'Ana', phone: null, email: 'ana@example.org' },
      channel: 'email',
      origin: { kind: 'manual', attribution: 'none', broadcastId: null, campaign: null, interactionId: null },
      status: 'new',
      active: true,
      lastInteractionAt: null,
      version: 1,
    });
    expect(await getLead(app, lead.id, response.body.position)).toEqual(lead);
    expect(await getContactHistory(app, contactId)).toMatchObject([
      { type: 'ContactRegistered' },
      { type: 'LeadOpened', data: { note: 'met at the fair' } },
    ]);
  });

  test('creating a lead requires only a contactId', async () => {
    const { lead } = expectSuccess(await create({ contactId: uniqueId('contact') }));
    expect(lead).toMatchObject({ channel: null, contact: { name: null, phone: null, email: null } });
  });

  test('creating a lead with origin integration keeps that origin', async () => {
    const { lead } = expectSuccess(await create({ contactId: uniqueId('contact'), origin: 'integration' }));
    expect(lead.origin.kind).toBe('integration');
  });

  test('the contact’s next message joins the created lead and sets its channel', async () => {
    const { lead } = expectSuccess(await create({ contactId: uniqueId('contact') }));
    const interaction = await postInteraction(app, { contactId: lead.contactId, channel: 'telegram' });
    expect(interaction).toMatchObject({
      leadId: lead.id,
      leadCreated: false,
      lead: { channel: 'telegram', version: 2 },
    });
  });

  test('creating a lead is rejected while the contact has an active lead, naming that lead', async () => {
    const { id, contactId, version } = await openLead(app);
    expect(await create({ contactId, profile: { name: 'New name' } })).toMatchObject(
      refused('active_lead_exists', { activeLeadId: id }),
    );
    const [lead] = await getAllLeads(app, { contactId, after: (await postInteraction(app)).position });
    expect(lead).toMatchObject({ version, contact: { name: null } });
  });

  test('a lead created after a closed one names it as the previous lead', async () => {
    const { id, contactId } = await openClosedLead(app, 'archived');
    expect(expectSuccess(await create({ contactId })).lead).toMatchObject({ ordinal: 2, previousLeadId: id });
  });

  test('of 50 concurrent requests to create a lead for one contact one succeeds', async () => {
    const contactId = uniqueId('contact');
    const responses = await Promise.all(Array.from({ length: 50 }, () => create({ contactId })));
    const [created] = responses.filter((response) => response.status === 201);
    const activeLeadId = created!.body.lead.id;
    for (const response of responses.filter((response) => response !== created))
      expect(response).toMatchObject(refused('active_lead_exists', { activeLeadId }));
  });

  test('creating a lead concurrently with the contact’s first messages makes one lead', async () => {
    const contactId = uniqueId('contact');
    const [created] = await Promise.all([
      create({ contactId }),
      ...Array.from({ length: 10 }, () => postInteraction(app, { contactId })),
    ]);
    const { position } = await postInteraction(app, { contactId });
    expect(await getAllLeads(app, { contactId, after: position })).toMatchObject([{ ordinal: 1 }]);
    expect([201, 409]).toContain(created.status);
  });

  test.each([
    [{}, ['contactId']],
    [{ contactId: null }, ['contactId']],
    [{ contactId: ['x'] }, ['contactId']],
    [{ contactId: 'x', origin: 'chat' }, ['origin']],
    [{ contactId: 'x', channel: 'fax' }, ['channel']],
    [{ contactId: 'x', note: 7 }, ['note']],
    [{ contactId: 'x', status: 'qualified' }, ['status']],
    [{ contactId: 'x', profile: [] }, ['profile']],
    [{ contactId: 'x', profile: [{ name: 'Ana' }] }, ['profile']],
    [{ contactId: 'x', profile: { nickname: 'A', name: 7 } }, ['profile.nickname', 'profile.name']],
  ])('creating a lead with %j is rejected, naming the fields', async (body, fields) => {
    expect(await create(body)).toMatchObject(invalid(...fields));
  });

  test('creating a lead with If-Match is rejected', async () => {
    expect(await create({ contactId: uniqueId('contact') }, { 'if-match': '"1"' })).toMatchObject(invalid('If-Match'));
  });
});

describe('reading a lead', () => {
  test('reading a lead returns its version as ETag and the view’s position as X-Position', async () => {
    const { leadId, position } = await postInteraction(app);
    const response = await app.get(`/v1/leads/${leadId}`, { after: position });
    expect(response.headers.get('etag')).toBe('"2"');
    expect(response.headers.get('x-position')! >= position).toBe(true);
  });

  test.each(['nope', 'aaaaaaaaaaaaaaaaaaaaaaaaaa-1', '%F0%9F%99%82', '..%2f..', 'constructor'])(
    'reading the unknown lead %s returns not_found',
    async (id) => {
      expect(await app.get(`/v1/leads/${id}`)).toMatchObject(refused('not_found'));
    },
  );

  test('the history shows the actor of X-Actor with the agent’s name', async () => {
    await app.post('/v1/agents', { id: 'ana', name: 'Ana' });
    const { id } = await openLead(app);
    const { position } = expectSuccess(
      await app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, { 'x-actor': 'agent:ana' }),
    );
    expect((await getLeadHistory(app, id, { after: position })).at(-1)).toMatchObject({
      actor: { type: 'agent', id: 'ana', name: 'Ana' },
    });
  });
});
