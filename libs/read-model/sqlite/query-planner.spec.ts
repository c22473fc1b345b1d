import { describe, expect, it } from '@jest/globals';
import type { Condition, Filter, RowQuery } from '../view-store.js';
import type { Index } from '../view.js';
import { segmentsToScan } from './index-scan.sql.js';
import { type AccessPlan, type GatherPlan, QueryPlanner, type TableStatistics } from './query-planner.js';

// Tests which plan is chosen for a table like the lead list with a million rows. The rows that plans return are tested by
// `view-query.contract.ts`.

const byCreated: Index = { prefix: ['org'], sort: 'createdAt', include: ['active', 'score'] };
const byUpdated: Index = { prefix: ['org'], sort: 'updatedAt' };
const byScore: Index = { prefix: ['org'], sort: 'score' };
const byName: Index = { prefix: ['org'], sort: 'name' };
const byStatus: Index = { prefix: ['org', 'status'], sort: 'createdAt' };
const byAgent: Index = { prefix: ['org', 'agentId'], sort: 'createdAt', include: ['active'] };
const byContact: Index = { prefix: ['org', 'contactId'] };
const byDueAtIfOpen: Index = { prefix: ['org'], sort: 'dueAt', where: { open: 1 } };
const indexes = [byCreated, byUpdated, byScore, byName, byStatus, byAgent, byContact, byDueAtIfOpen];

const rowCount = 1_000_000;
/** A page of 50 rows and the row after it. */
const limit = 51;
/** The square root of 10 * 51 * 1,000,000, rounded up. */
const maxGathered = 22_584;
/** Ten index entries are read in the time of one row. So the limit of a scan of entries is the square root of 51 * 1,000,000, rounded up. */
const maxGatheredForCovering = 7_142;
/** A sixth of all rows. */
const maxSorted = 166_666;

interface Data {
  /** The number of rows by the columns of an index range, such as `org,status`. Other ranges contain all rows. */
  readonly rows?: Readonly<Record<string, number>>;
  readonly wordRows?: number;
  readonly frequentWords?: readonly string[];
  readonly rowCount?: number;
}

/** A planner for this data, and the counts that it requests. Each count takes reading time. */
function createPlanner(data: Data = {}) {
  const counted: string[] = [];
  const countUpTo = (rows: number, max: number): number => Math.min(rows, max + 1);
  const statistics: TableStatistics = {
    rowCount: () => data.rowCount ?? rowCount,
    areWordsRare: (words) => words.map(([spelling]) => !data.frequentWords?.includes(spelling!)),
    countIndexRange: (_, range, max) => {
      const columns = range.map(({ column }) => column).join();
      counted.push(`${columns} up to ${max}`);
      return countUpTo(data.rows?.[columns] ?? rowCount, max);
    },
    countTextMatches: (words, max) => {
      counted.push(`${words.flat().join()} up to ${max}`);
      return countUpTo(data.wordRows ?? rowCount, max);
    },
  };
  return { planner: new QueryPlanner({ indexes }, statistics), counted };
}

const org: Condition = { column: 'org', in: ['shop'] };
const active: Condition = { column: 'active', in: [1] };
const contact: Condition = { column: 'contactId', in: ['contact-1'] };
const agent: Condition = { column: 'agentId', in: ['ana'] };
const oneStatus: Condition = { column: 'status', in: [0] };
const statuses = (count: number): Condition => ({ column: 'status', in: Array.from({ length: count }, (_, n) => n) });

interface Query extends Partial<Filter> {
  readonly sort: string;
  readonly after?: RowQuery['after'];
}

/** The plan for a page, and the counts that were made to choose it. */
function planPage(data: Data, { sort, where = [], after, ...filter }: Query): { plan: AccessPlan; counted: string[] } {
  const { planner, counted } = createPlanner(data);
  const query = { sort: { column: sort, descending: true }, ...(after ? { after } : {}) };
  const plan = planner.planPage(planner.analyze({ where: [org, ...where], ...filter })!, query, limit);
  return { plan, counted };
}

const planAfterFailedScan = (data: Data, { sort, where = [], ...filter }: Query): GatherPlan => {
  const { planner } = createPlanner(data);
  return planner.planGather(planner.analyze({ where: [org, ...where], ...filter })!, sort, limit);
};

const planCount = (data: Data, where: readonly Condition[], words?: Filter['words']) => {
  const { planner, counted } = createPlanner(data);
  const plan = planner.planCount(planner.analyze({ where: [org, ...where], ...(words ? { words } : {}) })!);
  return { plan, counted };
};

