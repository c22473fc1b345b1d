import { expect } from '@jest/globals';
import type { BulkSummary, ShownResult } from '#domain/bulk/bulk.results';
import type { Answer, App, Said, Sent } from './app.js';
import { openLead } from './story.js';

/** What a bulk may answer; which of it is there, the test knows that asked. */
export interface BulkSaid extends Said {
  readonly bulkId: string;
  readonly summary: BulkSummary;
  readonly results: readonly ShownResult[];
}

export const bulk = (app: App, body: unknown, headers: Sent = {}): Promise<Answer<BulkSaid>> =>
  app.call<BulkSaid>('POST', '/v1/bulk', body, headers);

/** New leads of new contacts. */
export async function openLeads(app: App, count: number, more: object = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let done = 0; done < count; done += 50)
    ids.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(50, count - done) }, async () => (await openLead(app, more)).id),
      )),
    );
  return ids;
}

/** The outcomes, in order; a refused one with its code. */
export const outcomesOf = ({ body }: Answer<BulkSaid>): readonly string[] =>
  body.results.map(({ index, outcome, code }, nth) => {
    expect(index).toBe(nth);
    return code === undefined ? outcome : `${outcome} ${code}`;
  });
