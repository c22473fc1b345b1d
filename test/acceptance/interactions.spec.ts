import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  getAllLeads,
  getContactHistory,
  getLead,
  getLeadHistory,
  idempotencyKey,
  inHours,
  inMinutes,
  inMs,
  interactionBody,
  openClosedLead,
  openLead,
  postInteraction,
  postStatus,
  retryWhileUnavailable,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();

describe('an interaction', () => {
  test('a contact’s first interaction opens a lead and returns it whole', async () => {
    const body = interactionBody({
      text: 'Hello',
      profile: { name: 'Ana', phone: '+4915112345678', email: 'ana@example.org' },
    });
    const response = await app.post('/v1/interactions', body);
    const { interactionId, leadId } = response.body;
    const anyTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(response).toMatchObject({ status: 201, body: { leadCreated: true, changed: true, version: 2 } });
    expect(response.body.lead).toEqual({
      id: leadId,
      contactId: body.contactId,
      ordinal: 1,
      previousLeadId: null,
      contact: { name: 'Ana', phone: '+4915112345678', email: 'ana@example.org' },
      channel: 'whatsapp',
      origin: { kind: 'chat', attribution: 'none', broadcastId: null, campaign: null, interactionId },
      status: 'new',
      active: true,
      statusChangedAt: anyTime,
      closedAt: null,
      reason: null,
      qualification: expect.objectContaining({
        score: null,
        source: null,
        pinned: false,
        model: null,
        rationale: null,
        factors: [],
        scoredAt: null,
        suggestion: null,
      }),
      agent: null,
      assignedAt: null,
      followUps: { open: 0, nextDueAt: null, nextId: null },
      lastInteractionAt: anyTime,
      createdAt: anyTime,
      updatedAt: anyTime,
      version: 2,
      actions: { changeStatus: true, assign: true, createFollowUp: true, viewHistory: true, openChat: true },
    });
    expect(await getLead(app, leadId, response.body.position)).toEqual(response.body.lead);
  });

  test('a contact’s next interaction joins the same lead', async () => {
    const { id, contactId, lastInteractionAt } = await openLead(app);
    const next = await app.post('/v1/interactions', interactionBody({ contactId, channel: 'sms' }));
    expect(next).toMatchObject({ status: 201, body: { leadId: id, leadCreated: false, changed: true, version: 3 } });
    expect(next.body.lead.channel).toBe('whatsapp');
    expect(next.body.lead.lastInteractionAt! >= lastInteractionAt!).toBe(true);
  });

  test.each([
    ['whatsapp', 'chat'],
    ['sms', 'broadcast_reply'],
    ['email', 'chat'],
    ['webchat', 'chat'],
    ['facebook', 'chat'],
    ['instagram', 'chat'],
    ['telegram', 'chat'],
    ['integration', 'integration'],
  ])('an interaction by %s of kind %s sets the lead’s channel and origin', async (channel, kind) => {
    const lead = await openLead(app, { channel, kind, integration: { form: 'contact', fields: { budget: 10 } } });
    expect(lead).toMatchObject({ channel, origin: { kind, attribution: 'none' } });
  });

  test('an interaction accepts media, a contactId of 128 characters and 64 KiB of text', async () => {
    const contactId = 'ü'.repeat(128);
    const { lead } = await postInteraction(app, {
      contactId,
      text: 'é'.repeat(32_768),
      media: [{ url: 'https://example.org/a.png' }],
    });
    expect(lead.contactId).toBe(contactId);
    const [, , recorded] = await getContactHistory(app, contactId, { after: (await postInteraction(app)).position });
    expect(recorded).toMatchObject({ type: 'InteractionRecorded', data: { text: 'é'.repeat(32_768) } });
  });

  test('a contactId may contain slashes, spaces and emoji', async () => {
    const contactId = 'a/b?c=d&e #%41 🙂';
    const { position, leadId } = await postInteraction(app, { contactId });
    expect(await getContactHistory(app, contactId, { after: position })).toHaveLength(3);
    expect((await getLead(app, leadId, position)).contactId).toBe(contactId);
  });

  test.each([
    ['contactId', ''],
    ['contactId', 'x'.repeat(129)],
    ['contactId', 7],
    ['contactId', null],
    ['contactId', 'nul\u0000'],
    ['messageId', ''],
    ['messageId', 'x'.repeat(129)],
    ['channel', 'fax'],
    ['channel', null],
    ['kind', 'reaction'],
    ['text', 'é'.repeat(32_769)],
    ['text', 12],
    ['occurredAt', 'yesterday'],
    ['occurredAt', '2026-02-30T10:00:00Z'],
    ['occurredAt', '2026-03-01T10:00:00'],
    ['occurredAt', 1_700_000_000],
    ['inReplyTo', ''],
    ['profile', 'Ana'],
    ['profile', null],
    ['media', 7],
  ])('an interaction with %s %j is rejected and registers no contact', async (field, value) => {
    const body = interactionBody({ [field]: value });
    expect(await app.post('/v1/interactions', body)).toMatchObject(invalid(field));
    if (field !== 'contactId')
      expect(await app.get(`/v1/contacts/${body.contactId}/history`)).toMatchObject(refused('not_found'));
  });

  test.each(['contactId', 'channel', 'kind', 'messageId'])('an interaction without %s is rejected', async (field) => {
    expect(await app.post('/v1/interactions', interactionBody({ [field]: undefined }))).toMatchObject(invalid(field));
  });

  test('the rejection of an unknown channel lists the allowed channels', async () => {
    const { body } = await app.post('/v1/interactions', interactionBody({ channel: 'fax' }));
    expect(body.errors[0]?.message).toContain(
      'whatsapp, sms, email, webchat, facebook, instagram, telegram, integration',
    );
  });
});

