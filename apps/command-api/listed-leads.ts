import { Injectable } from '@nestjs/common';
import { LeadSelection, type AskedFilter } from '#commands/lead-selection';
import { EventStore } from '#event-store/event-store';
import { leadFilterOf } from '#http/lead-filter';
import { Reading } from '#http/reading';
import { leadList } from '#projections/lead-list/lead-list.projection';
import { activeLeadIds, countActiveLeads } from '#projections/lead-list/lead-list.query';

/** Selects leads from the list of them. */
@Injectable()
export class ListedLeads extends LeadSelection {
  constructor(
    private readonly reading: Reading,
    private readonly log: EventStore,
  ) {
    super();
  }

  /** The list goes on while it is read: what is found in the end is what counts. */
  async select(
    org: string,
    asked: AskedFilter,
    expectedCount: number,
    now: string,
  ): Promise<{ readonly ids: readonly string[] } | { readonly count: number }> {
    const filter = leadFilterOf(asked, now);
    const reader = await this.reading.upTo(leadList, { after: await this.log.head() });
    const count = await countActiveLeads(reader, org, filter);
    if (count !== expectedCount) return { count };
    const ids = await activeLeadIds(reader, org, filter, expectedCount + 1);
    return ids.length === expectedCount ? { ids } : { count: ids.length };
  }
}
