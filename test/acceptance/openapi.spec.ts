import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiResponse } from '../support/app.js';
import { setupApp } from '../support/app.js';
import { postBulk } from '../support/bulk-steps.js';
import {
  OpenApiValidator,
  findRefs,
  type OpenApiDocument,
  type DocumentedParameter,
  type JsonSchema,
} from '../support/openapi-validator.js';
import { canExport } from '../support/engines.js';
import {
  postAgent,
  postAssignment,
  openClosedLead,
  postFollowUp,
  inHours,
  interactionBody,
  openLead,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const word = 'a word between us';
const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const app = setupApp({
  LOG_LEVEL: 'debug',
  WHATSAPP_APP_SECRET: word,
  WHATSAPP_VERIFY_TOKEN: word,
  TWILIO_AUTH_TOKEN: word,
  SENDGRID_PUBLIC_KEY: keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
});
let api: OpenApiValidator;
beforeAll(async () => {
  api = new OpenApiValidator((await app.get<OpenApiDocument>('/openapi.json')).body);
});

/** A call of an operation: what fills its path, its query, its headers, its body. */
interface Call {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The document would not let it pass, the server does in part. */
  readonly partlyBad?: true;
}
interface Story {
  /** Calls that go well, by what is special about them. */
  readonly good: Readonly<Record<string, () => Promise<Call> | Call>>;
  /** Calls that are refused, by the code of the refusal. */
  readonly refused?: Readonly<Record<string, () => Promise<Call> | Call>>;
  /** Refusals with a status but without a place in the document: a method that the path does not take. */
  readonly otherMethod?: boolean;
}

const toLead = async (body?: unknown): Promise<Call> => ({ path: { id: (await openLead(app)).id }, body });
const toClosedLead = async (body?: unknown): Promise<Call> => ({ path: { id: (await openClosedLead(app)).id }, body });
const toNobody = (body?: unknown): Call => ({ path: { id: 'nobody', fid: 'nothing' }, body });
const moved = async (body?: unknown): Promise<Call> => ({ ...(await toLead(body)), headers: { 'if-match': '"999"' } });
const ofLeads = (body?: unknown): Story['refused'] => ({
  not_found: () => toNobody(body),
  version_mismatch: () => moved(body),
});
const ofActiveLeads = (body?: unknown): Story['refused'] => ({
  ...ofLeads(body),
  lead_inactive: () => toClosedLead(body),
});
const agentId = async (): Promise<string> => (await postAgent(app)).id;
const goneAgentId = async (): Promise<string> => {
  const id = await agentId();
  await app.patch(`/v1/agents/${id}`, { active: false });
  return id;
};

/** A follow-up that was, by whatever it was brought to that. */
async function toFollowUp(done?: 'complete' | 'cancel', body?: unknown): Promise<Call> {
  const { id } = await openLead(app);
  const made = await postFollowUp(app, id);
  if (done) await app.post(`/v1/leads/${id}/follow-ups/${made.followUp.id}/${done}`);
  return { path: { id, fid: made.followUp.id }, body };
}
const ofFollowUps = (body?: unknown): Story['refused'] => ({
  not_found: () => toNobody(body),
  version_mismatch: async () => ({ ...(await toFollowUp(undefined, body)), headers: { 'if-match': '"999"' } }),
});
const broadcast = {
  name: 'Spring',
  channel: 'whatsapp',
  campaign: { id: 'c-1', name: 'Spring' },
  template: { name: 'hello', language: 'en', category: 'marketing', body: 'Hello {{1}}' },
};
const broadcastId = async (): Promise<string> => {
  const id = uniqueId('broadcast');
  await app.post('/v1/broadcasts', { id, ...broadcast });
  return id;
};
const aSend = () => ({ contactId: uniqueId('recipient'), messageId: uniqueId('sent') });
const receipt = (status = 'delivered', more: object = {}) => ({
  ...{ channel: 'whatsapp', messageId: uniqueId('sent'), status, occurredAt: inHours(-1) },
  ...more,
});
/** A broadcast that went to one contact. */
async function sent() {
  const id = await broadcastId();
  const message = aSend();
  const { position } = (await app.post(`/v1/broadcasts/${id}/messages`, { messages: [message] })).body;
  return { id, ...message, position };
}
/** What providers send, signed as they sign it. */
const fromWhatsApp = (body: string): Call => ({
  body,
  headers: { 'X-Hub-Signature-256': `sha256=${createHmac('sha256', word).update(body).digest('hex')}` },
});
const fromTwilio = (form: Readonly<Record<string, string>>): Call => {
  const said = Object.keys(form)
    .sort()
    .map((name) => name + form[name]);
  const signature = createHmac('sha1', word)
    .update(`${app.url}/v1/webhooks/twilio${said.join('')}`)
    .digest('base64');
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return { body: new URLSearchParams(form).toString(), headers: { 'X-Twilio-Signature': signature, ...type } };
};
const fromSendGrid = (body: string): Call => {
  const time = String(Math.floor(Date.now() / 1_000));
  const signature = sign('sha256', Buffer.from(time + body), keys.privateKey).toString('base64');
  const named = 'X-Twilio-Email-Event-Webhook-';
  return { body, headers: { [`${named}Signature`]: signature, [`${named}Timestamp`]: time } };
};
const ofWebhooks = (good: Call): Story['refused'] => ({
  unauthorized: () => ({ ...good, body: `${good.body as string} ` }),
  unsupported_media_type: () => ({ ...good, headers: { ...good.headers, 'content-type': 'text/plain' } }),
  payload_too_large: () => ({ ...good, body: ' '.repeat(1024 * 1024 + 1) }),
});

/** A bulk that was carried out, and one that goes on for a while. */
async function aBulk(...others: readonly string[]) {
  const ids = [(await openLead(app)).id, ...others];
  const { bulkId, position } = (await postBulk(app, { action: { type: 'unassign' }, target: { ids } })).body;
  return { id: bulkId, position };
}
async function aJob() {
  const ids = Array.from({ length: 20_000 }, (_, nth) => `nobody-${nth}`);
  return { id: (await postBulk(app, { action: { type: 'unassign' }, target: { ids } })).body.bulkId };
}

/** A page behind the first. */
async function secondPage(path: string): Promise<Call> {
  const { body } = await app.get(path, { limit: 1 });
  return { query: { limit: '1', cursor: body.nextCursor!, count: 'true' } };
}
const view = {
  after: async (): Promise<Call> => ({ query: { after: (await postInteraction(app)).position, wait: '9000' } }),
};
const badView = { validation_failed: (): Call => ({ query: { wait: 'long' } }) };

const ofStatistics: Story = {
  good: {
    something: async () => {
      const { leadId } = await postInteraction(app);
      const { id } = await postAgent(app);
      await postAssignment(app, leadId, id);
      await app.post(`/v1/leads/${leadId}/messages`, { messageId: uniqueId('out') }, { 'X-Actor': `agent:${id}` });
      const { position } = (await app.post(`/v1/leads/${leadId}/status`, { status: 'converted' })).body;
      return { query: { after: position, wait: '9000' } };
    },
    nothing: () => ({ query: { from: '2001-01-01', to: '2001-02-01', timeZone: 'Asia/Kathmandu' } }),
    hours: () => ({ query: { from: '2026-01-31T09:15:00+01:00', to: '2100-01-01' } }),
  },
  refused: { validation_failed: () => ({ query: { from: 'yesterday' } }) },
};

const stories: Readonly<Record<string, Story>> = {
  'POST /v1/interactions': {
    good: {
      new: () => ({
        body: interactionBody({
          text: 'Hi',
          occurredAt: inHours(-1),
          profile: { name: 'Ana', phone: '+34600000000', email: 'ana@example.org' },
          media: [{ url: 'https://example.org/a.jpg' }],
          integration: { form: 7 },
          inReplyTo: 'wamid.1',
        }),
        headers: { 'X-Actor': 'agent:ana', 'X-Correlation-Id': 'one', 'X-Causation-Id': 'two' },
      }),
      again: async () => {
        const body = interactionBody();
        await app.post('/v1/interactions', body);
        return { body };
      },
      optOut: () => ({ body: interactionBody({ text: 'STOP' }) }),
    },
  },
  'POST /v1/leads': {
    good: {
      new: () => ({ body: { contactId: uniqueId('by-hand'), origin: 'manual', channel: 'sms', note: 'Called us.' } }),
      datedBack: () => ({ body: { contactId: uniqueId('imported') }, headers: { 'X-Occurred-At': inHours(-48) } }),
    },
    refused: { active_lead_exists: async () => ({ body: { contactId: (await openLead(app)).contactId } }) },
  },
  'POST /v1/leads/{id}/status': {
    good: {
      status: () => toLead({ status: 'lost', reason: 'Too expensive', note: 'Will call again' }),
      score: () => toLead({ qualificationScore: 80 }),
      unchanged: () => toLead({ status: 'new' }),
      versioned: async () => {
        const { id, version } = await openLead(app);
        return { path: { id }, body: { status: 'contacted' }, headers: { 'If-Match': `"${version}"` } };
      },
    },
    refused: ofActiveLeads({ status: 'contacted' })!,
  },
  'POST /v1/leads/{id}/assignment': {
    good: { to: async () => toLead({ agentId: await agentId(), moveFollowUps: false, note: 'Yours' }) },
    refused: {
      ...ofActiveLeads({ agentId: 'whoever' }),
      not_found: () => toLead({ agentId: 'nobody' }),
      version_mismatch: async () => moved({ agentId: await agentId() }),
      lead_inactive: async () => toClosedLead({ agentId: await agentId() }),
      agent_inactive: async () => toLead({ agentId: await goneAgentId() }),
    },
  },
  'DELETE /v1/leads/{id}/assignment': { good: { of: () => toLead() }, refused: ofActiveLeads()! },
  'POST /v1/leads/{id}/qualification': {
    good: {
      accepted: () =>
        toLead({
          score: 70,
          model: 'm',
          modelVersion: '2',
          rationale: 'Asked',
          factors: [{ label: 'a', weight: 0.5 }],
        }),
      suggested: async () => {
        const { id } = await openLead(app);
        await app.post(`/v1/leads/${id}/status`, { qualificationScore: 10 });
        return { path: { id }, body: { score: 70, model: 'm' } };
      },
    },
    refused: ofLeads({ score: 1, model: 'm' })!,
  },
  'DELETE /v1/leads/{id}/qualification/pin': { good: { of: () => toLead() }, refused: ofActiveLeads()! },
  'POST /v1/leads/{id}/messages': {
    good: {
      new: () => toLead({ messageId: uniqueId('out'), channel: 'sms', text: 'Hello', sentAt: inHours(-1) }),
      again: async () => {
        const call = await toLead({ messageId: uniqueId('out') });
        await app.post(`/v1/leads/${call.path!['id']}/messages`, call.body);
        return call;
      },
    },
    refused: ofLeads({ messageId: 'out' })!,
  },
  'POST /v1/leads/{id}/follow-ups': {
    good: {
      new: async () => toLead({ dueAt: inHours(1), note: 'Call', assigneeId: await agentId(), alsoSetStatus: true }),
    },
    refused: {
      ...ofActiveLeads({ dueAt: inHours(1) }),
      agent_inactive: async () => toLead({ dueAt: inHours(1), assigneeId: await goneAgentId() }),
      too_many_follow_ups: async () => {
        const call = await toLead({ dueAt: inHours(1) });
        const path = `/v1/leads/${call.path!['id']}/follow-ups`;
        const many = () => Promise.all(Array.from({ length: 25 }, () => app.post(path, call.body)));
        // Not by the first that fails: a log on a slow server may have no time for all at once.
        while (!(await many()).some(({ status }) => status === 409));
        return call;
      },
    },
  },
  'POST /v1/leads/{id}/follow-ups/{fid}/complete': {
    good: { open: () => toFollowUp(undefined, { note: 'Done' }), nothing: () => toFollowUp('complete') },
    refused: { ...ofFollowUps(), follow_up_cancelled: () => toFollowUp('cancel') },
  },
  'POST /v1/leads/{id}/follow-ups/{fid}/cancel': {
    good: { open: () => toFollowUp(undefined, { reason: 'Sold' }), nothing: () => toFollowUp('cancel', {}) },
    refused: { ...ofFollowUps(), follow_up_completed: () => toFollowUp('complete') },
  },
  'POST /v1/leads/{id}/follow-ups/{fid}/reschedule': {
    good: { open: () => toFollowUp(undefined, { dueAt: inHours(72), reason: 'Away' }) },
    refused: {
      ...ofFollowUps({ dueAt: inHours(72) }),
      follow_up_completed: () => toFollowUp('complete', { dueAt: inHours(72) }),
      follow_up_cancelled: () => toFollowUp('cancel', { dueAt: inHours(72) }),
    },
  },
  'POST /v1/agents': {
    good: {
      named: () => ({ body: { id: uniqueId('agent'), name: 'Ana', email: 'ana@example.org', capacity: 20 } }),
      nameless: () => ({ body: { name: 'Ben', email: null, capacity: null } }),
    },
    refused: { agent_exists: async () => ({ body: { id: await agentId(), name: 'Ana' } }) },
  },
  'PATCH /v1/agents/{id}': {
    good: {
      changed: async () => ({ path: { id: await agentId() }, body: { name: 'Bea', capacity: null, active: false } }),
      unchanged: async () => ({ path: { id: await agentId() } }),
    },
    refused: {
      not_found: () => toNobody({ name: 'Bea' }),
      version_mismatch: async () => ({
        path: { id: await agentId() },
        body: { name: 'Bea' },
        headers: { 'if-match': '"999"' },
      }),
    },
  },

  'POST /v1/broadcasts': {
    good: {
      named: () => ({
        body: { id: uniqueId('broadcast'), ...broadcast, template: { ...broadcast.template, category: null } },
      }),
      nameless: () => ({ body: broadcast }),
    },
    refused: {
      broadcast_exists: async () => ({ body: { id: await broadcastId(), ...broadcast } }),
      validation_failed: () => ({ body: { ...broadcast, template: { name: 'hello' } } }),
    },
  },
  'POST /v1/broadcasts/{id}/messages': {
    good: {
      all: async () => ({
        path: { id: await broadcastId() },
        body: { messages: [aSend(), { ...aSend(), sentAt: inHours(-1), attempt: 2, parameters: { name: 'Ana' } }] },
      }),
      some: async () => ({
        path: { id: await broadcastId() },
        body: { messages: [aSend(), { ...aSend(), attempt: 0 }, 7] },
        partlyBad: true,
      }),
    },
    refused: {
      not_found: () => toNobody({ messages: [aSend()] }),
      validation_failed: async () => ({ path: { id: await broadcastId() }, body: { messages: [{}] } }),
    },
  },
  'POST /v1/receipts': {
    good: {
      all: () => ({
        body: { receipts: [receipt(), receipt('failed', { error: { code: '131026', detail: 'No such number' } })] },
      }),
      some: () => ({ body: { receipts: [receipt(), receipt('eaten')] }, partlyBad: true }),
    },
    refused: { validation_failed: () => ({ body: { receipts: [] } }) },
  },

  'POST /v1/bulk': {
    good: {
      all: async () => ({
        body: {
          action: { type: 'change_status', status: 'qualified', qualificationScore: 70, reason: 'r', note: 'n' },
          target: { ids: [(await openLead(app)).id, (await openLead(app)).id] },
          mode: 'all_or_nothing',
        },
      }),
      some: async () => ({
        body: { action: { type: 'unassign' }, target: { ids: [(await openLead(app)).id, 'nobody'] } },
      }),
      assign: async () => ({
        body: {
          action: { type: 'assign', agentId: await agentId(), moveFollowUps: false, note: 'n' },
          target: { ids: [(await openLead(app)).id] },
        },
      }),
      'follow-up': async () => ({
        body: {
          action: { type: 'create_follow_up', dueAt: inHours(1), note: 'n', alsoSetStatus: true },
          target: { ids: [(await openLead(app)).id] },
        },
      }),
      job: () => ({
        body: {
          action: { type: 'unassign' },
          target: { filter: { q: 'nobody-at-all', scoreMin: 5, active: true, status: ['new'] }, expectedCount: 0 },
        },
      }),
    },
    refused: {
      selection_changed: () => ({
        body: { action: { type: 'unassign' }, target: { filter: { q: 'nobody-at-all' }, expectedCount: 1 } },
      }),
      bulk_rejected: async () => ({
        body: {
          action: { type: 'unassign' },
          target: { ids: [(await openLead(app)).id, (await openClosedLead(app)).id] },
          mode: 'all_or_nothing',
        },
      }),
      validation_failed: () => ({ body: { action: { type: 'sell' }, target: { ids: ['a'] } } }),
    },
  },
  'POST /v1/bulk/{id}/cancel': {
    good: { open: async () => ({ path: { id: (await aJob()).id } }) },
    refused: { not_found: () => toNobody(), bulk_closed: async () => ({ path: { id: (await aBulk()).id } }) },
  },
  'POST /v1/bulk/{id}/retry': {
    good: {
      failed: async () => ({ path: { id: (await aBulk('nobody', (await openClosedLead(app)).id)).id } }),
      fine: async () => ({ path: { id: (await aBulk()).id } }),
    },
    refused: {
      not_found: () => toNobody(),
      bulk_running: async () => ({ path: { id: (await aJob()).id } }),
      bulk_closed: async () => {
        const { id } = await aJob();
        await app.post(`/v1/bulk/${id}/cancel`);
        return { path: { id } };
      },
    },
  },
  'GET /v1/bulk/{id}': {
    good: {
      known: async () => {
        const { id, position } = await aBulk();
        return { path: { id }, query: { after: position } };
      },
    },
    refused: {
      not_found: () => toNobody(),
      validation_failed: () => ({ ...toNobody(), ...badView.validation_failed() }),
    },
  },
  'GET /v1/bulk/{id}/results': {
    good: {
      lines: async () => {
        const { id, position } = await aBulk('nobody');
        return { path: { id }, query: { after: position } };
      },
      table: async () => {
        const { id, position } = await aBulk('nobody');
        return { path: { id }, query: { after: position, format: 'csv' } };
      },
    },
    refused: { not_found: () => toNobody(), validation_failed: () => ({ ...toNobody(), query: { format: 'pdf' } }) },
  },

  'GET /v1/webhooks/whatsapp': {
    good: {
      handshake: () => ({ query: { 'hub.mode': 'subscribe', 'hub.verify_token': word, 'hub.challenge': '42' } }),
    },
    refused: {
      forbidden: () => ({ query: { 'hub.mode': 'subscribe', 'hub.verify_token': 'no', 'hub.challenge': '42' } }),
      validation_failed: () => ({ query: { 'hub.mode': 'subscribe', 'hub.verify_token': word } }),
    },
  },
  'POST /v1/webhooks/whatsapp': {
    good: { nothing: () => fromWhatsApp('{"entry":[]}') },
    refused: { ...ofWebhooks(fromWhatsApp('{}')), malformed_json: () => fromWhatsApp('{') },
  },
  'POST /v1/webhooks/twilio': {
    good: {
      message: () => fromTwilio({ From: '+34600000001', To: '+34600000002', Body: 'Hi', MessageSid: uniqueId('SM') }),
    },
    refused: ofWebhooks({
      body: 'From=a',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'X-Twilio-Signature': 'b' },
    })!,
  },
  'POST /v1/webhooks/sendgrid': {
    good: { nothing: () => fromSendGrid('[]') },
    refused: { ...ofWebhooks(fromSendGrid('[]')), malformed_json: () => fromSendGrid('[') },
  },

  'GET /v1/leads': {
    good: {
      ...view,
      all: () => ({ query: { limit: '200' }, headers: { 'X-Actor': 'agent:ana' } }),
      page: () => secondPage('/v1/leads'),
      filtered: () => ({
        query: {
          ...{ status: 'new,contacted', active: 'true', channel: 'whatsapp', origin: 'chat,manual', scored: 'false' },
          ...{ scoreMin: '0', scoreMax: '100', createdFrom: inHours(-9), createdTo: inHours(9), agentId: 'none' },
          ...{ updatedFrom: inHours(-9), updatedTo: inHours(9), campaignId: 'c', contactId: 'k', q: 'ana' },
          ...{ followUpDue: 'today', timeZone: 'Europe/Berlin', sort: '-nextFollowUpAt', count: 'true' },
        },
      }),
    },
    refused: { validation_failed: () => ({ query: { sort: 'shoeSize' } }) },
  },
  'GET /v1/leads/export': {
    good: {
      ...view,
      page: async () => {
        await postInteraction(app);
        await app.get('/v1/leads', { after: (await postInteraction(app)).position });
        const { query } = await secondPage('/v1/leads');
        const page = { scope: 'page', limit: '1', cursor: query!['cursor']! };
        return { query: { ...page, format: 'ndjson', columns: 'id,name', timeZone: 'Asia/Tokyo' } };
      },
      workbook: () => ({ query: { format: 'xlsx', scope: 'all', q: 'ana', sort: 'name', active: 'true' } }),
    },
    refused: { validation_failed: () => ({ query: { format: 'pdf' } }) },
  },
  'GET /v1/leads/{id}': {
    good: {
      known: async () => {
        const { leadId, position } = await postInteraction(app);
        return { path: { id: leadId }, query: { after: position } };
      },
      'as it was': async () => {
        const { leadId, position } = await postInteraction(app);
        await app.post(`/v1/leads/${leadId}/status`, { status: 'lost', reason: 'No' });
        return { path: { id: leadId }, query: { asOf: position } };
      },
    },
    refused: { not_found: () => toNobody(), validation_failed: () => ({ ...toNobody(), query: { wait: '-1' } }) },
  },
  'GET /v1/leads/{id}/replay': {
    good: {
      known: async () => {
        const { leadId } = await postInteraction(app, { text: 'Hi', profile: { name: 'Ana' } });
        const { id: agentId } = await postAgent(app);
        const { position } = await postAssignment(app, leadId, agentId);
        return { path: { id: leadId }, query: { after: position, limit: '2', count: 'true' } };
      },
    },
    refused: { not_found: () => toNobody(), validation_failed: () => ({ ...toNobody(), query: { limit: '0' } }) },
  },
  'GET /v1/leads/{id}/history': {
    good: {
      known: async () => {
        const { leadId } = await postInteraction(app);
        const { position } = (await app.post(`/v1/leads/${leadId}/status`, { status: 'lost', reason: 'No' })).body;
        return { path: { id: leadId }, query: { after: position, order: 'asc' } };
      },
      returned: async () => {
        const { contactId } = await openClosedLead(app);
        const { leadId, position } = await postInteraction(app, { contactId });
        const filter = {
          type: 'LeadOpened,InteractionRecorded',
          actor: 'service:api',
          from: inHours(-1),
          to: inHours(1),
        };
        return { path: { id: leadId }, query: { after: position, asOf: position, limit: '1', ...filter } };
      },
    },
    refused: {
      not_found: () => toNobody(),
      validation_failed: () => ({ ...toNobody(), query: { type: 'LeadSold' } }),
    },
  },
  'GET /v1/contacts/{id}/history': {
    good: {
      known: async () => {
        const body = interactionBody({ contactId: `${uniqueId('contact')} ü/?`, text: 'Hi', media: 'photo' });
        const { position } = (await app.post('/v1/interactions', body)).body;
        return { path: { id: body.contactId }, query: { after: position } };
      },
    },
    refused: {
      not_found: () => toNobody(),
      validation_failed: () => ({ ...toNobody(), query: { from: 'yesterday' } }),
    },
  },
  'GET /v1/leads/{id}/broadcasts': {
    good: {
      known: async () => {
        const { contactId, messageId, position } = await sent();
        const { leadId } = await postInteraction(app, { contactId, inReplyTo: messageId });
        await app.post('/v1/receipts', { receipts: [receipt('failed', { messageId, error: { code: 'x' } })] });
        const { body } = await app.post('/v1/receipts', { receipts: [receipt('read', { messageId })] });
        expect(body.position > position).toBe(true);
        return { path: { id: leadId }, query: { after: body.position } };
      },
    },
    refused: {
      not_found: () => toNobody(),
      validation_failed: () => ({ ...toNobody(), query: { limit: '0' } }),
    },
  },
  'GET /v1/broadcasts': {
    good: { ...view, page: async () => ({ query: { after: (await sent()).position, limit: '1' } }) },
    refused: badView,
  },
  'GET /v1/broadcasts/{id}': {
    good: {
      known: async () => {
        const { id, position } = await sent();
        return { path: { id }, query: { after: position } };
      },
    },
    refused: { not_found: () => toNobody(), validation_failed: () => ({ ...toNobody(), query: { wait: '-1' } }) },
  },
  'GET /v1/broadcasts/{id}/recipients': {
    good: {
      known: async () => {
        const { id, position } = await sent();
        return { path: { id }, query: { after: position, state: 'queued,sent' } };
      },
    },
    refused: {
      not_found: () => toNobody(),
      validation_failed: () => ({ ...toNobody(), query: { state: 'eaten' } }),
    },
  },
  'GET /v1/events': {
    good: {
      ...view,
      page: async () => {
        const { body } = await app.get('/v1/events', { limit: 1 });
        return { query: { limit: '1', cursor: body.nextCursor! } };
      },
      some: async () => ({
        query: { type: 'LeadOpened,AgentRegistered', from: (await postInteraction(app)).position },
      }),
      everything: async () => {
        await sent();
        return { query: { limit: '200' } };
      },
    },
    refused: { validation_failed: () => ({ query: { type: 'LeadSold' } }) },
  },
  'GET /v1/stats/funnel': ofStatistics,
  'GET /v1/stats/time-in-status': ofStatistics,
  'GET /v1/stats/agents': ofStatistics,
  'GET /v1/stats/sources': ofStatistics,
  'GET /v1/stream': {
    good: {
      now: () => ({}),
      some: async () => {
        const { leadId, position } = await postInteraction(app);
        return { query: { from: position, type: 'LeadOpened,LeadAssigned', leadId, contactId: 'k' } };
      },
      'gone on': async () => ({ headers: { 'Last-Event-ID': (await postInteraction(app)).position } }),
    },
    refused: { validation_failed: () => ({ headers: { 'Last-Event-ID': '7' } }) },
  },
  'GET /v1/follow-ups': {
    good: {
      ...view,
      page: async () => {
        const [one, two] = [await toFollowUp(), await toFollowUp()];
        const { position } = await postFollowUp(app, one.path!['id']!);
        await app.get('/v1/follow-ups', { after: position, leadId: two.path!['id'] });
        return secondPage('/v1/follow-ups');
      },
      filtered: () => ({
        query: { assigneeId: 'none', state: 'open', due: 'today', timeZone: 'Asia/Tokyo', leadId: 'l', count: 'true' },
      }),
    },
    refused: { validation_failed: () => ({ query: { due: 'someday' } }) },
  },
  'GET /v1/agents': {
    good: {
      ...view,
      page: async () => {
        await agentId();
        const { position } = (await app.post('/v1/agents', { name: 'Ana' })).body;
        await app.get('/v1/agents', { after: position });
        return secondPage('/v1/agents');
      },
      active: () => ({ query: { active: 'true', count: 'true' } }),
    },
    refused: badView,
  },
  'GET /v1/agents/{id}': {
    good: {
      known: async () => {
        const { agent, position } = (await app.post('/v1/agents', { name: 'Ana' })).body;
        return { path: { id: agent.id }, query: { after: position } };
      },
    },
    refused: { not_found: () => toNobody(), validation_failed: () => ({ ...toNobody(), query: { wait: '30001' } }) },
  },

  'GET /healthz': { good: { now: () => ({}) }, otherMethod: true },
  'GET /readyz': { good: { now: () => ({}) }, otherMethod: true },
  'GET /metrics': { good: { now: () => ({}) }, otherMethod: true },
  'GET /openapi.json': { good: { now: () => ({}) }, otherMethod: true },
  'GET /docs': { good: { now: () => ({}) }, otherMethod: true },
  'GET /docs/{file}': {
    good: {
      style: () => ({ path: { file: 'swagger-ui.css' } }),
      script: () => ({ path: { file: 'swagger-ui-bundle.js' } }),
      icon: () => ({ path: { file: 'favicon-32x32.png' } }),
    },
    refused: { not_found: () => ({ path: { file: 'passwd' } }) },
  },
};
const commands = Object.keys(stories).filter((name) => !name.startsWith('GET') && !name.includes('/webhooks/'));
const each = (kind: 'good' | 'refused') =>
  Object.entries(stories).flatMap(([name, story]) =>
    Object.entries(story[kind] ?? {}).map(([what, call]) => [name, what, call] as const),
  );

