import { expect } from '@jest/globals';
import type { LeadResource } from '#resources/lead.resource';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import { App, type ApiResponse, type HistoryPage, type QueryParams, type ResponseBody, type StringMap } from './app.js';
import { isEmbedded } from './engines.js';

/*
 * HTTP requests that most scenarios share. Contacts, messages and agents get new ids unless the scenario names them, so that
 * all tests of a file can share one app.
 */

let lastId = 0;
export const uniqueId = (prefix: string): string => `${prefix}-${++lastId}`;

export const idempotencyKey = (key = uniqueId('key')): { 'idempotency-key': string } => ({ 'idempotency-key': key });

export const occurredAtHeader = (time: string): StringMap => ({ 'x-occurred-at': time });

/** Runs the scenario on an app with its own data, and disposes of the app afterwards. */
export async function withApp(scenario: (app: App) => Promise<void>): Promise<void> {
  const app = new App();
  try {
    await app.start();
    await scenario(app);
  } finally {
    await app.dispose();
  }
}

/** The body of an interaction: by default a chat message of a new contact. */
export const interactionBody = (overrides: object = {}): { contactId: string; messageId: string } => ({
  contactId: uniqueId('contact'),
  messageId: uniqueId('message'),
  ...{ channel: 'whatsapp', kind: 'chat', ...overrides },
});

/**
 * Sends a command that must succeed. On a busy log server the command may be carried out although its response is a 503. It is
 * then sent again under the same idempotency key.
 */
async function postReliably(app: App, path: string, body: object, headers: StringMap = {}): Promise<ResponseBody> {
  const allHeaders = isEmbedded.log ? headers : { ...idempotencyKey(), ...headers };
  return expectSuccess(await retryWhileUnavailable(() => app.post(path, body, allHeaders)));
}

export const postInteraction = (app: App, overrides: object = {}, headers: StringMap = {}): Promise<ResponseBody> =>
  postReliably(app, '/v1/interactions', interactionBody(overrides), headers);

/** A new lead, by default of a new contact. */
export async function openLead(app: App, overrides: object = {}, headers: StringMap = {}): Promise<LeadResource> {
  const body = await postInteraction(app, overrides, headers);
  expect(body).toMatchObject({ leadCreated: true, lead: { status: 'new', active: true } });
  return body.lead;
}

export const postStatus = (app: App, leadId: string, status: string, overrides: object = {}): Promise<ResponseBody> =>
  postReliably(app, `/v1/leads/${leadId}/status`, { status, ...overrides });

export async function openClosedLead(app: App, status = 'lost', overrides: object = {}): Promise<LeadResource> {
  const { id } = await openLead(app, overrides);
  return (await postStatus(app, id, status)).lead;
}

export async function postAgent(app: App, overrides: object = {}): Promise<ResponseBody['agent']> {
  return (await postReliably(app, '/v1/agents', { id: uniqueId('agent'), name: 'Ana', ...overrides })).agent;
}

export const postAssignment = (
  app: App,
  leadId: string,
  agentId: string,
  overrides: object = {},
): Promise<ResponseBody> => postReliably(app, `/v1/leads/${leadId}/assignment`, { agentId, ...overrides });

/** A follow-up on the lead, by default due tomorrow. */
export const postFollowUp = (app: App, leadId: string, overrides: object = {}): Promise<ResponseBody> =>
  postReliably(app, `/v1/leads/${leadId}/follow-ups`, { dueAt: inHours(24), ...overrides });

export const postFollowUpAction = (
  app: App,
  leadId: string,
  followUpId: string,
  action: string,
  body?: object,
): Promise<ApiResponse> => app.post(`/v1/leads/${leadId}/follow-ups/${followUpId}/${action}`, body);

/** The lead from a view that has reached the position. */
export async function getLead(app: App, leadId: string, after: string): Promise<LeadResource> {
  const response = await app.get<LeadResource>(`/v1/leads/${leadId}`, { after });
  if (response.status !== 200) throw unexpectedResponse(response);
  return response.body;
}

/** All pages of a list of leads. */
export const getAllLeads = (app: App, query: QueryParams = {}): Promise<LeadResource[]> =>
  getAllItems(app, '/v1/leads', query);

/** All pages of a lead's history, by default oldest first. */
export const getLeadHistory = (app: App, leadId: string, query: QueryParams = {}): Promise<HistoryEntry[]> =>
  getAllItems(app, `/v1/leads/${leadId}/history`, { order: 'asc', ...query });

/** The reminders in a lead's history, as soon as there are at least `minCount`. */
export async function waitForReminders(app: App, leadId: string, minCount = 0): Promise<HistoryEntry[]> {
  const query = { type: 'FollowUpReminded', order: 'asc', limit: 200 };
  for (;;) {
    const { status, body } = await app.get<HistoryPage>(`/v1/leads/${leadId}/history`, query);
    if (status === 200 && body.items.length >= minCount) return [...body.items];
  }
}

/** All pages of a contact's history, by default oldest first. */
export const getContactHistory = (app: App, contactId: string, query: QueryParams = {}): Promise<HistoryEntry[]> =>
  getAllItems(app, `/v1/contacts/${encodeURIComponent(contactId)}/history`, { order: 'asc', ...query });

/** All pages of a list, by default from a view that has reached the app's last write. */
export async function getAllItems<Item>(app: App, path: string, query: QueryParams): Promise<Item[]> {
  const items: Item[] = [];
  const params = { limit: 200, after: app.latestPosition, ...query };
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await retryWhileUnavailable(() =>
      app.get<{ items: Item[]; nextCursor: string | null }>(path, { ...params, cursor }),
    );
    if (page.status !== 200) throw unexpectedResponse(page);
    items.push(...page.body.items);
    cursor = page.body.nextCursor;
  }
  return items;
}

/** Sends the request again while the response is 503, as callers should. Needed on a busy machine. */
export async function retryWhileUnavailable<Body = ResponseBody>(
  send: () => Promise<ApiResponse<Body>>,
): Promise<ApiResponse<Body>> {
  for (;;) {
    const response = await send();
    if (response.status !== 503) return response;
    await new Promise((resolve) => setTimeout(resolve, 1_000 * Number(response.headers.get('retry-after'))));
  }
}

/** The body of a successful response. @throws if the status is 300 or above */
export function expectSuccess(response: ApiResponse): ResponseBody {
  if (response.status >= 300) throw unexpectedResponse(response);
  return response.body;
}

export const unexpectedResponse = ({ status, text }: ApiResponse<unknown>): Error =>
  new Error(`Unexpected response ${status}: ${text}`);

export async function waitUntil(condition: () => Promise<boolean>, pollIntervalMs = 20): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
}

export const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
export const inMinutes = (minutes: number): string => inMs(minutes * 60_000);
export const inHours = (hours: number): string => inMinutes(hours * 60);
