import { setImmediate } from 'node:timers/promises';
import type { LeadResource } from '#resources/lead.resource';
import { listLeads, type LeadFilter, type LeadSort } from '#projections/lead-list/lead-list.query';
import type { ViewSnapshot } from '#read-model/view-store';
import type { LeadBatches } from './manifest.js';

/** Rows of a question to the view, and how many of them become text before others get their turn on this thread. */
const [atOnce, inOneGo] = [500, 100];

/** Everything that matches, in order. */
export async function* readAllLeads(
  snapshot: ViewSnapshot,
  org: string,
  filter: LeadFilter,
  sort: { readonly column: LeadSort; readonly descending: boolean },
): LeadBatches {
  for (let after: Parameters<typeof listLeads>[3]['after'], more = true; more;) {
    const page = await listLeads(snapshot, org, filter, { sort, limit: atOnce, ...(after ? { after } : {}) });
    yield* chunkLeads(page.items);
    more = page.last !== null;
    if (page.last) after = page.last;
  }
}

/** So many leads at a time as may be worked on in one go. */
export async function* chunkLeads(leads: readonly LeadResource[]): LeadBatches {
  for (let from = 0; from < leads.length; from += inOneGo) {
    yield leads.slice(from, from + inOneGo);
    await setImmediate();
  }
}

/** A file must never look whole that is not: as many leads as were counted, or an error at the end. */
export async function* requireCount(leads: LeadBatches, count: number): LeadBatches {
  let told = 0;
  for await (const each of leads) {
    told += each.length;
    if (told > count) break;
    yield each;
  }
  if (told !== count) throw new Error(`${count} leads were counted, but there are ${told > count ? 'more' : told}`);
}

/** In milliseconds: how long an export may take, and how long whoever downloads it may take nothing of it. */
export interface ExportDeadlines {
  readonly totalMs: number;
  readonly idleMs: number;
}

/** Ends with an error, at once and wherever it is, when patience does; `stop` is what makes it end. */
export async function* withExportDeadlines(
  leads: LeadBatches,
  patience: ExportDeadlines,
  stop: (reason: Error) => void,
): LeadBatches {
  const whole = setTimeout(() => stop(new Error(`not done after ${patience.totalMs} ms`)), patience.totalMs);
  let still: NodeJS.Timeout | undefined;
  try {
    for await (const each of leads) {
      still = setTimeout(() => stop(new Error(`nothing was taken for ${patience.idleMs} ms`)), patience.idleMs);
      yield each;
      clearTimeout(still);
    }
  } finally {
    clearTimeout(whole);
    clearTimeout(still);
  }
}
