/** `unchanged`: the lead already had the requested state. `conflict`: the lead changed while the bulk job ran. */
export const bulkOutcomes = ['ok', 'unchanged', 'rejected', 'not_found', 'conflict'] as const;
export type BulkOutcome = (typeof bulkOutcomes)[number];

/** The result of one item. */
export interface BulkResult {
  /** The item's index, from 0. */
  readonly index: number;
  /** The lead's id, as the caller sent it. */
  readonly id: string;
  /** The item's outcome. */
  readonly outcome: BulkOutcome;
  /** The refusal's code, the same as for the single command; null if the item was not rejected. */
  readonly code: string | null;
  /** The lead's version after the item; null if the item was rejected. */
  readonly version: number | null;
}

export interface BulkSummary {
  readonly total: number;
  readonly ok: number;
  readonly unchanged: number;
  /** Includes the outcomes `not_found` and `conflict`. */
  readonly rejected: number;
}

export const isRefused = ({ outcome }: Pick<BulkResult, 'outcome'>): boolean =>
  outcome !== 'ok' && outcome !== 'unchanged';

export function summarizeResults(results: readonly BulkResult[]): BulkSummary {
  const count = (predicate: (result: BulkResult) => boolean): number => results.filter(predicate).length;
  return {
    total: results.length,
    ok: count(({ outcome }) => outcome === 'ok'),
    unchanged: count(({ outcome }) => outcome === 'unchanged'),
    rejected: count(isRefused),
  };
}

/** Finds items whose lead an earlier item already names. Maps the index of each to the index of the first item of that lead. */
export function findDuplicates(ids: readonly string[]): ReadonlyMap<number, number> {
  const firstIndexes = new Map<string, number>();
  const duplicates = new Map<number, number>();
  for (const [index, id] of ids.entries()) {
    const first = firstIndexes.get(id);
    if (first === undefined) firstIndexes.set(id, index);
    else duplicates.set(index, first);
  }
  return duplicates;
}

/** Each lead is changed only once. A duplicate is `unchanged` if the first item succeeded, and otherwise has the same outcome. */
export const toDuplicateResult = (index: number, first: BulkResult): BulkResult =>
  first.outcome === 'ok' ? { ...first, index, outcome: 'unchanged' } : { ...first, index };

/** A retried item's result replaces its previous one. Projections merge blocks in the same way. */
export function mergeResults(
  previous: readonly BulkResult[] | undefined,
  results: readonly BulkResult[],
): readonly BulkResult[] {
  const retried = new Map(results.map((result) => [result.index, result]));
  return previous?.map((result) => retried.get(result.index) ?? result) ?? results;
}