async function ask(
  name: string,
  { path = {}, query = {}, headers = {}, body }: Call,
): Promise<ApiResponse<Record<string, unknown>>> {
  const [method = '', template = ''] = name.split(' ');
  const url = template.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(path[key] ?? ''));
  const asked = new URLSearchParams(query).toString();
  const full = asked ? `${url}?${asked}` : url;
  return name === 'GET /v1/stream' ? beginning(full, headers) : app.call(method, full, body, headers);
}

/** Of an answer without end, the beginning. */
async function beginning(path: string, headers: Call['headers'] = {}): Promise<ApiResponse<Record<string, unknown>>> {
  const leaving = new AbortController();
  const answer = await fetch(app.url + path, { headers, signal: leaving.signal });
  let text = '';
  for await (const bytes of answer.body as ReadableStream<Uint8Array>) {
    text = new TextDecoder().decode(bytes);
    break;
  }
  leaving.abort();
  const body = answer.ok ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status: answer.status, headers: answer.headers, text, body };
}

/** What is wrong with a request, by the document. */
const wrongRequest = (name: string, { path = {}, query = {}, headers = {}, body }: Call): readonly string[] => {
  const canonical = Object.fromEntries(
    Object.entries(headers).map(([key, value]) => [key.toLowerCase() === 'if-match' ? 'If-Match' : key, value]),
  );
  const taken = (kind: DocumentedParameter['in'], given: Readonly<Record<string, string>>) =>
    api.parameterErrors(name, kind, given);
  const inPath = Object.fromEntries(Object.entries(path).filter(([key]) => name.includes(`{${key}}`)));
  delete canonical['content-type'];
  return [
    ...taken('path', inPath),
    ...taken('query', query),
    ...taken('header', canonical),
    ...api.requestBodyErrors(name, body),
  ];
};

