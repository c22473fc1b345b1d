import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
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

const secret = 'a shared secret';
const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const app = setupApp({
  LOG_LEVEL: 'debug',
  WHATSAPP_APP_SECRET: secret,
  WHATSAPP_VERIFY_TOKEN: secret,
  TWILIO_AUTH_TOKEN: secret,
  SENDGRID_PUBLIC_KEY: keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
});
let api: OpenApiValidator;
beforeAll(async () => {
  api = new OpenApiValidator((await app.get<OpenApiDocument>('/openapi.json')).body);
});

/** A call of an operation: its path parameters, query, headers and body. */
interface Call {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The request is invalid by the document, but the server accepts a part of it. */
  readonly isPartlyInvalid?: true;
}
interface Examples {
  /** Calls that succeed, by a description of what is special about them. */
  readonly accepted: Readonly<Record<string, () => Promise<Call> | Call>>;
  /** Calls that are rejected, by problem code. */
  readonly rejected?: Readonly<Record<string, () => Promise<Call> | Call>>;
  /** Whether the operation rejects only methods that the path does not support. */
  readonly rejectsOtherMethods?: boolean;
}

const onLead = async (body?: unknown): Promise<Call> => ({ path: { id: (await openLead(app)).id }, body });
const onClosedLead = async (body?: unknown): Promise<Call> => ({ path: { id: (await openClosedLead(app)).id }, body });
const toUnknown = (body?: unknown): Call => ({ path: { id: 'unknown', fid: 'unknown' }, body });
const withStaleVersion = async (body?: unknown): Promise<Call> => ({
  ...(await onLead(body)),
  headers: { 'if-match': '"999"' },
});
const leadRejections = (body?: unknown): Examples['rejected'] => ({
  not_found: () => toUnknown(body),
  version_mismatch: () => withStaleVersion(body),
});
const activeLeadRejections = (body?: unknown): Examples['rejected'] => ({
  ...leadRejections(body),
  lead_inactive: () => onClosedLead(body),
});
const agentId = async (): Promise<string> => (await postAgent(app)).id;
const inactiveAgentId = async (): Promise<string> => {
  const id = await agentId();
  await app.patch(`/v1/agents/${id}`, { active: false });
  return id;
};

