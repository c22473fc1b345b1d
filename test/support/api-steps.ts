import { expect } from '@jest/globals';
import type { LeadResource } from '#resources/lead.resource';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import type { ApiResponse, App, HistoryPage, QueryParams, ResponseBody, StringMap } from './app.js';
import { isEmbedded } from './engines.js';

/*
 * What happens in nearly every story. Contacts, messages and agents get ids of their own unless the story names them, so that
 * the stories of a file can share one app.
 */

let made = 0;
export const uniqueId = (word: string): string => `${word}-${++made}`;

/** The body of an interaction: a chat message of a new contact, unless said otherwise. */
export const interactionBody = (more: object = {}): { contactId: string; messageId: string } => ({
  contactId: uniqueId('contact'),
  ...{ channel: 'whatsapp', kind: 'chat' },
  messageId: uniqueId('message'),
  ...more,
});

/**
 * A command that goes well. A server of the log that is busy may be too late for it: then it is asked again, under a key, since it
 * may have been done.
 */
async function tell(app: App, path: string, body: object, headers: StringMap = {}): Promise<ResponseBody> {
  const sent = isEmbedded.log ? headers : { 'idempotency-key': uniqueId('told'), ...headers };
  return expectSuccess(await retryWhileUnavailable(() => app.post(path, body, sent)));
}

/** A contact writes. */
export const postInteraction = (app: App, more: object = {}, headers: StringMap = {}): Promise<ResponseBody> =>
  tell(app, '/v1/interactions', interactionBody(more), headers);

/** A new lead, of a new contact unless said otherwise. */
export async function openLead(app: App, more: object = {}, headers: StringMap = {}): Promise<LeadResource> {
  const said = await postInteraction(app, more, headers);
  expect(said).toMatchObject({ leadCreated: true, lead: { status: 'new', active: true } });
  return said.lead;
}

export const postStatus = (app: App, leadId: string, status: string, more: object = {}): Promise<ResponseBody> =>
  tell(app, `/v1/leads/${leadId}/status`, { status, ...more });

/** A lead that was opened and closed. */
export async function openClosedLead(app: App, status = 'lost', more: object = {}): Promise<LeadResource> {
  const { id } = await openLead(app, more);
  return (await postStatus(app, id, status)).lead;
}

export async function postAgent(app: App, more: object = {}): Promise<ResponseBody['agent']> {
  return (await tell(app, '/v1/agents', { id: uniqueId('agent'), name: 'Ana', ...more })).agent;
}

export const postAssignment = (app: App, leadId: string, agentId: string, more: object = {}): Promise<ResponseBody> =>
  tell(app, `/v1/leads/${leadId}/assignment`, { agentId, ...more });

/** A follow-up on the lead, due tomorrow unless said otherwise. */
export const postFollowUp = (app: App, leadId: string, more: object = {}): Promise<ResponseBody> =>
  tell(app, `/v1/leads/${leadId}/follow-ups`, { dueAt: inHours(24), ...more });

/** The lead as the list shows it, at least as new as the position. */
export async function getLead(app: App, leadId: string, after: string): Promise<LeadResource> {
  const answer = await app.get<LeadResource>(`/v1/leads/${leadId}`, { after });
  if (answer.status !== 200) throw new Error(`Refused with ${answer.status}: ${answer.text}`);
  return answer.body;
}

/** All pages of a list of leads. */
export const getAllLeads = (app: App, query: QueryParams = {}): Promise<LeadResource[]> =>
  getAllItems(app, '/v1/leads', query);

/** All pages of a lead's history, oldest first unless said otherwise. */
export const getLeadHistory = (app: App, leadId: string, query: QueryParams = {}): Promise<HistoryEntry[]> =>
  getAllItems(app, `/v1/leads/${leadId}/history`, { order: 'asc', ...query });

/** The reminders in a lead's history, once there are so many. */
export async function waitForReminders(app: App, leadId: string, atLeast = 0): Promise<HistoryEntry[]> {
  const query = { type: 'FollowUpReminded', order: 'asc', limit: 200 };
  for (;;) {
    const { status, body } = await app.get<HistoryPage>(`/v1/leads/${leadId}/history`, query);
    if (status === 200 && body.items.length >= atLeast) return [...body.items];
  }
}

/** All pages of a contact's history, oldest first unless said otherwise. */
export const getContactHistory = (app: App, contactId: string, query: QueryParams = {}): Promise<HistoryEntry[]> =>
  getAllItems(app, `/v1/contacts/${encodeURIComponent(contactId)}/history`, { order: 'asc', ...query });

/** All pages of a list, at least as new as what was written last, unless said otherwise. */
export async function getAllItems<Item>(app: App, path: string, query: QueryParams): Promise<Item[]> {
  const items: Item[] = [];
  const asked = { limit: 200, after: app.latestPosition, ...query };
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await retryWhileUnavailable(() =>
      app.get<{ items: Item[]; nextCursor: string | null }>(path, { ...asked, cursor }),
    );
    if (page.status !== 200) throw new Error(`Refused with ${page.status}: ${page.text}`);
    items.push(...page.body.items);
    cursor = page.body.nextCursor;
  }
  return items;
}

/** Asks again for as long as the service can't now: what callers are told to do, and what a busy machine may come to. */
export async function retryWhileUnavailable<Body = ResponseBody>(
  ask: () => Promise<ApiResponse<Body>>,
): Promise<ApiResponse<Body>> {
  for (;;) {
    const answer = await ask();
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => setTimeout(resolve, 1_000 * Number(answer.headers.get('retry-after'))));
  }
}

/** What a command said that went well. */
export function expectSuccess(answer: ApiResponse): ResponseBody {
  if (answer.status >= 300) throw new Error(`Refused with ${answer.status}: ${answer.text}`);
  return answer.body;
}

export const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
export const inMinutes = (minutes: number): string => inMs(minutes * 60_000);
export const inHours = (hours: number): string => inMinutes(hours * 60);
