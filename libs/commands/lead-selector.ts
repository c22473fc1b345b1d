/** A filter of leads as it was asked, in the names and values of the list's query. */
export type LeadFilterParams = Readonly<Record<string, string>>;

/** Finds the active leads that a filter selects; for whoever may not read views. */
export abstract class LeadSelector {
  /**
   * Their ids, of a view that has come to where the log was when this was asked. Where their number is not `expectedCount`, only
   * that number is told.
   * @throws Problem `projection_behind`, ViewsUnavailable
   */
  abstract select(
    org: string,
    filter: LeadFilterParams,
    expectedCount: number,
    now: string,
  ): Promise<{ readonly ids: readonly string[] } | { readonly count: number }>;
}