const scan = (index: Index): AccessPlan => ({ type: 'index-scan', index, maxRowReads: maxGathered });

describe('planPage', () => {
  it('a page without a filter is an index scan in sort order, chosen without counting', () => {
    expect(planPage({}, { sort: 'createdAt' })).toEqual({ plan: scan(byCreated), counted: [] });
  });

  it('a page is a scan of the index that begins with the filter column if that is also in sort order', () => {
    expect(planPage({}, { where: [oneStatus], sort: 'createdAt' })).toEqual({ plan: scan(byStatus), counted: [] });
  });

  it('a page is a scan of one index that includes the filter column, without reading rows', () => {
    expect(planPage({}, { where: [active], sort: 'createdAt' })).toEqual({ plan: scan(byCreated), counted: [] });
  });

  it('a page prefers, among indexes in sort order, the one with the smaller range to one that covers the filter', () => {
    expect(planPage({}, { where: [agent, { column: 'score', from: 50 }], sort: 'createdAt' }).plan).toEqual(
      scan(byAgent),
    );
  });

  it('a page gathers the rows of a rare filter if the list is sorted by another column', () => {
    expect(planPage({ rows: { 'org,contactId': 3 } }, { where: [contact], sort: 'name' })).toEqual({
      plan: { type: 'index-range', index: byContact, rows: 3 },
      counted: [`org,contactId up to ${maxGathered}`],
    });
  });

  it('a page scans the index in sort order and checks each row if the filter is common', () => {
    expect(planPage({ rows: { 'org,status': 300_000 } }, { where: [oneStatus], sort: 'name' })).toEqual({
      plan: scan(byName),
      counted: [`org,status up to ${maxGathered}`],
    });
  });

  it.each([
    [maxGathered, { type: 'index-range', index: byStatus, rows: maxGathered }],
    [maxGathered + 1, scan(byName)],
  ] as const)(
    'a page gathers rows until a scan is ten times cheaper, for evenly spread matches: %i rows',
    (rows, plan) => {
      expect(planPage({ rows: { 'org,status': rows } }, { where: [oneStatus], sort: 'name' }).plan).toEqual(plan);
    },
  );

  it.each([
    [maxGatheredForCovering, { type: 'index-range', index: byScore, rows: maxGatheredForCovering }],
    [maxGatheredForCovering + 1, scan(byCreated)],
  ] as const)(
    'a page gathers fewer rows, by the square root of ten, if the scan reads only index entries: %i rows',
    (rows, plan) => {
      const where: readonly Condition[] = [{ column: 'score', from: 99 }];
      expect(planPage({ rows: { 'org,score': rows } }, { where, sort: 'createdAt' }).plan).toEqual(plan);
    },
  );

  it('a page gathers the rows that contain a rare search word through the full-text index', () => {
    expect(planPage({ wordRows: 400 }, { words: [['lopez']], sort: 'createdAt' })).toEqual({
      plan: { type: 'text-search', rows: 400 },
      counted: [`lopez up to ${maxGathered}`],
    });
  });

  it('a page scans the index in sort order for a frequent search word, without reading the full-text index', () => {
    const data = { frequentWords: ['ann'], wordRows: 5 };
    expect(planPage(data, { words: [['ann']], sort: 'createdAt' })).toEqual({ plan: scan(byCreated), counted: [] });
  });

  it('a page looks up only the rare words of a search in the full-text index', () => {
    const data = { frequentWords: ['ann'], wordRows: 5 };
    const { plan, counted } = planPage(data, { words: [['ann'], ['lopez']], sort: 'createdAt' });
    expect(plan).toEqual({ type: 'text-search', rows: 5 });
    expect(counted).toEqual([`lopez up to ${maxGathered}`]);
  });

  it('a page scans the index in sort order if a word seems rare by the sample but has too many rows to gather', () => {
    expect(planPage({ wordRows: 60_000 }, { words: [['lo']], sort: 'createdAt' }).plan).toEqual(scan(byCreated));
  });

  it('a page deep in the list has the same plan as the first page', () => {
    const query: Query = { where: [oneStatus], sort: 'name' };
    const deep: Query = { ...query, after: { value: 'mueller', key: 'lead-500000' } };
    for (const rows of [20_000, 300_000]) {
      const data = { rows: { 'org,status': rows } };
      expect(planPage(data, deep)).toEqual(planPage(data, query));
    }
  });

  it('a page of rows without a sort value has the same plan as the first page', () => {
    const after = { value: null, key: 'lead-7' };
    expect(planPage({}, { sort: 'score', after })).toEqual({ plan: scan(byScore), counted: [] });
  });

  it('a page merges one scan for each of several statuses', () => {
    expect(planPage({}, { where: [statuses(3)], sort: 'createdAt' })).toEqual({ plan: scan(byStatus), counted: [] });
  });

  it('a page scans the whole list in sort order instead of merging more than 24 scans', () => {
    const data = { rows: { 'org,status': 900_000 } };
    expect(planPage(data, { where: [statuses(24)], sort: 'createdAt' }).plan).toEqual(scan(byStatus));
    expect(planPage(data, { where: [statuses(25)], sort: 'createdAt' }).plan).toEqual(scan(byCreated));
  });

  it('a page uses a partial index only if the filter requires its condition', () => {
    expect(planPage({}, { where: [{ column: 'open', in: [1] }], sort: 'dueAt' }).plan).toEqual(scan(byDueAtIfOpen));
    expect(planPage({}, { sort: 'dueAt' }).plan).toEqual({ type: 'full-scan', rows: rowCount });
  });

  it('a page uses derived conditions to choose a partial index and to narrow a range', () => {
    const derivedConditions: readonly Condition[] = [{ column: 'open', in: [1] }];
    expect(planPage({}, { sort: 'dueAt', derivedConditions }).plan).toEqual(scan(byDueAtIfOpen));
    const since: readonly Condition[] = [{ column: 'updatedAt', from: '2026-11' }];
    const data = { rows: { 'org,updatedAt': 900 } };
    expect(planPage(data, { where: [active], sort: 'name', derivedConditions: since }).plan).toEqual({
      type: 'index-range',
      index: byUpdated,
      rows: 900,
    });
  });

  it('a page gathers rows if no index is in sort order and at most a sixth of all rows match', () => {
    const query: Query = { where: [oneStatus], sort: 'channel' };
    expect(planPage({ rows: { 'org,status': maxSorted } }, query)).toEqual({
      plan: { type: 'index-range', index: byStatus, rows: maxSorted },
      counted: [`org up to ${maxSorted}`, `org,status up to ${maxSorted}`],
    });
    expect(planPage({ rows: { 'org,status': maxSorted + 1 } }, query).plan).toEqual({
      type: 'full-scan',
      rows: rowCount,
    });
  });
});

