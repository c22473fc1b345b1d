import { expect } from '@jest/globals';
import type { BulkState, ShownJob } from '#domain/bulk/bulk.job';
import type { BulkSummary, ShownResult } from '#domain/bulk/bulk.results';
import type { Answer, App, Query, Said, Sent } from './app.js';
import { done, interaction, patiently } from './story.js';

/** What a bulk may answer; which of it is there, the test knows that asked. */
export interface BulkSaid extends Said {
  readonly bulkId: string;
  readonly summary: BulkSummary;
  readonly results: readonly ShownResult[];
  readonly state: BulkState;
  readonly count: number;
}

export const bulk = (app: App, body: unknown, headers: Sent = {}): Promise<Answer<BulkSaid>> =>
  app.call<BulkSaid>('POST', '/v1/bulk', body, headers);

/** New leads of new contacts, in this order. */
export async function openLeads(app: App, count: number, more: object = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  const atOnce = 20;
  while (ids.length < count) {
    const bodies = Array.from({ length: Math.min(atOnce, count - ids.length) }, () => interaction(more));
    const opened = bodies.map(async (body) => done(await patiently(() => app.post('/v1/interactions', body))).leadId);
    ids.push(...(await Promise.all(opened)));
  }
  return ids;
}

/** The outcomes, in order; a refused one with its code. */
export const outcomesOf = ({ body }: Answer<BulkSaid>): readonly string[] =>
  body.results.map(({ index, outcome, code }, nth) => {
    expect(index).toBe(nth);
    return code === undefined ? outcome : `${outcome} ${code}`;
  });

export const cancel = (app: App, bulkId: string): Promise<Answer<BulkSaid>> =>
  app.call<BulkSaid>('POST', `/v1/bulk/${bulkId}/cancel`);
export const retry = (app: App, bulkId: string): Promise<Answer<BulkSaid>> =>
  app.call<BulkSaid>('POST', `/v1/bulk/${bulkId}/retry`);

/** The job as its view shows it. */
export async function jobNow(app: App, bulkId: string, query: Query = {}): Promise<ShownJob> {
  const answer = await app.get<ShownJob>(`/v1/bulk/${bulkId}`, query);
  if (answer.status !== 200) throw new Error(`Refused with ${answer.status}: ${answer.text}`);
  return answer.body;
}

/** The job once it has come to its end, after what was said of it. */
export async function jobClosed(app: App, { bulkId, position }: BulkSaid): Promise<ShownJob> {
  for (;;) {
    const job = await jobNow(app, bulkId, { after: position, wait: 30_000 });
    if (job.closedAt !== null) return job;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The results as a file, line by line. */
export async function resultsOf(app: App, bulkId: string): Promise<readonly ShownResult[]> {
  const { status, text } = await app.get(`/v1/bulk/${bulkId}/results`);
  expect(status).toBe(200);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ShownResult);
}
