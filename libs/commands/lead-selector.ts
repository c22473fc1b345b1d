/** A filter with the names and values of the lead list's query parameters. */
export type LeadFilterParams = Readonly<Record<string, string>>;

/** Finds active leads by a filter. A port, because this library must not read views. */
export abstract class LeadSelector {
  /**
   * The ids of the active leads that match, from a view that has caught up with the log's head at the time of the call.
   * Returns their count instead if it differs from `expectedCount`.
   * @throws Problem `projection_behind`, ViewsUnavailable
   */
  abstract select(
    org: string,
    filter: LeadFilterParams,
    expectedCount: number,
    now: string,
  ): Promise<{ readonly ids: readonly string[] } | { readonly count: number }>;
}
