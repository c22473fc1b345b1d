import { mergeConditions, type MergedConditions } from '../conditions.js';
import type { Condition, Filter, RowQuery } from '../view-store.js';
import type { Index } from '../view.js';
import {
  accessConditions,
  countPrefixScans,
  coveredConditions,
  indexHasColumn,
  isCoveringIndex,
  isUsableIndex,
  scannedRange,
} from './index-coverage.js';
import type { SqliteTableSchema } from './schema.sql.js';

// docs/explanation/decisions/0014-list-query-planner.md explains why this planner exists, and the costs and benefits of its rules.

export type SearchWord = Required<Filter>['words'][number];

/** A page can be found in two ways: scan an index in sort order until the page is full, or gather all matches and sort them. */
export interface CostModel {
  /**
   * Gathering is preferred because its cost is known. A scan is chosen only if it is estimated to read this many times fewer rows. It
   * is abandoned when it has read as many rows as gathering may.
   */
  readonly minScanAdvantage: number;
  /** Up to this share of all rows is gathered through an index. Above it, reading all rows in storage order is cheaper. */
  readonly maxSortedShare: number;
}

export const defaultCostModel: CostModel = { minScanAdvantage: 10, maxSortedShare: 1 / 6 };

/** A scan that needs more ranges than this, one for each combination of `in` values, is not considered. */
const maxPrefixScans = 24;

/** Reading an index entry costs about a tenth of reading a row. */
const indexEntriesPerRowRead = 10;

/** Statistics about the stored rows. Counting reads index entries, so it is bounded and done only when needed. */
export interface TableStatistics {
  /** 0 for an empty table. */
  rowCount(): number;
  /** For each word, whether few rows contain it. */
  areWordsRare(words: readonly SearchWord[], rowCount: number): readonly boolean[];
  /** Rows in a range of an index. Any number above `max` means "more than `max`". */
  countIndexRange(index: Index, range: readonly Condition[], max: number): number;
  /** Rows that contain all of these words. Any number above `max` means "more than `max`". */
  countTextMatches(words: readonly SearchWord[], max: number): number;
}

/** A filter with what is known about it before a plan is chosen. */
export interface AnalyzedFilter {
  readonly conditions: MergedConditions;
  readonly words: readonly SearchWord[];
  /** Looked up in the full-text index. All other words are checked on each row. */
  readonly rareWords: readonly SearchWord[];
  readonly frequentWords: readonly SearchWord[];
  readonly usableIndexes: readonly Index[];
  readonly rowCount: number;
}

/** Reads all rows that may match, in no particular order. `rows` is their number; undefined if they were not counted. */
export type GatherPlan =
  | { readonly type: 'index-range'; readonly index: Index; readonly rows: number | undefined }
  | { readonly type: 'text-search'; readonly rows: number }
  | { readonly type: 'full-scan'; readonly rows: number };

/** Reads an index in sort order. */
export interface IndexScanPlan {
  readonly type: 'index-scan';
  readonly index: Index;
  /** The scan is abandoned after reading this many rows, and the page is gathered instead. */
  readonly maxRowReads: number;
}

export type AccessPlan = IndexScanPlan | GatherPlan;

/** Chooses how the rows of one table are found. It reads only the statistics, so its decisions can be tested without a database. */
export class QueryPlanner {
  constructor(
    private readonly table: Pick<SqliteTableSchema, 'indexes'>,
    private readonly statistics: TableStatistics,
    private readonly costs: CostModel = defaultCostModel,
  ) {}

  /** Undefined when no row can match. */
  analyze({ where, derivedConditions, words = [] }: Filter): AnalyzedFilter | undefined {
    const conditions = mergeConditions(where, derivedConditions);
    if (!conditions || words.some((spellings) => spellings.length === 0)) return undefined;
    const rowCount = this.statistics.rowCount();
    if (rowCount === 0) return undefined;
    const isRare = words.length === 0 ? [] : this.statistics.areWordsRare(words, rowCount);
    return {
      conditions,
      words,
      rareWords: words.filter((_, index) => isRare[index]),
      frequentWords: words.filter((_, index) => !isRare[index]),
      usableIndexes: this.table.indexes.filter((index) => isUsableIndex(index, conditions)),
      rowCount,
    };
  }

  /** `limit` includes one row after the page, which shows whether there are more. */
  planPage(filter: AnalyzedFilter, { sort }: Pick<RowQuery, 'sort'>, limit: number): AccessPlan {
    const index = this.findScanIndex(filter, sort.column);
    if (!index) return this.planGather(filter, sort.column, limit);
    const { conditions, words, rowCount } = filter;
    const readsOnlyIndex = words.length === 0 && isCoveringIndex(index, conditions);
    const readsOnlyMatches = readsOnlyIndex && accessConditions(index, conditions).length === conditions.where.length;
    if (!readsOnlyMatches) {
      const maxRows = this.maxGatheredRows(limit, rowCount, readsOnlyIndex ? indexEntriesPerRowRead : 1);
      const gatherPlan = this.findBestGatherPlan(filter, maxRows, index);
      if (gatherPlan) return gatherPlan;
    }
    return { type: 'index-scan', index, maxRowReads: this.maxGatheredRows(limit, rowCount) };
  }