describe('the document', () => {
  test('names every route that the server has, and no other', () => {
    const line = app.output.split('\n').find((it) => it.includes('"msg":"routes"'));
    const routes = (JSON.parse(line ?? '{}') as { routes: string[] }).routes
      .map((it) => it.replace(/:(\w+)/g, '{$1}'))
      .sort();
    expect(routes.filter((it) => !it.startsWith('HEAD '))).toEqual(api.operationNames);
    const heads = routes.filter((it) => it.startsWith('HEAD ')).map((it) => it.replace('HEAD', 'GET'));
    expect(heads).toEqual(api.operationNames.filter((it) => it.startsWith('GET ')));
  });

  test('is OpenAPI 3.1', () => {
    const { openapi, info, paths, components } = api.document;
    expect(openapi).toMatch(/^3\.1\.\d+$/);
    expect(info).toMatchObject({ title: 'Leadstream', version: '1' });
    const ids = Object.values(paths).flatMap((it) => Object.values(it).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
    for (const name of api.operationNames) {
      const { summary, parameters, requestBody, responses } = api.operation(name);
      expect(summary).toMatch(/\w/);
      const known = parameters.map((it) => api.resolve(it));
      expect(new Set(known.map((it) => `${it.in} ${it.name}`)).size).toBe(known.length);
      expect(known.filter((it) => it.in === 'path').map((it) => it.name)).toEqual(
        [...name.matchAll(/\{(\w+)\}/g)].map(([, key]) => key),
      );
      for (const it of known) {
        expect({ name: it.name, fine: api.isValidSchema(it.schema) }).toEqual({ name: it.name, fine: true });
        if (it.in === 'path') expect(it.required).toBe(true);
      }
      expect(requestBody !== undefined).toBe(!name.startsWith('GET'));
      expect(Object.keys(responses).filter((status) => !/^[2-5]\d\d$/.test(status))).toEqual([]);
      for (const { description } of Object.values(responses)) expect(description).toMatch(/\w/);
    }
    for (const [name, schema] of Object.entries(components['schemas']!))
      expect([name, api.isValidSchema(schema)]).toEqual([name, true]);
    expect(JSON.stringify(api.document)).not.toContain('"nullable"');
  });

  test('has something at the end of every $ref, and nothing that no one refers to', () => {
    const refs = new Set(findRefs(api.document));
    for (const $ref of refs) api.resolve({ $ref });
    const parts = Object.entries(api.document.components).flatMap(([kind, them]) =>
      Object.keys(them).map((name) => `#/components/${kind}/${name}`),
    );
    // What no operation of a path can answer is told in words.
    expect(parts.filter((it) => !refs.has(it))).toEqual(['#/components/schemas/MethodNotAllowedProblem']);
  });

  test('closes every object of a request, and of an answer but for what is free-form', () => {
    const open = Object.entries(api.document.components['schemas']!).flatMap(([name, schema]) => [
      ...openObjects(schema, name),
    ]);
    expect(open.sort()).toEqual([
      'ApiDocument',
      'Entry.data',
      'Event.data',
      'InteractionRequest.integration.0',
      'InteractionRequest.media.0',
      'Readiness.checks',
      'Readiness.checks.*',
      'SendRequest.parameters.0',
    ]);
  });

  test('would not let a field more pass, nor one less, nor a header', async () => {
    const name = 'GET /v1/leads/{id}';
    const answer = await ask(name, await stories[name]!.good['known']!());
    expect(api.responseErrors(name, answer)).toEqual([]);
    expect(api.responseErrors(name, { ...answer, body: { ...answer.body, shoeSize: 42 } })).toHaveLength(1);
    expect(api.responseErrors(name, { ...answer, body: { ...answer.body, agent: undefined } })).not.toEqual([]);
    expect(
      api.responseErrors(name, { ...answer, headers: new Headers({ 'content-type': 'application/json' }) }),
    ).toEqual(['X-Correlation-Id is missing', 'X-Position is missing']);
    const more = new Headers(answer.headers);
    more.set('x-shoe-size', '42');
    expect(api.responseErrors(name, { ...answer, headers: more })).toEqual(['x-shoe-size is not documented']);
    expect(api.responseErrors(name, { ...answer, status: 418 })).toHaveLength(1);
  });

  test('has a story below for each operation, and each operation one in which it is refused', () => {
    expect(Object.keys(stories).sort()).toEqual(api.operationNames);
    const notRefused = Object.entries(stories).filter(
      ([name, it]) => name.startsWith('GET') && !it.refused && !it.otherMethod,
    );
    expect(notRefused).toEqual([]);
  });
});

describe('an answer is as documented', () => {
  const answerable = each('good').filter(([name]) => canExport || name !== 'GET /v1/leads/export');
  test.each(answerable)('%s (%s)', async (name, _, call) => {
    const request = await call();
    expect(wrongRequest(name, request).length > 0).toBe(request.partlyBad ?? false);
    const answer = await ask(name, request);
    expect({ status: answer.status, said: answer.status < 300 || answer.text }).toMatchObject({ said: true });
    expect(api.responseErrors(name, answer)).toEqual([]);
    const { version = null } = answer.body ?? {};
    if (version !== null) expect(answer.headers.get('etag')).toBe(`"${version as number}"`);
  });

  test.each(commands)('%s, told again', async (name) => {
    const [call] = Object.values(stories[name]!.good);
    const request = await call!();
    const headers = { ...request.headers, 'Idempotency-Key': uniqueId('again') };
    expect(wrongRequest(name, { ...request, headers })).toEqual([]);
    const [first, again] = [await ask(name, { ...request, headers }), await ask(name, { ...request, headers })];
    expect(again).toMatchObject({ status: first.status, text: first.text });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(api.responseErrors(name, again)).toEqual([]);
  });
});

describe('a refusal is as documented', () => {
  const expectRefused = (name: string, answer: ApiResponse<Record<string, unknown>>, code: string): void => {
    expect(answer).toMatchObject({ body: { code } });
    expect(api.responseErrors(name, answer)).toEqual([]);
  };

  test.each(each('refused'))('%s: %s', async (name, code, call) => {
    const request = await call();
    if (code === 'validation_failed') expect(wrongRequest(name, request)).not.toEqual([]);
    expectRefused(name, await ask(name, request), code);
  });

  test.each(commands)('%s: what any command may be refused with', async (name) => {
    const [call] = Object.values(stories[name]!.good);
    const request = await call!();
    const askWith = (more: Call) => ask(name, { ...request, ...more });
    expectRefused(name, await askWith({ body: '{' }), 'malformed_json');
    expectRefused(name, await askWith({ body: `{"a":"${'a'.repeat(1024 * 1024)}"}` }), 'payload_too_large');
    expectRefused(
      name,
      await askWith({ body: 'a', headers: { 'content-type': 'text/plain' } }),
      'unsupported_media_type',
    );
    const unknown = { ...(request.body as object | undefined), shoeSize: 42 };
    expect(wrongRequest(name, { ...request, body: unknown })).not.toEqual([]);
    expectRefused(name, await askWith({ body: unknown }), 'validation_failed');
    const key = { 'Idempotency-Key': uniqueId('taken') };
    await app.post('/v1/agents', { name: 'Ana' }, key);
    expectRefused(name, await askWith({ headers: key }), 'idempotency_key_reused');
  });

  test.each(Object.keys(stories).filter((name) => stories[name]!.otherMethod))('%s: only that', async (name) => {
    const answer = await ask(name.replace('GET', 'POST'), { body: {} });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
    expect(api.schemaErrors({ $ref: '#/components/schemas/MethodNotAllowedProblem' }, answer.body)).toEqual([]);
  });

  test('every documented code is told above, but for those of a bad moment', () => {
    const ofCommands = ['malformed_json', 'payload_too_large', 'unsupported_media_type', 'validation_failed'];
    const ofAMoment = ['conflict', 'idempotency_in_flight', 'internal', 'unavailable', 'projection_behind'];
    for (const name of api.operationNames) {
      const documented = Object.entries(api.operation(name).responses)
        .filter(([, { content }]) => 'application/problem+json' in content)
        .flatMap(([, { description }]) => description.split(', '));
      const shown = commands.includes(name) ? [...ofCommands, 'idempotency_key_reused'] : [];
      const all = new Set([...shown, ...Object.keys(stories[name]!.refused ?? {})]);
      expect([name, documented.filter((code) => !ofAMoment.includes(code)).sort()]).toEqual([name, [...all].sort()]);
    }
  });
});

/** The paths of objects that do not say additionalProperties: false. */
function* openObjects(schema: JsonSchema, path: string): Generator<string> {
  const { type, properties, additionalProperties, items, anyOf, oneOf } = schema as {
    [key: string]: unknown;
    properties?: Record<string, JsonSchema>;
    anyOf?: JsonSchema[];
    oneOf?: JsonSchema[];
  };
  if ([type].flat().includes('object') && additionalProperties !== false) yield path;
  for (const [name, one] of Object.entries(properties ?? {})) yield* openObjects(one, `${path}.${name}`);
  for (const [nth, one] of [...(anyOf ?? []), ...(oneOf ?? [])].entries()) yield* openObjects(one, `${path}.${nth}`);
  for (const one of [items, additionalProperties])
    if (typeof one === 'object' && one !== null) yield* openObjects(one as JsonSchema, `${path}.*`);
}
