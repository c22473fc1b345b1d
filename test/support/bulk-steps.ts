import { expect } from '@jest/globals';
import type { BulkState } from '#domain/bulk/bulk.job';
import type { BulkJobResource, BulkResultResource } from '#resources/bulk.resource';
import type { BulkSummary } from '#domain/bulk/bulk.results';
import type { ApiResponse, App, QueryParams, ResponseBody, StringMap } from './app.js';
import { expectSuccess, interactionBody, retryWhileUnavailable } from './api-steps.js';

/** What a bulk may answer; which of it is there, the test knows that asked. */
export interface BulkResponseBody extends ResponseBody {
  readonly bulkId: string;
  readonly summary: BulkSummary;
  readonly results: readonly BulkResultResource[];
  readonly state: BulkState;
  readonly count: number;
}

export const postBulk = (app: App, body: unknown, headers: StringMap = {}): Promise<ApiResponse<BulkResponseBody>> =>
  app.call<BulkResponseBody>('POST', '/v1/bulk', body, headers);

/** New leads of new contacts, in this order. */
export async function openLeads(app: App, count: number, more: object = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  const atOnce = 20;
  while (ids.length < count) {
    const bodies = Array.from({ length: Math.min(atOnce, count - ids.length) }, () => interactionBody(more));
    const opened = bodies.map(
      async (body) => expectSuccess(await retryWhileUnavailable(() => app.post('/v1/interactions', body))).leadId,
    );
    ids.push(...(await Promise.all(opened)));
  }
  return ids;
}

/** The outcomes, in order; a refused one with its code. */
export const resultOutcomes = ({ body }: ApiResponse<BulkResponseBody>): readonly string[] =>
  body.results.map(({ index, outcome, code }, nth) => {
    expect(index).toBe(nth);
    return code === undefined ? outcome : `${outcome} ${code}`;
  });

export const postCancel = (app: App, bulkId: string): Promise<ApiResponse<BulkResponseBody>> =>
  app.call<BulkResponseBody>('POST', `/v1/bulk/${bulkId}/cancel`);
export const postRetry = (app: App, bulkId: string): Promise<ApiResponse<BulkResponseBody>> =>
  app.call<BulkResponseBody>('POST', `/v1/bulk/${bulkId}/retry`);

/** The job as its view shows it. */
export async function getJob(app: App, bulkId: string, query: QueryParams = {}): Promise<BulkJobResource> {
  const answer = await app.get<BulkJobResource>(`/v1/bulk/${bulkId}`, query);
  if (answer.status !== 200) throw new Error(`Refused with ${answer.status}: ${answer.text}`);
  return answer.body;
}

/** The job once it has come to its end, after what was said of it. */
export async function waitUntilJobClosed(app: App, { bulkId, position }: BulkResponseBody): Promise<BulkJobResource> {
  for (;;) {
    const job = await getJob(app, bulkId, { after: position, wait: 30_000 });
    if (job.closedAt !== null) return job;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The results as a file, line by line. */
export async function getJobResults(app: App, bulkId: string): Promise<readonly BulkResultResource[]> {
  const { status, text } = await app.get(`/v1/bulk/${bulkId}/results`);
  expect(status).toBe(200);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as BulkResultResource);
}