describe('a repeated message', () => {
  test('repeating a message changes nothing and returns 200 with the same ids', async () => {
    const body = interactionBody();
    const first = await app.post('/v1/interactions', body);
    const again = await app.post('/v1/interactions', body);
    const { interactionId, leadId } = first.body;
    expect(again).toMatchObject({
      status: 200,
      body: { interactionId, leadId, leadCreated: false, changed: false, version: 2 },
    });
    expect(again.headers.get('location')).toBeNull();
  });

  test('repeating a message returns its lead even after that lead was closed and another opened', async () => {
    const body = interactionBody();
    const { interactionId, leadId } = (await app.post('/v1/interactions', body)).body;
    const same = { status: 200, body: { interactionId, leadId, leadCreated: false, changed: false } };
    await postStatus(app, leadId, 'lost');
    expect(await app.post('/v1/interactions', body)).toMatchObject(same);
    const second = await postInteraction(app, { contactId: body.contactId });
    expect(second).toMatchObject({ leadCreated: true, lead: { ordinal: 2 } });
    const again = await app.post('/v1/interactions', body);
    expect(again).toMatchObject({ ...same, body: { ...same.body, lead: { id: leadId, status: 'lost' } } });
    expect(await getLeadHistory(app, second.leadId, { after: again.body.position })).toHaveLength(2);
  });

  test('a message repeated with another text, profile and time is still a duplicate', async () => {
    const body = interactionBody({ text: 'one', profile: { name: 'One' } });
    const { interactionId } = (await app.post('/v1/interactions', body)).body;
    const variant = { ...body, text: 'two', profile: { name: 'Two' }, occurredAt: inHours(-1) };
    const again = await app.post('/v1/interactions', variant);
    expect(again).toMatchObject({
      status: 200,
      body: { interactionId, changed: false, lead: { contact: { name: 'One' } } },
    });
  });

  test('the same messageId on another channel or of another contact is another message', async () => {
    const body = interactionBody();
    const first = await postInteraction(app, body);
    const byMail = await postInteraction(app, { ...body, channel: 'email' });
    const ofOther = await postInteraction(app, { ...body, contactId: uniqueId('contact') });
    expect(new Set([first, byMail, ofOther].map((response) => response.interactionId)).size).toBe(3);
    expect(byMail.leadId).toBe(first.leadId);
    expect(ofOther.leadCreated).toBe(true);
  });

  test('20 concurrent copies of a message are recorded as one interaction', async () => {
    const body = interactionBody();
    const responses = await Promise.all(Array.from({ length: 20 }, () => app.post('/v1/interactions', body)));
    expect(responses.map((response) => response.status).toSorted()).toEqual([...Array<number>(19).fill(200), 201]);
    expect(new Set(responses.map(({ body: { interactionId, leadId } }) => `${interactionId} ${leadId}`)).size).toBe(1);
    expect(responses.filter(({ body }) => body.leadCreated)).toHaveLength(1);
    const { leadId, position } = responses[0]!.body;
    const entries = await getLeadHistory(app, leadId, { after: position });
    expect(entries.map((entry) => entry.type)).toEqual(['LeadOpened', 'InteractionRecorded']);
  });
});

