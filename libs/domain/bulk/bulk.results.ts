/** `unchanged`: it was as asked already. `conflict`: it changed while the bulk ran. */
export const bulkOutcomes = ['ok', 'unchanged', 'rejected', 'not_found', 'conflict'] as const;
export type BulkOutcome = (typeof bulkOutcomes)[number];

/** What became of one item. */
export interface BulkResult {
  /** Its place among the items, from 0. */
  readonly index: number;
  /** The lead, as the caller named it. */
  readonly id: string;
  /** What became of it. */
  readonly outcome: BulkOutcome;
  /** Why it was refused: the code that a single command would have been refused with. */
  readonly code: string | null;
  /** The lead's version after it. */
  readonly version: number | null;
}

/** Counted over items; `rejected` are all that were refused, whatever their outcome is called. */
export interface BulkSummary {
  readonly total: number;
  readonly ok: number;
  readonly unchanged: number;
  readonly rejected: number;
}

export const isRefused = ({ outcome }: Pick<BulkResult, 'outcome'>): boolean =>
  outcome !== 'ok' && outcome !== 'unchanged';

export function summarizeResults(results: readonly BulkResult[]): BulkSummary {
  const count = (of: (result: BulkResult) => boolean): number => results.filter(of).length;
  return {
    total: results.length,
    ok: count(({ outcome }) => outcome === 'ok'),
    unchanged: count(({ outcome }) => outcome === 'unchanged'),
    rejected: count(isRefused),
  };
}

/** A result as callers see it: `code` where it was refused, `version` where it was not. */
export type BulkResultResource = Pick<BulkResult, 'index' | 'id' | 'outcome'> & {
  readonly code?: string;
  readonly version?: number;
};

export const toBulkResultResource = ({ code, version, ...result }: BulkResult): BulkResultResource => ({
  ...result,
  ...(code === null ? {} : { code }),
  ...(version === null ? {} : { version }),
});

/** The items that name a lead again, each with the item that named it first. */
export function findDuplicates(ids: readonly string[]): ReadonlyMap<number, number> {
  const first = new Map<string, number>();
  const repeats = new Map<number, number>();
  for (const [index, id] of ids.entries()) {
    const before = first.get(id);
    if (before === undefined) first.set(id, index);
    else repeats.set(index, before);
  }
  return repeats;
}

/** A lead is changed once, however often it is named: the next item finds it as asked, or is refused as the first was. */
export const toDuplicateResult = (index: number, first: BulkResult): BulkResult =>
  first.outcome === 'ok' ? { ...first, index, outcome: 'unchanged' } : { ...first, index };
