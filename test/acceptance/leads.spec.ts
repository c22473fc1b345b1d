import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  getAllLeads,
  openClosedLead,
  getContactHistory,
  expectSuccess,
  getLeadHistory,
  getLead,
  openLead,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();
const create = (body: object, headers = {}) => app.post('/v1/leads', body, headers);

describe('a lead made by hand', () => {
  test('is new and active, and its contact is known from then on', async () => {
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

  test('needs nothing but a contact', async () => {
    const { lead } = expectSuccess(await create({ contactId: uniqueId('contact') }));
    expect(lead).toMatchObject({ channel: null, contact: { name: null, phone: null, email: null } });
  });

  test('by an integration says so', async () => {
    const { lead } = expectSuccess(await create({ contactId: uniqueId('contact'), origin: 'integration' }));
    expect(lead.origin.kind).toBe('integration');
  });

  test('is fed by the contact’s next message, which tells its channel', async () => {
    const { lead } = expectSuccess(await create({ contactId: uniqueId('contact') }));
    const said = await postInteraction(app, { contactId: lead.contactId, channel: 'telegram' });
    expect(said).toMatchObject({ leadId: lead.id, leadCreated: false, lead: { channel: 'telegram', version: 2 } });
  });

  test('is refused while the contact has an active one, which is named', async () => {
    const { id, contactId, version } = await openLead(app);
    expect(await create({ contactId, profile: { name: 'New name' } })).toMatchObject(
      refused('active_lead_exists', { activeLeadId: id }),
    );
    const [lead] = await getAllLeads(app, { contactId, after: (await postInteraction(app)).position });
    expect(lead).toMatchObject({ version, contact: { name: null } });
  });

  test('after a closed one is the next one', async () => {
    const { id, contactId } = await openClosedLead(app, 'archived');
    expect(expectSuccess(await create({ contactId })).lead).toMatchObject({ ordinal: 2, previousLeadId: id });
  });

  test('50 times at once is one lead', async () => {
    const contactId = uniqueId('contact');
    const responses = await Promise.all(Array.from({ length: 50 }, () => create({ contactId })));
    const [made] = responses.filter((response) => response.status === 201);
    const activeLeadId = made!.body.lead.id;
    for (const response of responses.filter((response) => response !== made))
      expect(response).toMatchObject(refused('active_lead_exists', { activeLeadId }));
  });

  test('at once with the contact’s first messages is one lead', async () => {
    const contactId = uniqueId('contact');
    const [made] = await Promise.all([
      create({ contactId }),
      ...Array.from({ length: 10 }, () => postInteraction(app, { contactId })),
    ]);
    const { position } = await postInteraction(app, { contactId });
    expect(await getAllLeads(app, { contactId, after: position })).toMatchObject([{ ordinal: 1 }]);
    expect([201, 409]).toContain(made.status);
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
  ])('with %j is refused by name', async (body, fields) => {
    expect(await create(body)).toMatchObject(invalid(...fields));
  });

  test('has no version to match', async () => {
    expect(await create({ contactId: uniqueId('contact') }, { 'if-match': '"1"' })).toMatchObject(invalid('If-Match'));
  });
});

describe('one lead', () => {
  test('is read with its version as ETag, and how far the view is', async () => {
    const { leadId, position } = await postInteraction(app);
    const response = await app.get(`/v1/leads/${leadId}`, { after: position });
    expect(response.headers.get('etag')).toBe('"2"');
    expect(response.headers.get('x-position')! >= position).toBe(true);
  });

  test.each(['nope', 'aaaaaaaaaaaaaaaaaaaaaaaaaa-1', '%F0%9F%99%82', '..%2f..', 'constructor'])(
    '%s is not found',
    async (id) => {
      expect(await app.get(`/v1/leads/${id}`)).toMatchObject(refused('not_found'));
    },
  );

  test('who did something is on record, with a name', async () => {
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