test('200 concurrent interactions of one new contact open one lead', async () => {
  const contactId = uniqueId('contact');
  const responses = await Promise.all(
    Array.from({ length: 200 }, () => {
      const body = interactionBody({ contactId });
      // With a key, a retry after a 503 of a busy log is the same command and gets the same response.
      const key = idempotencyKey();
      return retryWhileUnavailable(() => app.post('/v1/interactions', body, key));
    }),
  );
  expect(new Set(responses.map((response) => response.status))).toEqual(new Set([201]));
  expect(new Set(responses.map((response) => response.body.leadId)).size).toBe(1);
  expect(responses.filter((response) => response.body.leadCreated)).toHaveLength(1);
  expect(responses.map((response) => response.body.version).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 200 }, (_, index) => index + 2),
  );
  const after = responses.find((response) => response.body.version === 201)!.body.position;
  expect(await getAllLeads(app, { contactId, after })).toMatchObject([{ version: 201, ordinal: 1 }]);
});

describe('an interaction after the lead was closed', () => {
  test.each(['converted', 'lost', 'archived'])(
    'an interaction after the lead was closed as %s opens the next lead, which names the previous one',
    async (status) => {
      const closed = await openClosedLead(app, status);
      const next = await postInteraction(app, { contactId: closed.contactId, channel: 'email' });
      expect(next).toMatchObject({
        leadCreated: true,
        lead: { ordinal: 2, previousLeadId: closed.id, status: 'new', active: true, channel: 'email', version: 2 },
      });
      const { items } = (
        await app.get<{ items: object[] }>('/v1/leads', {
          contactId: closed.contactId,
          sort: 'createdAt',
          after: next.position,
        })
      ).body;
      expect(items).toMatchObject([
        { id: closed.id, status, active: false },
        { id: next.leadId, status: 'new' },
      ]);
      expect(await getContactHistory(app, closed.contactId, { after: next.position })).toMatchObject([
        { type: 'ContactRegistered', leadId: null, leadOrdinal: null },
        { type: 'LeadOpened', leadOrdinal: 1 },
        { type: 'InteractionRecorded', leadOrdinal: 1 },
        { type: 'LeadStatusChanged', leadOrdinal: 1 },
        { type: 'LeadOpened', leadOrdinal: 2 },
        { type: 'InteractionRecorded', leadOrdinal: 2 },
      ]);
    },
  );

  test('concurrent interactions after the lead was closed open one lead', async () => {
    const { contactId, id } = await openClosedLead(app);
    const responses = await Promise.all(Array.from({ length: 30 }, () => postInteraction(app, { contactId })));
    expect(responses.filter((response) => response.leadCreated)).toHaveLength(1);
    expect(new Set(responses.map((response) => response.leadId)).size).toBe(1);
    expect(responses[0]!.lead).toMatchObject({ ordinal: 2, previousLeadId: id });
  });
});