/** A call on an open follow-up, or on one that was completed or cancelled. */
async function onFollowUp(closing?: 'complete' | 'cancel', body?: unknown): Promise<Call> {
  const { id } = await openLead(app);
  const { followUp } = await postFollowUp(app, id);
  if (closing) await app.post(`/v1/leads/${id}/follow-ups/${followUp.id}/${closing}`);
  return { path: { id, fid: followUp.id }, body };
}
const followUpRejections = (body?: unknown): Examples['rejected'] => ({
  not_found: () => toUnknown(body),
  version_mismatch: async () => ({ ...(await onFollowUp(undefined, body)), headers: { 'if-match': '"999"' } }),
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
const sendItem = () => ({ contactId: uniqueId('recipient'), messageId: uniqueId('sent') });
const receipt = (status = 'delivered', fields: object = {}) => ({
  channel: 'whatsapp',
  messageId: uniqueId('sent'),
  status,
  occurredAt: inHours(-1),
  ...fields,
});
/** Sends a broadcast to one contact. */
async function sendBroadcast() {
  const id = await broadcastId();
  const message = sendItem();
  const { position } = (await app.post(`/v1/broadcasts/${id}/messages`, { messages: [message] })).body;
  return { id, ...message, position };
}
const fromWhatsApp = (body: string): Call => ({
  body,
  headers: { 'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` },
});
const fromTwilio = (form: Readonly<Record<string, string>>): Call => {
  const signed = Object.keys(form)
    .sort()
    .map((name) => name + form[name]);
  const signature = createHmac('sha1', secret)
    .update(`${app.url}/v1/webhooks/twilio${signed.join('')}`)
    .digest('base64');
  return {
    body: new URLSearchParams(form).toString(),
    headers: { 'X-Twilio-Signature': signature, 'content-type': 'application/x-www-form-urlencoded' },
  };
};
const fromSendGrid = (body: string): Call => {
  const time = String(Math.floor(Date.now() / 1_000));
  const signature = sign('sha256', Buffer.from(time + body), keys.privateKey).toString('base64');
  const prefix = 'X-Twilio-Email-Event-Webhook-';
  return { body, headers: { [`${prefix}Signature`]: signature, [`${prefix}Timestamp`]: time } };
};
const webhookRejections = (valid: Call): Examples['rejected'] => ({
  unauthorized: () => ({ ...valid, body: `${valid.body as string} ` }),
  unsupported_media_type: () => ({ ...valid, headers: { ...valid.headers, 'content-type': 'text/plain' } }),
  payload_too_large: () => ({ ...valid, body: ' '.repeat(1024 * 1024 + 1) }),
});

/** Runs a bulk action on one lead and on these other IDs. */
async function runBulk(...otherIds: readonly string[]) {
  const ids = [(await openLead(app)).id, ...otherIds];
  const { bulkId, position } = (await postBulk(app, { action: { type: 'unassign' }, target: { ids } })).body;
  return { id: bulkId, position };
}
/** Starts a bulk job that runs for a while. */
async function startJob() {
  const ids = Array.from({ length: 20_000 }, (_, index) => `unknown-${index}`);
  return { id: (await postBulk(app, { action: { type: 'unassign' }, target: { ids } })).body.bulkId };
}

/** The second page of a list. */
async function secondPage(path: string): Promise<Call> {
  const { body } = await app.get(path, { limit: 1 });
  return { query: { limit: '1', cursor: body.nextCursor!, count: 'true' } };
}
const viewExamples = {
  after: async (): Promise<Call> => ({ query: { after: (await postInteraction(app)).position, wait: '9000' } }),
};
const viewRejections = { validation_failed: (): Call => ({ query: { wait: 'long' } }) };

const statisticsExamples: Examples = {
  accepted: {
    'with data': async () => {
      const { leadId } = await postInteraction(app);
      const { id } = await postAgent(app);
      await postAssignment(app, leadId, id);
      await app.post(`/v1/leads/${leadId}/messages`, { messageId: uniqueId('out') }, { 'X-Actor': `agent:${id}` });
      const { position } = (await app.post(`/v1/leads/${leadId}/status`, { status: 'converted' })).body;
      return { query: { after: position, wait: '9000' } };
    },
    'without data': () => ({ query: { from: '2001-01-01', to: '2001-02-01', timeZone: 'Asia/Kathmandu' } }),
    'with timestamps': () => ({ query: { from: '2026-01-31T09:15:00+01:00', to: '2100-01-01' } }),
  },
  rejected: { validation_failed: () => ({ query: { from: 'yesterday' } }) },
};

const examples: Readonly<Record<string, Examples>> = {
  'POST /v1/interactions': {
    accepted: {
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
    accepted: {
      new: () => ({ body: { contactId: uniqueId('manual'), origin: 'manual', channel: 'sms', note: 'Called us.' } }),
      backdated: () => ({ body: { contactId: uniqueId('imported') }, headers: { 'X-Occurred-At': inHours(-48) } }),
    },
    rejected: { active_lead_exists: async () => ({ body: { contactId: (await openLead(app)).contactId } }) },
  },
  'POST /v1/leads/{id}/status': {
    accepted: {
      status: () => onLead({ status: 'lost', reason: 'Too expensive', note: 'Will call again' }),
      score: () => onLead({ qualificationScore: 80 }),
      unchanged: () => onLead({ status: 'new' }),
      versioned: async () => {
        const { id, version } = await openLead(app);
        return { path: { id }, body: { status: 'contacted' }, headers: { 'If-Match': `"${version}"` } };
      },
    },
    rejected: activeLeadRejections({ status: 'contacted' })!,
  },
  'POST /v1/leads/{id}/assignment': {
    accepted: { to: async () => onLead({ agentId: await agentId(), moveFollowUps: false, note: 'Yours' }) },
    rejected: {
      ...activeLeadRejections({ agentId: 'any' }),
      not_found: () => onLead({ agentId: 'unknown' }),
      version_mismatch: async () => withStaleVersion({ agentId: await agentId() }),
      lead_inactive: async () => onClosedLead({ agentId: await agentId() }),
      agent_inactive: async () => onLead({ agentId: await inactiveAgentId() }),
    },
  },
  'DELETE /v1/leads/{id}/assignment': { accepted: { of: () => onLead() }, rejected: activeLeadRejections()! },
  'POST /v1/leads/{id}/qualification': {
    accepted: {
      accepted: () =>
        onLead({
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
    rejected: leadRejections({ score: 1, model: 'm' })!,
  },
  'DELETE /v1/leads/{id}/qualification/pin': { accepted: { of: () => onLead() }, rejected: activeLeadRejections()! },
  'POST /v1/leads/{id}/messages': {
    accepted: {
      new: () => onLead({ messageId: uniqueId('out'), channel: 'sms', text: 'Hello', sentAt: inHours(-1) }),
      again: async () => {
        const call = await onLead({ messageId: uniqueId('out') });
        await app.post(`/v1/leads/${call.path!['id']}/messages`, call.body);
        return call;
      },
    },
    rejected: leadRejections({ messageId: 'out' })!,
  },
  'POST /v1/leads/{id}/follow-ups': {
    accepted: {
      new: async () => onLead({ dueAt: inHours(1), note: 'Call', assigneeId: await agentId(), alsoSetStatus: true }),
    },
    rejected: {
      ...activeLeadRejections({ dueAt: inHours(1) }),
      agent_inactive: async () => onLead({ dueAt: inHours(1), assigneeId: await inactiveAgentId() }),
      too_many_follow_ups: async () => {
        const call = await onLead({ dueAt: inHours(1) });
        const path = `/v1/leads/${call.path!['id']}/follow-ups`;
        const postMany = () => Promise.all(Array.from({ length: 25 }, () => app.post(path, call.body)));
        // Repeats until the limit is reached, because a slow log server may cause some calls to be rejected as unavailable.
        while (!(await postMany()).some(({ status }) => status === 409));
        return call;
      },
    },
  },
  'POST /v1/leads/{id}/follow-ups/{fid}/complete': {
    accepted: { open: () => onFollowUp(undefined, { note: 'Done' }), nothing: () => onFollowUp('complete') },
    rejected: { ...followUpRejections(), follow_up_cancelled: () => onFollowUp('cancel') },
  },
  'POST /v1/leads/{id}/follow-ups/{fid}/cancel': {
    accepted: { open: () => onFollowUp(undefined, { reason: 'Sold' }), nothing: () => onFollowUp('cancel', {}) },
    rejected: { ...followUpRejections(), follow_up_completed: () => onFollowUp('complete') },
  },
  'POST /v1/leads/{id}/follow-ups/{fid}/reschedule': {
    accepted: { open: () => onFollowUp(undefined, { dueAt: inHours(72), reason: 'Away' }) },
    rejected: {
      ...followUpRejections({ dueAt: inHours(72) }),
      follow_up_completed: () => onFollowUp('complete', { dueAt: inHours(72) }),
      follow_up_cancelled: () => onFollowUp('cancel', { dueAt: inHours(72) }),
    },
  },
  'POST /v1/agents': {
    accepted: {
      named: () => ({ body: { id: uniqueId('agent'), name: 'Ana', email: 'ana@example.org', capacity: 20 } }),
      nameless: () => ({ body: { name: 'Ben', email: null, capacity: null } }),
    },
    rejected: { agent_exists: async () => ({ body: { id: await agentId(), name: 'Ana' } }) },
  },
  'PATCH /v1/agents/{id}': {
    accepted: {
      changed: async () => ({ path: { id: await agentId() }, body: { name: 'Bea', capacity: null, active: false } }),
      unchanged: async () => ({ path: { id: await agentId() } }),
    },
    rejected: {
      not_found: () => toUnknown({ name: 'Bea' }),
      version_mismatch: async () => ({
        path: { id: await agentId() },
        body: { name: 'Bea' },
        headers: { 'if-match': '"999"' },
      }),
    },
  },

  'POST /v1/broadcasts': {
    accepted: {
      named: () => ({
        body: { id: uniqueId('broadcast'), ...broadcast, template: { ...broadcast.template, category: null } },
      }),
      nameless: () => ({ body: broadcast }),
    },
    rejected: {
      broadcast_exists: async () => ({ body: { id: await broadcastId(), ...broadcast } }),
      validation_failed: () => ({ body: { ...broadcast, template: { name: 'hello' } } }),
    },
  },
  'POST /v1/broadcasts/{id}/messages': {
    accepted: {
      all: async () => ({
        path: { id: await broadcastId() },
        body: {
          messages: [sendItem(), { ...sendItem(), sentAt: inHours(-1), attempt: 2, parameters: { name: 'Ana' } }],
        },
      }),
      some: async () => ({
        path: { id: await broadcastId() },
        body: { messages: [sendItem(), { ...sendItem(), attempt: 0 }, 7] },
        isPartlyInvalid: true,
      }),
    },
    rejected: {
      not_found: () => toUnknown({ messages: [sendItem()] }),
      validation_failed: async () => ({ path: { id: await broadcastId() }, body: { messages: [{}] } }),
    },
  },
  'POST /v1/receipts': {
    accepted: {
      all: () => ({
        body: { receipts: [receipt(), receipt('failed', { error: { code: '131026', detail: 'No such number' } })] },
      }),
      some: () => ({ body: { receipts: [receipt(), receipt('unknown')] }, isPartlyInvalid: true }),
    },
    rejected: { validation_failed: () => ({ body: { receipts: [] } }) },
  },

  'POST /v1/bulk': {
    accepted: {
      all: async () => ({
        body: {
          action: { type: 'change_status', status: 'qualified', qualificationScore: 70, reason: 'r', note: 'n' },
          target: { ids: [(await openLead(app)).id, (await openLead(app)).id] },
          mode: 'all_or_nothing',
        },
      }),
      some: async () => ({
        body: { action: { type: 'unassign' }, target: { ids: [(await openLead(app)).id, 'unknown'] } },
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
          target: { filter: { q: 'no-such-lead', scoreMin: 5, active: true, status: ['new'] }, expectedCount: 0 },
        },
      }),
    },
    rejected: {
      selection_changed: () => ({
        body: { action: { type: 'unassign' }, target: { filter: { q: 'no-such-lead' }, expectedCount: 1 } },
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
    accepted: { open: async () => ({ path: { id: (await startJob()).id } }) },
    rejected: { not_found: () => toUnknown(), bulk_closed: async () => ({ path: { id: (await runBulk()).id } }) },
  },
  'POST /v1/bulk/{id}/retry': {
    accepted: {
      failed: async () => ({ path: { id: (await runBulk('unknown', (await openClosedLead(app)).id)).id } }),
      fine: async () => ({ path: { id: (await runBulk()).id } }),
    },
    rejected: {
      not_found: () => toUnknown(),
      bulk_running: async () => ({ path: { id: (await startJob()).id } }),
      bulk_closed: async () => {
        const { id } = await startJob();
        await app.post(`/v1/bulk/${id}/cancel`);
        return { path: { id } };
      },
    },
  },
  'GET /v1/bulk/{id}': {
    accepted: {
      known: async () => {
        const { id, position } = await runBulk();
        return { path: { id }, query: { after: position } };
      },
    },
    rejected: {
      not_found: () => toUnknown(),
      validation_failed: () => ({ ...toUnknown(), ...viewRejections.validation_failed() }),
    },
  },
  'GET /v1/bulk/{id}/results': {
    accepted: {
      lines: async () => {
        const { id, position } = await runBulk('unknown');
        return { path: { id }, query: { after: position } };
      },
      table: async () => {
        const { id, position } = await runBulk('unknown');
        return { path: { id }, query: { after: position, format: 'csv' } };
      },
    },
    rejected: { not_found: () => toUnknown(), validation_failed: () => ({ ...toUnknown(), query: { format: 'pdf' } }) },
  },

  'GET /v1/webhooks/whatsapp': {
    accepted: {
      handshake: () => ({ query: { 'hub.mode': 'subscribe', 'hub.verify_token': secret, 'hub.challenge': '42' } }),
    },
    rejected: {
      forbidden: () => ({ query: { 'hub.mode': 'subscribe', 'hub.verify_token': 'no', 'hub.challenge': '42' } }),
      validation_failed: () => ({ query: { 'hub.mode': 'subscribe', 'hub.verify_token': secret } }),
    },
  },
  'POST /v1/webhooks/whatsapp': {
    accepted: { nothing: () => fromWhatsApp('{"entry":[]}') },
    rejected: { ...webhookRejections(fromWhatsApp('{}')), malformed_json: () => fromWhatsApp('{') },
  },
  'POST /v1/webhooks/twilio': {
    accepted: {
      message: () =>
        fromTwilio({
          From: '+34600000001',
          To: '+34600000002',
          Body: 'Hi',
          MessageSid: `SM${randomBytes(16).toString('hex')}`,
        }),
    },
    rejected: webhookRejections({
      body: 'From=a',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'X-Twilio-Signature': 'b' },
    })!,
  },
  'POST /v1/webhooks/sendgrid': {
    accepted: { nothing: () => fromSendGrid('[]') },
    rejected: { ...webhookRejections(fromSendGrid('[]')), malformed_json: () => fromSendGrid('[') },
  },

  'GET /v1/leads': {
    accepted: {
      ...viewExamples,
      all: () => ({ query: { limit: '200' }, headers: { 'X-Actor': 'agent:ana' } }),
      page: () => secondPage('/v1/leads'),
      filtered: () => ({
        query: {
          status: 'new,contacted',
          active: 'true',
          agentId: 'none',
          contactId: 'k',
          channel: 'whatsapp',
          origin: 'chat,manual',
          campaignId: 'c',
          scored: 'false',
          scoreMin: '0',
          scoreMax: '100',
          createdFrom: inHours(-9),
          createdTo: inHours(9),
          updatedFrom: inHours(-9),
          updatedTo: inHours(9),
          followUpDue: 'today',
          timeZone: 'Europe/Berlin',
          q: 'ana',
          sort: '-nextFollowUpAt',
          count: 'true',
        },
      }),
    },
    rejected: { validation_failed: () => ({ query: { sort: 'shoeSize' } }) },
  },
  'GET /v1/leads/export': {
    accepted: {
      ...viewExamples,
      page: async () => {
        await postInteraction(app);
        await app.get('/v1/leads', { after: (await postInteraction(app)).position });
        const { query } = await secondPage('/v1/leads');
        const page = { scope: 'page', limit: '1', cursor: query!['cursor']! };
        return { query: { ...page, format: 'ndjson', columns: 'id,name', timeZone: 'Asia/Tokyo' } };
      },
      workbook: () => ({ query: { format: 'xlsx', scope: 'all', q: 'ana', sort: 'name', active: 'true' } }),
    },
    rejected: { validation_failed: () => ({ query: { format: 'pdf' } }) },
  },
  'GET /v1/leads/{id}': {
    accepted: {
      known: async () => {
        const { leadId, position } = await postInteraction(app);
        return { path: { id: leadId }, query: { after: position } };
      },
      'as of a position': async () => {
        const { leadId, position } = await postInteraction(app);
        await app.post(`/v1/leads/${leadId}/status`, { status: 'lost', reason: 'No' });
        return { path: { id: leadId }, query: { asOf: position } };
      },
    },
    rejected: { not_found: () => toUnknown(), validation_failed: () => ({ ...toUnknown(), query: { wait: '-1' } }) },
  },
  'GET /v1/leads/{id}/replay': {
    accepted: {
      known: async () => {
        const { leadId } = await postInteraction(app, { text: 'Hi', profile: { name: 'Ana' } });
        const { id: agentId } = await postAgent(app);
        const { position } = await postAssignment(app, leadId, agentId);
        return { path: { id: leadId }, query: { after: position, limit: '2', count: 'true' } };
      },
    },
    rejected: { not_found: () => toUnknown(), validation_failed: () => ({ ...toUnknown(), query: { limit: '0' } }) },
  },
  'GET /v1/leads/{id}/history': {
    accepted: {
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
    rejected: {
      not_found: () => toUnknown(),
      validation_failed: () => ({ ...toUnknown(), query: { type: 'LeadSold' } }),
    },
  },
  'GET /v1/contacts/{id}/history': {
    accepted: {
      known: async () => {
        const body = interactionBody({ contactId: `${uniqueId('contact')} ü/?`, text: 'Hi', media: 'photo' });
        const { position } = (await app.post('/v1/interactions', body)).body;
        return { path: { id: body.contactId }, query: { after: position } };
      },
    },
    rejected: {
      not_found: () => toUnknown(),
      validation_failed: () => ({ ...toUnknown(), query: { from: 'yesterday' } }),
    },
  },
  'GET /v1/leads/{id}/broadcasts': {
    accepted: {
      known: async () => {
        const { contactId, messageId, position } = await sendBroadcast();
        const { leadId } = await postInteraction(app, { contactId, inReplyTo: messageId });
        await app.post('/v1/receipts', { receipts: [receipt('failed', { messageId, error: { code: 'x' } })] });
        const { body } = await app.post('/v1/receipts', { receipts: [receipt('read', { messageId })] });
        expect(body.position > position).toBe(true);
        return { path: { id: leadId }, query: { after: body.position } };
      },
    },
    rejected: {
      not_found: () => toUnknown(),
      validation_failed: () => ({ ...toUnknown(), query: { limit: '0' } }),
    },
  },
  'GET /v1/broadcasts': {
    accepted: {
      ...viewExamples,
      page: async () => ({ query: { after: (await sendBroadcast()).position, limit: '1' } }),
    },
    rejected: viewRejections,
  },
  'GET /v1/broadcasts/{id}': {
    accepted: {
      known: async () => {
        const { id, position } = await sendBroadcast();
        return { path: { id }, query: { after: position } };
      },
    },
    rejected: { not_found: () => toUnknown(), validation_failed: () => ({ ...toUnknown(), query: { wait: '-1' } }) },
  },
  'GET /v1/broadcasts/{id}/recipients': {
    accepted: {
      known: async () => {
        const { id, position } = await sendBroadcast();
        return { path: { id }, query: { after: position, state: 'queued,sent' } };
      },
    },
    rejected: {
      not_found: () => toUnknown(),
      validation_failed: () => ({ ...toUnknown(), query: { state: 'unknown' } }),
    },
  },
  'GET /v1/events': {
    accepted: {
      ...viewExamples,
      page: async () => {
        const { body } = await app.get('/v1/events', { limit: 1 });
        return { query: { limit: '1', cursor: body.nextCursor! } };
      },
      some: async () => ({
        query: { type: 'LeadOpened,AgentRegistered', from: (await postInteraction(app)).position },
      }),
      everything: async () => {
        await sendBroadcast();
        return { query: { limit: '200' } };
      },
    },
    rejected: { validation_failed: () => ({ query: { type: 'LeadSold' } }) },
  },
  'GET /v1/stats/funnel': statisticsExamples,
  'GET /v1/stats/time-in-status': statisticsExamples,
  'GET /v1/stats/agents': statisticsExamples,
  'GET /v1/stats/sources': statisticsExamples,
  'GET /v1/stream': {
    accepted: {
      now: () => ({}),
      some: async () => {
        const { leadId, position } = await postInteraction(app);
        return { query: { from: position, type: 'LeadOpened,LeadAssigned', leadId, contactId: 'k' } };
      },
      resumed: async () => ({ headers: { 'Last-Event-ID': (await postInteraction(app)).position } }),
    },
    rejected: { validation_failed: () => ({ headers: { 'Last-Event-ID': '7' } }) },
  },
  'GET /v1/follow-ups': {
    accepted: {
      ...viewExamples,
      page: async () => {
        const [first, second] = [await onFollowUp(), await onFollowUp()];
        const { position } = await postFollowUp(app, first.path!['id']!);
        await app.get('/v1/follow-ups', { after: position, leadId: second.path!['id'] });
        return secondPage('/v1/follow-ups');
      },
      filtered: () => ({
        query: { assigneeId: 'none', state: 'open', due: 'today', timeZone: 'Asia/Tokyo', leadId: 'l', count: 'true' },
      }),
    },
    rejected: { validation_failed: () => ({ query: { due: 'someday' } }) },
  },
  'GET /v1/agents': {
    accepted: {
      ...viewExamples,
      page: async () => {
        await agentId();
        const { position } = (await app.post('/v1/agents', { name: 'Ana' })).body;
        await app.get('/v1/agents', { after: position });
        return secondPage('/v1/agents');
      },
      active: () => ({ query: { active: 'true', count: 'true' } }),
    },
    rejected: viewRejections,
  },
  'GET /v1/agents/{id}': {
    accepted: {
      known: async () => {
        const { agent, position } = (await app.post('/v1/agents', { name: 'Ana' })).body;
        return { path: { id: agent.id }, query: { after: position } };
      },
    },
    rejected: { not_found: () => toUnknown(), validation_failed: () => ({ ...toUnknown(), query: { wait: '30001' } }) },
  },

  'GET /healthz': { accepted: { now: () => ({}) }, rejectsOtherMethods: true },
  'GET /readyz': { accepted: { now: () => ({}) }, rejectsOtherMethods: true },
  'GET /metrics': { accepted: { now: () => ({}) }, rejectsOtherMethods: true },
  'GET /openapi.json': { accepted: { now: () => ({}) }, rejectsOtherMethods: true },
  'GET /docs': { accepted: { now: () => ({}) }, rejectsOtherMethods: true },
  'GET /docs/{file}': {
    accepted: {
      style: () => ({ path: { file: 'swagger-ui.css' } }),
      script: () => ({ path: { file: 'swagger-ui-bundle.js' } }),
      icon: () => ({ path: { file: 'favicon-32x32.png' } }),
    },
    rejected: { not_found: () => ({ path: { file: 'passwd' } }) },
  },
};
const commands = Object.keys(examples).filter((name) => !name.startsWith('GET') && !name.includes('/webhooks/'));
const callsOf = (kind: 'accepted' | 'rejected') =>
  Object.entries(examples).flatMap(([name, operationExamples]) =>
    Object.entries(operationExamples[kind] ?? {}).map(([label, createCall]) => [name, label, createCall] as const),
  );
const firstAcceptedCall = async (name: string): Promise<Call> => Object.values(examples[name]!.accepted)[0]!();

async function send(
  name: string,
  { path = {}, query = {}, headers = {}, body }: Call,
): Promise<ApiResponse<Record<string, unknown>>> {
  const [method = '', template = ''] = name.split(' ');
  const url = template.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(path[key] ?? ''));
  const queryText = new URLSearchParams(query).toString();
  const fullUrl = queryText ? `${url}?${queryText}` : url;
  return name === 'GET /v1/stream' ? readBeginning(fullUrl, headers) : app.call(method, fullUrl, body, headers);
}

/** The beginning of an endless response. */
async function readBeginning(
  path: string,
  headers: Call['headers'] = {},
): Promise<ApiResponse<Record<string, unknown>>> {
  const abort = new AbortController();
  const response = await fetch(app.url + path, { headers, signal: abort.signal });
  let text = '';
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    text = new TextDecoder().decode(bytes);
    break;
  }
  abort.abort();
  const body = response.ok ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status: response.status, headers: response.headers, text, body };
}

/** Errors of a request according to the document. */
const requestErrors = (name: string, { path = {}, query = {}, headers = {}, body }: Call): readonly string[] => {
  const documentedHeaders = Object.fromEntries(
    Object.entries(headers)
      .filter(([key]) => key !== 'content-type')
      .map(([key, value]) => [key.toLowerCase() === 'if-match' ? 'If-Match' : key, value]),
  );
  const errorsOf = (kind: DocumentedParameter['in'], given: Readonly<Record<string, string>>) =>
    api.parameterErrors(name, kind, given);
  const pathParameters = Object.fromEntries(Object.entries(path).filter(([key]) => name.includes(`{${key}}`)));
  return [
    ...errorsOf('path', pathParameters),
    ...errorsOf('query', query),
    ...errorsOf('header', documentedHeaders),
    ...api.requestBodyErrors(name, body),
  ];
};

describe('the OpenAPI document', () => {
  test('the OpenAPI document describes exactly the routes that the server has', () => {
    const line = app.output.split('\n').find((text) => text.includes('"msg":"routes"'));
    const routes = (JSON.parse(line ?? '{}') as { routes: string[] }).routes
      .map((route) => route.replace(/:(\w+)/g, '{$1}'))
      .sort();
    expect(routes.filter((route) => !route.startsWith('HEAD '))).toEqual(api.operationNames);
    const heads = routes.filter((route) => route.startsWith('HEAD ')).map((route) => route.replace('HEAD', 'GET'));
    expect(heads).toEqual(api.operationNames.filter((name) => name.startsWith('GET ')));
  });

  test('the OpenAPI document is valid OpenAPI 3.1 with a summary and a description of everything', () => {
    const { openapi, info, paths, components } = api.document;
    expect(openapi).toMatch(/^3\.1\.\d+$/);
    expect(info).toMatchObject({ title: 'Leadstream', version: '1' });
    const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
    for (const name of api.operationNames) {
      const { summary, parameters, requestBody, responses } = api.operation(name);
      expect(summary).toMatch(/\w/);
      const resolved = parameters.map((parameter) => api.resolve(parameter));
      expect(new Set(resolved.map((parameter) => `${parameter.in} ${parameter.name}`)).size).toBe(resolved.length);
      expect(resolved.filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name)).toEqual(
        [...name.matchAll(/\{(\w+)\}/g)].map(([, key]) => key),
      );
      for (const parameter of resolved) {
        const isValid = api.isValidSchema(parameter.schema);
        expect({ name: parameter.name, isValid }).toEqual({ name: parameter.name, isValid: true });
        expect([name, parameter.name, parameter.description]).toEqual([
          name,
          parameter.name,
          expect.stringMatching(/\w/),
        ]);
        if (parameter.in === 'path') expect(parameter.required).toBe(true);
      }
      expect(requestBody !== undefined).toBe(!name.startsWith('GET'));
      expect(Object.keys(responses).filter((status) => !/^[2-5]\d\d$/.test(status))).toEqual([]);
      for (const { description } of Object.values(responses)) expect(description).toMatch(/\w/);
    }
    for (const [name, schema] of Object.entries(components['schemas']!))
      expect([name, api.isValidSchema(schema)]).toEqual([name, true]);
    expect(JSON.stringify(api.document)).not.toContain('"nullable"');
  });

  test('every $ref of the OpenAPI document resolves, and every component is referred to', () => {
    const refs = new Set(findRefs(api.document));
    for (const $ref of refs) api.resolve({ $ref });
    const components = Object.entries(api.document.components).flatMap(([kind, entries]) =>
      Object.keys(entries).map((name) => `#/components/${kind}/${name}`),
    );
    // The server returns these problems before it runs an operation, so no operation refers to them.
    const general = ['ForbiddenOrigin', 'HeadersTooLarge', 'MethodNotAllowed', 'MisdirectedRequest', 'RequestTimeout'];
    expect(components.filter((ref) => !refs.has(ref)).sort()).toEqual(
      general.map((name) => `#/components/schemas/${name}Problem`),
    );
  });

  test('every object in the OpenAPI document is closed, except free-form ones', () => {
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

  test('the OpenAPI document rejects a response with an additional field, a missing field or an unknown header', async () => {
    const name = 'GET /v1/leads/{id}';
    const response = await send(name, await examples[name]!.accepted['known']!());
    expect(api.responseErrors(name, response)).toEqual([]);
    expect(api.responseErrors(name, { ...response, body: { ...response.body, shoeSize: 42 } })).toHaveLength(1);
    expect(api.responseErrors(name, { ...response, body: { ...response.body, agent: undefined } })).not.toEqual([]);
    expect(
      api.responseErrors(name, { ...response, headers: new Headers({ 'content-type': 'application/json' }) }),
    ).toEqual(['X-Correlation-Id is missing', 'X-Position is missing']);
    const headers = new Headers(response.headers);
    headers.set('x-shoe-size', '42');
    expect(api.responseErrors(name, { ...response, headers })).toEqual(['x-shoe-size is not documented']);
    expect(api.responseErrors(name, { ...response, status: 418 })).toHaveLength(1);
  });

  test('every documented operation has examples in this file, including a rejected one', () => {
    expect(Object.keys(examples).sort()).toEqual(api.operationNames);
    const neverRejected = Object.entries(examples).filter(
      ([name, { rejected, rejectsOtherMethods }]) => name.startsWith('GET') && !rejected && !rejectsOtherMethods,
    );
    expect(neverRejected).toEqual([]);
  });
});

describe('responses', () => {
  const calls = callsOf('accepted').filter(([name]) => canExport || name !== 'GET /v1/leads/export');
  test.each(calls)('the response of %s (%s) is as documented', async (name, _, createCall) => {
    const call = await createCall();
    expect(requestErrors(name, call).length > 0).toBe(call.isPartlyInvalid ?? false);
    const response = await send(name, call);
    expect({ status: response.status, ok: response.status < 300 || response.text }).toMatchObject({ ok: true });
    expect(api.responseErrors(name, response)).toEqual([]);
    const { version = null } = response.body ?? {};
    if (version !== null) expect(response.headers.get('etag')).toBe(`"${version as number}"`);
  });

  test.each(commands)('the replayed response of %s is as documented', async (name) => {
    const call = await firstAcceptedCall(name);
    const headers = { ...call.headers, 'Idempotency-Key': uniqueId('replay') };
    expect(requestErrors(name, { ...call, headers })).toEqual([]);
    const first = await send(name, { ...call, headers });
    const replayed = await send(name, { ...call, headers });
    expect(replayed).toMatchObject({ status: first.status, text: first.text });
    expect(replayed.headers.get('idempotent-replayed')).toBe('true');
    expect(api.responseErrors(name, replayed)).toEqual([]);
  });
});

describe('problems', () => {
  const expectProblem = (name: string, response: ApiResponse<Record<string, unknown>>, code: string): void => {
    expect(response).toMatchObject({ body: { code } });
    expect(api.responseErrors(name, response)).toEqual([]);
  };

  test.each(callsOf('rejected'))('the problem of %s with code %s is as documented', async (name, code, createCall) => {
    const call = await createCall();
    if (code === 'validation_failed') expect(requestErrors(name, call)).not.toEqual([]);
    expectProblem(name, await send(name, call), code);
  });

  test.each(commands)('the problems of %s that all commands share are as documented', async (name) => {
    const call = await firstAcceptedCall(name);
    const sendWith = (changes: Call) => send(name, { ...call, ...changes });
    expectProblem(name, await sendWith({ body: '{' }), 'malformed_json');
    expectProblem(name, await sendWith({ body: `{"a":"${'a'.repeat(1024 * 1024)}"}` }), 'payload_too_large');
    expectProblem(
      name,
      await sendWith({ body: 'a', headers: { 'content-type': 'text/plain' } }),
      'unsupported_media_type',
    );
    const body = { ...(call.body as object | undefined), shoeSize: 42 };
    expect(requestErrors(name, { ...call, body })).not.toEqual([]);
    expectProblem(name, await sendWith({ body }), 'validation_failed');
    const headers = { 'Idempotency-Key': uniqueId('taken') };
    await app.post('/v1/agents', { name: 'Ana' }, headers);
    expectProblem(name, await sendWith({ headers }), 'idempotency_key_reused');
  });

  test.each(['Idempotency-Key', 'X-Causation-Id', 'X-Correlation-Id'])(
    'a command rejects every %s that the document rejects',
    async (header) => {
      const name = 'POST /v1/agents';
      const tooLong = 'x'.repeat(header === 'Idempotency-Key' ? 256 : 129);
      for (const value of ['', tooLong, 'schlüssel']) {
        const call = { body: { name: 'Ana' }, headers: { [header]: value } };
        expect(requestErrors(name, call)).not.toEqual([]);
        const response = await send(name, call);
        expectProblem(name, response, 'validation_failed');
        expect(response.body).toMatchObject({ errors: [{ field: header, code: 'invalid_header' }] });
      }
    },
  );

  test.each(Object.keys(examples).filter((name) => examples[name]!.rejectsOtherMethods))(
    '%s rejects other methods as documented',
    async (name) => {
      const response = await send(name.replace('GET', 'POST'), { body: {} });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD');
      expect(api.schemaErrors({ $ref: '#/components/schemas/MethodNotAllowedProblem' }, response.body)).toEqual([]);
    },
  );

  test('every documented problem code has an example in this file, except those that depend on timing', () => {
    const commandCodes = ['malformed_json', 'payload_too_large', 'unsupported_media_type', 'validation_failed'];
    const timingCodes = ['conflict', 'idempotency_in_flight', 'internal', 'unavailable', 'projection_behind'];
    for (const name of api.operationNames) {
      const documented = Object.values(api.operation(name).responses)
        .flatMap(({ content }) => [...findRefs(content['application/problem+json'] ?? {})])
        .map(problemCodeAt);
      const shown = commands.includes(name) ? [...commandCodes, 'idempotency_key_reused'] : [];
      const expected = new Set([...shown, ...Object.keys(examples[name]!.rejected ?? {})]);
      expect([name, documented.filter((code) => !timingCodes.includes(code)).sort()]).toEqual([
        name,
        [...expected].sort(),
      ]);
    }
  });

  test('the description of every problem response names its codes', () => {
    for (const name of api.operationNames)
      for (const { content, description } of Object.values(api.operation(name).responses))
        for (const $ref of findRefs(content['application/problem+json'] ?? {}))
          expect(description).toContain(problemCodeAt($ref));
  });
});

function problemCodeAt($ref: string): string {
  const { properties } = api.resolve<JsonSchema>({ $ref }) as unknown as { properties: { code: { const: string } } };
  return properties.code.const;
}

/** Yields the paths of objects that allow additional properties. */
function* openObjects(schema: JsonSchema, path: string): Generator<string> {
  const { type, properties, additionalProperties, items, anyOf, oneOf } = schema as {
    [key: string]: unknown;
    properties?: Record<string, JsonSchema>;
    anyOf?: JsonSchema[];
    oneOf?: JsonSchema[];
  };
  if ([type].flat().includes('object') && additionalProperties !== false) yield path;
  for (const [name, property] of Object.entries(properties ?? {})) yield* openObjects(property, `${path}.${name}`);
  for (const [index, variant] of [...(anyOf ?? []), ...(oneOf ?? [])].entries())
    yield* openObjects(variant, `${path}.${index}`);
  for (const child of [items, additionalProperties])
    if (typeof child === 'object' && child !== null) yield* openObjects(child as JsonSchema, `${path}.*`);
}
