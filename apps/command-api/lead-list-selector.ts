import { Injectable } from '@nestjs/common';
import { LeadSelector, type LeadFilterParams } from '#commands/lead-selector';
import { EventStore } from '#event-store/event-store';
import { toLeadFilter } from '#http/resources/lead-filter';
import { ViewReaders } from '#http/view-readers';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { listActiveLeadIds, countActiveLeads } from '#projections/lead-list/lead-list.query';

/** Selects leads from the lead list. */
@Injectable()
export class LeadListSelector extends LeadSelector {
  constructor(
    private readonly views: ViewReaders,
    private readonly log: EventStore,
  ) {
    super();
  }

  /** The list may change between the two reads, so the number of IDs is compared as well. */
  async select(
    org: string,
    params: LeadFilterParams,
    expectedCount: number,
    now: string,
  ): Promise<{ readonly ids: readonly string[] } | { readonly count: number }> {
    const filter = toLeadFilter(params, now);
    const reader = await this.views.atLeast(leadListView, { after: await this.log.head() });
    const count = await countActiveLeads(reader, org, filter);
    if (count !== expectedCount) return { count };
    const ids = await listActiveLeadIds(reader, org, filter, expectedCount + 1);
    return ids.length === expectedCount ? { ids } : { count: ids.length };
  }
}