describe('a late interaction', () => {
  test('a late interaction joins the active lead, whatever its time', async () => {
    const { id, contactId, createdAt, lastInteractionAt } = await openLead(app);
    const late = await postInteraction(app, { contactId, occurredAt: '2020-01-01T00:00:00Z' });
    expect(late).toMatchObject({ leadId: id, leadCreated: false, lead: { createdAt, lastInteractionAt, version: 3 } });
    const [first] = await getLeadHistory(app, id, { after: late.position });
    expect(first).toMatchObject({ type: 'InteractionRecorded', occurredAt: '2020-01-01T00:00:00.000Z' });
  });

  test('a late interaction of a new contact opens a lead that is created now', async () => {
    const before = new Date().toISOString();
    const { lead } = await postInteraction(app, { occurredAt: '2020-01-01T00:00:00Z' });
    expect(lead.lastInteractionAt).toBe('2020-01-01T00:00:00.000Z');
    expect(lead.createdAt >= before).toBe(true);
  });

  test('an interaction from before the lead was closed joins the closed lead', async () => {
    const { id, contactId, closedAt, version } = await openClosedLead(app);
    const late = await postInteraction(app, {
      contactId,
      occurredAt: new Date(Date.parse(closedAt!) - 1).toISOString(),
    });
    expect(late).toMatchObject({
      leadId: id,
      leadCreated: false,
      changed: true,
      lead: { status: 'lost', closedAt, version: version + 1 },
    });
    expect(await getAllLeads(app, { contactId, after: late.position })).toHaveLength(1);
  });

  test('an interaction from the time of the closing or later opens the next lead', async () => {
    const same = await openClosedLead(app);
    expect(await postInteraction(app, { contactId: same.contactId, occurredAt: same.closedAt })).toMatchObject({
      leadCreated: true,
    });
    const later = await openClosedLead(app);
    const occurredAt = new Date(Date.parse(later.closedAt!) + 1).toISOString();
    expect(await postInteraction(app, { contactId: later.contactId, occurredAt })).toMatchObject({
      leadCreated: true,
    });
  });

  test('an interaction time in whole seconds is late only before the second of the closing', async () => {
    const toSecond = (time: string, offsetMs = 0): string =>
      `${new Date(Date.parse(time) + offsetMs).toISOString().slice(0, 19)}Z`;
    const same = await openClosedLead(app);
    expect(
      await postInteraction(app, { contactId: same.contactId, occurredAt: toSecond(same.closedAt!) }),
    ).toMatchObject({
      leadCreated: true,
    });
    const before = await openClosedLead(app);
    expect(
      await postInteraction(app, { contactId: before.contactId, occurredAt: toSecond(before.closedAt!, -1_000) }),
    ).toMatchObject({
      leadCreated: false,
      leadId: before.id,
    });
  });

  test('an interaction time in tenths of a second is late only before the tenth of the closing', async () => {
    const toTenth = (time: string, offsetMs = 0): string =>
      `${new Date(Date.parse(time) + offsetMs).toISOString().slice(0, 21)}+00:00`;
    const same = await openClosedLead(app);
    expect(
      await postInteraction(app, { contactId: same.contactId, occurredAt: toTenth(same.closedAt!) }),
    ).toMatchObject({
      leadCreated: true,
    });
    const before = await openClosedLead(app);
    expect(
      await postInteraction(app, { contactId: before.contactId, occurredAt: toTenth(before.closedAt!, -100) }),
    ).toMatchObject({
      leadCreated: false,
    });
  });

  test('an interaction without occurredAt after the closing opens the next lead', async () => {
    const { contactId } = await openClosedLead(app);
    expect(await postInteraction(app, { contactId })).toMatchObject({ leadCreated: true, lead: { ordinal: 2 } });
  });

  test('a late interaction sent twice is recorded once', async () => {
    const { contactId, id } = await openClosedLead(app);
    const late = interactionBody({ contactId, occurredAt: inHours(-1) });
    const { interactionId } = await postInteraction(app, late);
    const again = await app.post('/v1/interactions', late);
    expect(again).toMatchObject({ status: 200, body: { interactionId, leadId: id, changed: false } });
  });

  test('a late interaction from the time of the first lead joins the active second lead', async () => {
    const { contactId, createdAt } = await openClosedLead(app);
    const { leadId } = await postInteraction(app, { contactId });
    expect(await postInteraction(app, { contactId, occurredAt: createdAt })).toMatchObject({
      leadId,
      leadCreated: false,
    });
  });
});

