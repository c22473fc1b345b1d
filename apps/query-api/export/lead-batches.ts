import { setImmediate } from 'node:timers/promises';
import type { LeadResource } from '#resources/lead.resource';
import { listLeads, type LeadFilter, type LeadSort } from '#projections/lead-list/lead-list.query';
import type { ViewSnapshot } from '#read-model/view-store';
import type { LeadBatches } from './manifest.js';

/** Rows per query of the view. */
const pageSize = 500;
/** Rows that are serialized before other work of this thread can run. */
const batchSize = 100;

/** Yields every lead that matches, in order. */
export async function* readAllLeads(
  snapshot: ViewSnapshot,
  org: string,
  filter: LeadFilter,
  sort: { readonly column: LeadSort; readonly descending: boolean },
): LeadBatches {
  for (let after: Parameters<typeof listLeads>[3]['after'], hasMore = true; hasMore;) {
    const page = await listLeads(snapshot, org, filter, { sort, limit: pageSize, ...(after ? { after } : {}) });
    yield* chunkLeads(page.items);
    hasMore = page.last !== null;
    if (page.last) after = page.last;
  }
}

/** Yields batches that are small enough to be serialized without blocking the thread for long. */
export async function* chunkLeads(leads: readonly LeadResource[]): LeadBatches {
  for (let start = 0; start < leads.length; start += batchSize) {
    yield leads.slice(start, start + batchSize);
    await setImmediate();
  }
}

/**
 * Yields the leads of an export, which must have exactly `count` leads.
 * @throws Error at the end if there are more or fewer, so that an incomplete file never looks complete
 */
export async function* requireCount(leads: LeadBatches, count: number): LeadBatches {
  let found = 0;
  for await (const batch of leads) {
    found += batch.length;
    if (found > count) break;
    yield batch;
  }
  if (found !== count) throw new Error(`expected ${count} leads, but found ${found > count ? 'more' : found}`);
}

export interface ExportDeadlines {
  /** Maximum duration of the whole export, in milliseconds. */
  readonly totalMs: number;
  /** Maximum time during which the client accepts no data, in milliseconds. */
  readonly idleMs: number;
}

/** Calls `stop` when a deadline passes, even while a batch is waiting to be accepted. */
export async function* withExportDeadlines(
  leads: LeadBatches,
  { totalMs, idleMs }: ExportDeadlines,
  stop: (reason: Error) => void,
): LeadBatches {
  const totalTimer = setTimeout(() => stop(new Error(`not finished after ${totalMs} ms`)), totalMs);
  let idleTimer: NodeJS.Timeout | undefined;
  try {
    for await (const batch of leads) {
      idleTimer = setTimeout(() => stop(new Error(`the client accepted no data for ${idleMs} ms`)), idleMs);
      yield batch;
      clearTimeout(idleTimer);
    }
  } finally {
    clearTimeout(totalTimer);
    clearTimeout(idleTimer);
  }
}