describe('costs of plans', () => {
  const where = [contact, oneStatus, agent];
  const words = [['lopez']];

  it.each<[string, Data, GatherPlan]>([
    [
      'the contact',
      { rows: { 'org,contactId': 3, 'org,agentId': 90, 'org,status': 500 }, wordRows: 40 },
      { type: 'index-range', index: byContact, rows: 3 },
    ],
    [
      'the search word',
      { rows: { 'org,contactId': 300, 'org,agentId': 90, 'org,status': 500 }, wordRows: 40 },
      { type: 'text-search', rows: 40 },
    ],
    [
      'the agent',
      { rows: { 'org,contactId': 300, 'org,agentId': 90, 'org,status': 500 }, wordRows: 4_000 },
      { type: 'index-range', index: byAgent, rows: 90 },
    ],
    [
      'the status',
      { rows: { 'org,contactId': 3_000, 'org,agentId': 900, 'org,status': 500 }, wordRows: 4_000 },
      { type: 'index-range', index: byStatus, rows: 500 },
    ],
  ])('a page gathers rows from the source with the fewest rows: %s', (_, data, plan) => {
    expect(planPage(data, { where, words, sort: 'name' }).plan).toEqual(plan);
  });

  it('a page prefers the full-text index, then the index declared first, if sources have equally few rows', () => {
    const rows = { 'org,contactId': 40, 'org,agentId': 40, 'org,status': 40 };
    expect(planPage({ rows, wordRows: 40 }, { where, words, sort: 'name' }).plan).toEqual({
      type: 'text-search',
      rows: 40,
    });
    expect(planPage({ rows }, { where, sort: 'name' }).plan).toEqual({
      type: 'index-range',
      index: byStatus,
      rows: 40,
    });
  });

  it('a plan counts each range once, only as far as gathering is worthwhile, and not the range of the scan itself', () => {
    const { counted } = planPage({}, { where: [oneStatus, contact], sort: 'createdAt' });
    expect(counted).toEqual([`org,contactId up to ${maxGathered}`]);
  });
});