describe('an interaction from the future', () => {
  test('an interaction up to five minutes in the future is accepted because clocks differ', async () => {
    expect(await postInteraction(app, { occurredAt: inMinutes(4.5) })).toMatchObject({ leadCreated: true });
  });

  test('an interaction more than five minutes in the future is rejected and registers no contact', async () => {
    const body = interactionBody({ occurredAt: inMinutes(5.5) });
    expect(await app.post('/v1/interactions', body)).toMatchObject(invalid('occurredAt'));
    expect(await app.get(`/v1/contacts/${body.contactId}/history`)).toMatchObject(refused('not_found'));
  });

  test('lastInteractionAt is the latest time of an interaction, not the time of the last one recorded', async () => {
    const { contactId } = await openLead(app);
    const occurredAt = inMs(60_000);
    await postInteraction(app, { contactId, occurredAt });
    expect((await postInteraction(app, { contactId })).lead.lastInteractionAt).toBe(occurredAt);
  });
});

describe('an opt-out', () => {
  test.each(['STOP', 'stop', ' Stop! ', 'unsubscribe', 'Opt-Out.'])(
    'the opt-out keyword %j opens no lead',
    async (text) => {
      const body = interactionBody({ text });
      const response = await app.post('/v1/interactions', body);
      expect(response).toMatchObject({
        status: 201,
        body: { leadId: null, lead: null, leadCreated: false, changed: true },
      });
      expect(response.headers.get('etag')).toBeNull();
      const { interactionId, position } = response.body;
      expect(await getAllLeads(app, { contactId: body.contactId, after: position })).toEqual([]);
      expect(await getContactHistory(app, body.contactId, { after: position })).toMatchObject([
        { type: 'ContactRegistered' },
        { id: interactionId, type: 'ContactOptedOut', leadId: null, leadOrdinal: null },
      ]);
      expect(await app.post('/v1/interactions', body)).toMatchObject({
        status: 200,
        body: { interactionId, leadId: null, lead: null, changed: false },
      });
    },
  );

  test('an opt-out leaves the active lead unchanged', async () => {
    const { id, contactId, version } = await openLead(app);
    const optOut = await postInteraction(app, { contactId, text: 'stop' });
    expect(optOut).toMatchObject({ leadId: null, lead: null });
    expect(await getLead(app, id, optOut.position)).toMatchObject({ active: true, version });
  });

  test('an opt-out keyword within a sentence is an ordinary message', async () => {
    expect(await postInteraction(app, { text: 'please stop by at ten' })).toMatchObject({ leadCreated: true });
  });
});

describe('a profile', () => {
  test('a changed profile shows on all leads of the contact without changing their versions', async () => {
    const first = await openClosedLead(app, 'lost', { profile: { name: 'Ana', phone: '+49151' } });
    const { contactId } = first;
    const second = await postInteraction(app, { contactId });
    const changed = await postInteraction(app, { contactId, profile: { name: 'Ana Maria', email: 'ana@example.org' } });
    const contact = { name: 'Ana Maria', phone: '+49151', email: 'ana@example.org' };
    expect(changed.lead).toMatchObject({ contact, version: 3 });
    const shown = await getAllLeads(app, { contactId, sort: 'createdAt', after: changed.position });
    expect(shown).toMatchObject([
      { id: first.id, contact, version: first.version },
      { id: second.leadId, contact, version: 3 },
    ]);
    const entry = (await getContactHistory(app, contactId, { type: 'ContactProfileChanged' }))[0];
    expect(entry).toMatchObject({
      data: { from: { name: 'Ana', email: null }, to: { name: 'Ana Maria', phone: '+49151' } },
    });
  });

  test('a profile without new values is not recorded as a change', async () => {
    const { contactId } = await openLead(app, { profile: { name: 'Ana' } });
    const { position } = await postInteraction(app, { contactId, profile: { name: 'Ana' } });
    expect(await getContactHistory(app, contactId, { type: 'ContactProfileChanged', after: position })).toEqual([]);
  });

  test.each([
    ['name', ''],
    ['name', 7],
    ['phone', 'x'.repeat(257)],
    ['email', 'unknown'],
  ])('a profile with %s %j is rejected, naming the field’s path', async (field, value) => {
    expect(await app.post('/v1/interactions', interactionBody({ profile: { [field]: value } }))).toMatchObject(
      invalid(`profile.${field}`),
    );
  });
});
