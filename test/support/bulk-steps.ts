import { expect } from '@jest/globals';
import type { BulkState } from '#domain/bulk/bulk.job';
import type { BulkJobResource, BulkResultResource } from '#resources/bulk.resource';
import type { BulkSummary } from '#domain/bulk/bulk.results';
import type { ApiResponse, App, QueryParams, ResponseBody, StringMap } from './app.js';
import { expectSuccess, interactionBody, retryWhileUnavailable, unexpectedResponse } from './api-steps.js';

/** All fields that a bulk response may have. The test knows which of them its request returns. */
export interface BulkResponseBody extends ResponseBody {
  readonly bulkId: string;
  readonly summary: BulkSummary;
  readonly results: readonly BulkResultResource[];
  readonly state: BulkState;
  readonly count: number;
}

export const postBulk = (app: App, body: unknown, headers: StringMap = {}): Promise<ApiResponse<BulkResponseBody>> =>
  app.call<BulkResponseBody>('POST', '/v1/bulk', body, headers);

/** Opens leads of new contacts and returns their ids. */
export async function openLeads(app: App, count: number, overrides: object = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  const concurrency = 20;
  while (ids.length < count) {
    const bodies = Array.from({ length: Math.min(concurrency, count - ids.length) }, () => interactionBody(overrides));
    const opened = bodies.map(
      async (body) => expectSuccess(await retryWhileUnavailable(() => app.post('/v1/interactions', body))).leadId,
    );
    ids.push(...(await Promise.all(opened)));
  }
  return ids;
}

/** The outcomes in input order; a rejected item's outcome is followed by its code. */
export const resultOutcomes = ({ body }: ApiResponse<BulkResponseBody>): readonly string[] =>
  body.results.map(({ index, outcome, code }, expectedIndex) => {
    expect(index).toBe(expectedIndex);
    return code === undefined ? outcome : `${outcome} ${code}`;
  });

export const postCancel = (app: App, bulkId: string): Promise<ApiResponse<BulkResponseBody>> =>
  app.call<BulkResponseBody>('POST', `/v1/bulk/${bulkId}/cancel`);
export const postRetry = (app: App, bulkId: string): Promise<ApiResponse<BulkResponseBody>> =>
  app.call<BulkResponseBody>('POST', `/v1/bulk/${bulkId}/retry`);

export async function getJob(app: App, bulkId: string, query: QueryParams = {}): Promise<BulkJobResource> {
  const response = await app.get<BulkJobResource>(`/v1/bulk/${bulkId}`, query);
  if (response.status !== 200) throw unexpectedResponse(response);
  return response.body;
}

/** Takes the response of the request that started or retried the job. */
export async function waitUntilJobClosed(app: App, { bulkId, position }: BulkResponseBody): Promise<BulkJobResource> {
  for (;;) {
    const job = await getJob(app, bulkId, { after: position, wait: 30_000 });
    if (job.closedAt !== null) return job;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The job's results, downloaded as NDJSON. */
export async function getJobResults(app: App, bulkId: string): Promise<readonly BulkResultResource[]> {
  const { status, text } = await app.get(`/v1/bulk/${bulkId}/results`);
  expect(status).toBe(200);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as BulkResultResource);
}
