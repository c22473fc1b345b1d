import { Injectable } from '@nestjs/common';
import { LeadSelector, type LeadFilterParams } from '#commands/lead-selector';
import { EventStore } from '#event-store/event-store';
import { toLeadFilter } from '#http/lead-filter';
import { ViewReaders } from '#http/view-readers';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { listActiveLeadIds, countActiveLeads } from '#projections/lead-list/lead-list.query';

/** Selects leads from the list of them. */
@Injectable()
export class LeadListSelector extends LeadSelector {
  constructor(
    private readonly reading: ViewReaders,
    private readonly log: EventStore,
  ) {
    super();
  }

  /** The list goes on while it is read: what is found in the end is what counts. */
  async select(
    org: string,
    asked: LeadFilterParams,
    expectedCount: number,
    now: string,
  ): Promise<{ readonly ids: readonly string[] } | { readonly count: number }> {
    const filter = toLeadFilter(asked, now);
    const reader = await this.reading.atLeast(leadListView, { after: await this.log.head() });
    const count = await countActiveLeads(reader, org, filter);
    if (count !== expectedCount) return { count };
    const ids = await listActiveLeadIds(reader, org, filter, expectedCount + 1);
    return ids.length === expectedCount ? { ids } : { count: ids.length };
  }
}