describe('planGather after an abandoned scan', () => {
  const query: Query = { where: [oneStatus], sort: 'name' };

  it('the plan after an abandoned scan gathers up to a sixth of all rows through an index', () => {
    expect(planAfterFailedScan({ rows: { 'org,status': maxSorted } }, query)).toEqual({
      type: 'index-range',
      index: byStatus,
      rows: maxSorted,
    });
  });

  it('the plan after an abandoned scan reads all rows in storage order if more than a sixth match', () => {
    expect(planAfterFailedScan({ rows: { 'org,status': maxSorted + 1 } }, query)).toEqual({
      type: 'full-scan',
      rows: rowCount,
    });
  });

  it('the plan after an abandoned scan prefers a covering index of any size, unless another range is much smaller', () => {
    const covered: Query = { where: [active, { column: 'score', from: 90 }], sort: 'createdAt' };
    const all = { type: 'index-range', index: byCreated, rows: undefined };
    expect(planAfterFailedScan({ rows: { 'org,score': maxGathered + 1 } }, covered)).toEqual(all);
    expect(planAfterFailedScan({ rows: { 'org,score': maxGathered } }, covered)).toEqual({
      type: 'index-range',
      index: byScore,
      rows: maxGathered,
    });
  });
});

describe('planCount', () => {
  it('a count reads the entries of a covering index, without counting other ranges first', () => {
    const plan = { type: 'index-range', index: byStatus, rows: undefined };
    expect(planCount({}, [oneStatus])).toEqual({ plan, counted: [] });
  });

  it('a count reads the rows of the smallest range if no index covers the filter', () => {
    const data = { rows: { 'org,status': 90_000, 'org,agentId': 2_000 } };
    expect(planCount(data, [oneStatus, agent]).plan).toEqual({ type: 'index-range', index: byAgent, rows: 2_000 });
  });

  it('a count reads all rows if every range contains more than a sixth of them', () => {
    const data = { rows: { 'org,status': 300_000, 'org,agentId': 400_000 } };
    expect(planCount(data, [oneStatus, agent]).plan).toEqual({ type: 'full-scan', rows: rowCount });
  });

  it('a count with a frequent word uses no covering index, because it must read the rows', () => {
    const data = { rows: { 'org,status': 300_000 }, frequentWords: ['ann'] };
    expect(planCount(data, [oneStatus], [['ann']]).plan).toEqual({ type: 'full-scan', rows: rowCount });
  });
});

describe('planGroup', () => {
  const planGroup = (where: readonly Condition[], columns: readonly string[]): GatherPlan => {
    const { planner } = createPlanner({ rows: { 'org,status': 5_000, 'org,agentId': 90_000 } });
    return planner.planGroup(planner.analyze({ where: [org, ...where] })!, columns);
  };

  it('a group query reads the index that contains all its columns', () => {
    const plan = { type: 'index-range', index: byAgent, rows: undefined };
    expect(planGroup([agent], ['active'])).toEqual(plan);
  });

  it('a group query reads the smallest range if no index contains all its columns', () => {
    expect(planGroup([agent, oneStatus], ['channel'])).toEqual({ type: 'index-range', index: byStatus, rows: 5_000 });
  });
});

describe('analyze', () => {
  it.each<[string, Filter, Data]>([
    ['contradicts itself', { where: [org, oneStatus, { column: 'status', in: [1] }] }, {}],
    ['contradicts its derived conditions', { where: [org, oneStatus], derivedConditions: [statuses(0)] }, {}],
    ['has a word without spellings', { where: [org], words: [[]] }, {}],
    ['is for an empty table', { where: [org] }, { rowCount: 0 }],
  ])('returns no plan for a filter that %s', (_, filter, data) => {
    const { planner, counted } = createPlanner(data);
    expect(planner.analyze(filter)).toBeUndefined();
    expect(counted).toEqual([]);
  });
});

describe('segmentsToScan', () => {
  const after = (value: number | null): RowQuery['after'] => ({ value, key: 'k' });
  const nullOrNine: Condition = { column: 'score', in: [null, 9] };

  it.each<[string, Condition | undefined, RowQuery['after'], readonly string[]]>([
    ['both segments, values first, for the first page', undefined, undefined, ['values', 'nulls']],
    ['both segments after a row with a value', undefined, after(7), ['values', 'nulls']],
    ['only nulls after a row without a value', undefined, after(null), ['nulls']],
    ['only values for a range', { column: 'score', from: 5 }, undefined, ['values']],
    ['only values if nulls are excluded', { column: 'score', notNull: true }, after(7), ['values']],
    ['both segments if null is one of the values', nullOrNine, undefined, ['values', 'nulls']],
    ['only nulls if null is the only value', { column: 'score', in: [null] }, undefined, ['nulls']],
    ['no segment for a range after a row without a value', { column: 'score', from: 5 }, after(null), []],
  ])('returns %s', (_, sortCondition, cursor, segments) => {
    expect(segmentsToScan(sortCondition, cursor)).toEqual(segments);
  });
});