  /** For a page if no index can be scanned in its order, or if the scan was abandoned. */
  planGather(filter: AnalyzedFilter, sortColumn: string, limit: number): GatherPlan {
    const { rowCount } = filter;
    const covering = this.findCoveringIndex(filter, sortColumn);
    const maxRows = covering ? this.maxGatheredRows(limit, rowCount) : Math.floor(rowCount * this.costs.maxSortedShare);
    return this.findBestGatherPlan(filter, maxRows) ?? this.readAll(filter, covering);
  }

  planCount(filter: AnalyzedFilter): GatherPlan {
    const covering = this.findCoveringIndex(filter);
    // Counting the entries of a covering index is cheaper than reading any row.
    if (covering) return this.readAll(filter, covering);
    const maxRows = Math.floor(filter.rowCount * this.costs.maxSortedShare);
    return this.findBestGatherPlan(filter, maxRows) ?? this.readAll(filter, undefined);
  }

  /** `columns`: all columns that are grouped by or summed. */
  planGroup(filter: AnalyzedFilter, columns: readonly string[]): GatherPlan {
    const { conditions, usableIndexes } = filter;
    const covering = usableIndexes.filter(
      (index) => isCoveringIndex(index, conditions) && columns.every((column) => indexHasColumn(index, column)),
    );
    const [index] = covering.sort(byAccessConditions(conditions));
    return index ? { type: 'index-range', index, rows: undefined } : this.planCount(filter);
  }

  /** Of the indexes in sort order, the one that restricts the scan most; among equals, the one that covers most conditions. */
  private findScanIndex({ conditions, usableIndexes }: AnalyzedFilter, sortColumn: string): Index | undefined {
    return usableIndexes
      .filter((index) => index.sort === sortColumn && countPrefixScans(index, conditions) <= maxPrefixScans)
      .sort((a, b) => coveredConditions(b, conditions).length - coveredConditions(a, conditions).length)
      .sort(byAccessConditions(conditions))[0];
  }

  /** The index that contains all requested columns and the sort column, so that no row is read. Search words require the row. */
  private findCoveringIndex(filter: AnalyzedFilter, sortColumn?: string): Index | undefined {
    const { conditions, words, usableIndexes } = filter;
    if (words.length > 0) return undefined;
    const covering = usableIndexes.filter((index) => isCoveringIndex(index, conditions, sortColumn));
    return covering.sort(byAccessConditions(conditions))[0];
  }

  private readAll({ rowCount }: AnalyzedFilter, covering: Index | undefined): GatherPlan {
    return covering ? { type: 'index-range', index: covering, rows: undefined } : { type: 'full-scan', rows: rowCount };
  }

  /**
   * The index range or text search with the fewest rows, if there are at most `maxRows`. Ranges to which `scanIndex` is already
   * restricted are not considered.
   */
  private findBestGatherPlan(filter: AnalyzedFilter, maxRows: number, scanIndex?: Index): GatherPlan | undefined {
    const { conditions, rareWords, usableIndexes } = filter;
    const scanned = new Set(scanIndex && accessConditions(scanIndex, conditions));
    const counted = new Set<string>();
    let best: GatherPlan | undefined;
    let fewest = maxRows + 1;
    if (rareWords.length > 0) {
      const rows = this.statistics.countTextMatches(rareWords, maxRows);
      if (rows < fewest) {
        best = { type: 'text-search', rows };
        fewest = rows;
      }
    }
    for (const index of usableIndexes) {
      const range = scannedRange(index, conditions);
      const columns = range.map(({ column }) => column).join();
      if (counted.has(columns) || range.every((condition) => scanned.has(condition))) continue;
      counted.add(columns);
      const rows = this.statistics.countIndexRange(index, range, maxRows);
      if (rows < fewest) {
        best = { type: 'index-range', index, rows };
        fewest = rows;
      }
    }
    return best;
  }

  /**
   * The number of matches at which gathering costs `minScanAdvantage` times as much as scanning. If matches are spread evenly, a
   * scan reads `limit * rowCount / matches` entries before it has found `limit` of them; gathering reads all `matches`.
   * `entriesPerRead`: how many index entries can be read in the time of one row.
   */
  private maxGatheredRows(limit: number, rowCount: number, entriesPerRead = 1): number {
    return Math.ceil(Math.sqrt((this.costs.minScanAdvantage * limit * rowCount) / entriesPerRead));
  }
}

/** Sorts first the index whose range is restricted by the most conditions. */
const byAccessConditions =
  (conditions: MergedConditions) =>
  (a: Index, b: Index): number =>
    accessConditions(b, conditions).length - accessConditions(a, conditions).length;
