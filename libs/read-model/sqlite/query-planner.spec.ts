import { describe, expect, it } from '@jest/globals';
import type { Condition, Filter, RowQuery } from '../view-store.js';
import type { Index } from '../view.js';
import { segmentsToScan } from './index-scan.sql.js';
import { type AccessPlan, type GatherPlan, QueryPlanner, type TableStatistics } from './query-planner.js';

// The decisions of the planner for a table like the lead list, at a million rows. What its plans return is tested by
// `view-query.contract.ts`.

const byCreated: Index = { prefix: ['org'], sort: 'createdAt', include: ['active', 'score'] };
const byUpdated: Index = { prefix: ['org'], sort: 'updatedAt' };
const byScore: Index = { prefix: ['org'], sort: 'score' };
const byName: Index = { prefix: ['org'], sort: 'name' };
const byStatus: Index = { prefix: ['org', 'status'], sort: 'createdAt' };
const byAgent: Index = { prefix: ['org', 'agentId'], sort: 'createdAt', include: ['active'] };
const byContact: Index = { prefix: ['org', 'contactId'] };
const openOnes: Index = { prefix: ['org'], sort: 'dueAt', where: { open: 1 } };
const indexes = [byCreated, byUpdated, byScore, byName, byStatus, byAgent, byContact, openOnes];

const rowCount = 1_000_000;
/** A page of 50 rows, and the row after it. */
const limit = 51;
/** The square root of 10 * 51 * 1,000,000, rounded up. */
const maxGathered = 22_584;
/** The same if the scan reads only index entries, ten in the time of a row: the square root of 51 * 1,000,000, rounded up. */
const maxGatheredForCovering = 7_142;
/** A sixth of all rows. */
const maxSorted = 166_666;

interface Data {
  /** Rows by the columns of an index range, such as `org,status`. Ranges that are not listed contain all rows. */
  readonly rows?: Readonly<Record<string, number>>;
  readonly wordRows?: number;
  readonly frequentWords?: readonly string[];
  readonly rowCount?: number;
}

/** Statistics of such data, and what the planner asked them for: each count costs reading time. */
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

/** The plan for a page, and what was counted to choose it. */
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

describe('the plan for a page of a list', () => {
  it('scans the index in sort order without counting anything when there is no filter', () => {
    expect(planPage({}, { sort: 'createdAt' })).toEqual({ plan: scan(byCreated), counted: [] });
  });

  it('scans the index that begins with the filter column when it is also in sort order', () => {
    expect(planPage({}, { where: [oneStatus], sort: 'createdAt' })).toEqual({ plan: scan(byStatus), counted: [] });
  });

  it('scans one index that includes the filter column, without reading rows', () => {
    expect(planPage({}, { where: [active], sort: 'createdAt' })).toEqual({ plan: scan(byCreated), counted: [] });
  });

  it('prefers, among indexes in sort order, the one whose range is smaller to the one that covers the filter', () => {
    expect(planPage({}, { where: [agent, { column: 'score', from: 50 }], sort: 'createdAt' }).plan).toEqual(
      scan(byAgent),
    );
  });

  it('gathers the rows of a rare filter when the list is sorted by something else', () => {
    expect(planPage({ rows: { 'org,contactId': 3 } }, { where: [contact], sort: 'name' })).toEqual({
      plan: { type: 'index-range', index: byContact, rows: 3 },
      counted: [`org,contactId up to ${maxGathered}`],
    });
  });

  it('scans the index in sort order and checks each row when the filter is common', () => {
    expect(planPage({ rows: { 'org,status': 300_000 } }, { where: [oneStatus], sort: 'name' })).toEqual({
      plan: scan(byName),
      counted: [`org,status up to ${maxGathered}`],
    });
  });

  it.each([
    [maxGathered, { type: 'index-range', index: byStatus, rows: maxGathered }],
    [maxGathered + 1, scan(byName)],
  ] as const)(
    'gathers up to the number of rows at which an evenly spread scan is ten times cheaper, and scans beyond it: %i rows',
    (rows, plan) => {
      expect(planPage({ rows: { 'org,status': rows } }, { where: [oneStatus], sort: 'name' }).plan).toEqual(plan);
    },
  );

  it.each([
    [maxGatheredForCovering, { type: 'index-range', index: byScore, rows: maxGatheredForCovering }],
    [maxGatheredForCovering + 1, scan(byCreated)],
  ] as const)(
    'gathers fewer rows, by the square root of ten, when the scan reads index entries only: %i rows',
    (rows, plan) => {
      const where: readonly Condition[] = [{ column: 'score', from: 99 }];
      expect(planPage({ rows: { 'org,score': rows } }, { where, sort: 'createdAt' }).plan).toEqual(plan);
    },
  );

  it('gathers the rows that contain a rare search word through the full-text index', () => {
    expect(planPage({ wordRows: 400 }, { words: [['lopez']], sort: 'createdAt' })).toEqual({
      plan: { type: 'text-search', rows: 400 },
      counted: [`lopez up to ${maxGathered}`],
    });
  });

  it('scans the index in sort order and checks each row for a frequent search word, without asking the full-text index', () => {
    const data = { frequentWords: ['ann'], wordRows: 5 };
    expect(planPage(data, { words: [['ann']], sort: 'createdAt' })).toEqual({ plan: scan(byCreated), counted: [] });
  });

  it('looks up only the rare words of a search in the full-text index', () => {
    const data = { frequentWords: ['ann'], wordRows: 5 };
    const { plan, counted } = planPage(data, { words: [['ann'], ['lopez']], sort: 'createdAt' });
    expect(plan).toEqual({ type: 'text-search', rows: 5 });
    expect(counted).toEqual([`lopez up to ${maxGathered}`]);
  });

  it('scans the index in sort order when a word is in the sample of few rows but in too many rows to gather', () => {
    expect(planPage({ wordRows: 60_000 }, { words: [['lo']], sort: 'createdAt' }).plan).toEqual(scan(byCreated));
  });

  it('plans a page deep in the list like the first one', () => {
    const query: Query = { where: [oneStatus], sort: 'name' };
    const deep: Query = { ...query, after: { value: 'mueller', key: 'lead-500000' } };
    for (const rows of [20_000, 300_000]) {
      const data = { rows: { 'org,status': rows } };
      expect(planPage(data, deep)).toEqual(planPage(data, query));
    }
  });

  it('plans a page among the rows without a sort value like the first one', () => {
    const after = { value: null, key: 'lead-7' };
    expect(planPage({}, { sort: 'score', after })).toEqual({ plan: scan(byScore), counted: [] });
  });

  it('merges one scan for each of several statuses', () => {
    expect(planPage({}, { where: [statuses(3)], sort: 'createdAt' })).toEqual({ plan: scan(byStatus), counted: [] });
  });

  it('scans the whole list in order instead of merging more than 24 scans', () => {
    const data = { rows: { 'org,status': 900_000 } };
    expect(planPage(data, { where: [statuses(24)], sort: 'createdAt' }).plan).toEqual(scan(byStatus));
    expect(planPage(data, { where: [statuses(25)], sort: 'createdAt' }).plan).toEqual(scan(byCreated));
  });

  it('uses a partial index only when the filter requires its condition', () => {
    expect(planPage({}, { where: [{ column: 'open', in: [1] }], sort: 'dueAt' }).plan).toEqual(scan(openOnes));
    expect(planPage({}, { sort: 'dueAt' }).plan).toEqual({ type: 'full-scan', rows: rowCount });
  });

  it('uses derived conditions to choose a partial index and to shorten a range', () => {
    const derivedConditions: readonly Condition[] = [{ column: 'open', in: [1] }];
    expect(planPage({}, { sort: 'dueAt', derivedConditions }).plan).toEqual(scan(openOnes));
    const since: readonly Condition[] = [{ column: 'updatedAt', from: '2026-11' }];
    const data = { rows: { 'org,updatedAt': 900 } };
    expect(planPage(data, { where: [active], sort: 'name', derivedConditions: since }).plan).toEqual({
      type: 'index-range',
      index: byUpdated,
      rows: 900,
    });
  });

  it('gathers when no index is in sort order, if at most a sixth of all rows match', () => {
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

describe('the order of cost', () => {
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
  ])('gathers from the source with the fewest rows: %s', (_, data, plan) => {
    expect(planPage(data, { where, words, sort: 'name' }).plan).toEqual(plan);
  });

  it('prefers the full-text index, then the index declared first, when several sources have equally few rows', () => {
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

  it('counts each range once, no further than gathering it would be worth, and none that the scan is restricted to anyway', () => {
    const { counted } = planPage({}, { where: [oneStatus, contact], sort: 'createdAt' });
    expect(counted).toEqual([`org,contactId up to ${maxGathered}`]);
  });
});

describe('the plan after a scan was given up', () => {
  const query: Query = { where: [oneStatus], sort: 'name' };

  it('gathers up to a sixth of all rows through an index', () => {
    expect(planAfterFailedScan({ rows: { 'org,status': maxSorted } }, query)).toEqual({
      type: 'index-range',
      index: byStatus,
      rows: maxSorted,
    });
  });

  it('reads all rows in storage order when more match', () => {
    expect(planAfterFailedScan({ rows: { 'org,status': maxSorted + 1 } }, query)).toEqual({
      type: 'full-scan',
      rows: rowCount,
    });
  });

  it('gathers from a covering index whatever its size, unless another range is much smaller', () => {
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

describe('the plan for a count', () => {
  it('counts the entries of a covering index without measuring anything first', () => {
    const plan = { type: 'index-range', index: byStatus, rows: undefined };
    expect(planCount({}, [oneStatus])).toEqual({ plan, counted: [] });
  });

  it('reads the rows of the smallest range when no index covers the filter', () => {
    const data = { rows: { 'org,status': 90_000, 'org,agentId': 2_000 } };
    expect(planCount(data, [oneStatus, agent]).plan).toEqual({ type: 'index-range', index: byAgent, rows: 2_000 });
  });

  it('reads all rows when every range is larger than a sixth of them', () => {
    const data = { rows: { 'org,status': 300_000, 'org,agentId': 400_000 } };
    expect(planCount(data, [oneStatus, agent]).plan).toEqual({ type: 'full-scan', rows: rowCount });
  });

  it('needs the rows to check a frequent word, so it uses no covering index', () => {
    const data = { rows: { 'org,status': 300_000 }, frequentWords: ['ann'] };
    expect(planCount(data, [oneStatus], [['ann']]).plan).toEqual({ type: 'full-scan', rows: rowCount });
  });
});

describe('the plan for groups', () => {
  const planGroup = (where: readonly Condition[], columns: readonly string[]): GatherPlan => {
    const { planner } = createPlanner({ rows: { 'org,status': 5_000, 'org,agentId': 90_000 } });
    return planner.planGroup(planner.analyze({ where: [org, ...where] })!, columns);
  };

  it('reads the index that contains all columns of the query', () => {
    const plan = { type: 'index-range', index: byAgent, rows: undefined };
    expect(planGroup([agent], ['active'])).toEqual(plan);
  });

  it('reads the smallest range when no index contains all columns', () => {
    expect(planGroup([agent, oneStatus], ['channel'])).toEqual({ type: 'index-range', index: byStatus, rows: 5_000 });
  });
});

describe('a filter that no row can match', () => {
  it.each<[string, Filter, Data]>([
    ['contradicts itself', { where: [org, oneStatus, { column: 'status', in: [1] }] }, {}],
    ['contradicts its derived conditions', { where: [org, oneStatus], derivedConditions: [statuses(0)] }, {}],
    ['has a word without spellings', { where: [org], words: [[]] }, {}],
    ['is for an empty table', { where: [org] }, { rowCount: 0 }],
  ])('gets no plan: it %s', (_, filter, data) => {
    const { planner, counted } = createPlanner(data);
    expect(planner.analyze(filter)).toBeUndefined();
    expect(counted).toEqual([]);
  });
});

describe('the segments of an index that a scan reads', () => {
  const after = (value: number | null): RowQuery['after'] => ({ value, key: 'k' });
  const nullOrNine: Condition = { column: 'score', in: [null, 9] };

  it.each<[string, Condition | undefined, RowQuery['after'], readonly string[]]>([
    ['both, values first, for the first page', undefined, undefined, ['values', 'nulls']],
    ['both after a row with a value', undefined, after(7), ['values', 'nulls']],
    ['only nulls after a row without a value', undefined, after(null), ['nulls']],
    ['only values for a range', { column: 'score', from: 5 }, undefined, ['values']],
    ['only values when nulls are excluded', { column: 'score', notNull: true }, after(7), ['values']],
    ['both when null is one of the values', nullOrNine, undefined, ['values', 'nulls']],
    ['only nulls when null is the only value', { column: 'score', in: [null] }, undefined, ['nulls']],
    ['none for a range after a row without a value', { column: 'score', from: 5 }, after(null), []],
  ])('are %s', (_, sortCondition, cursor, segments) => {
    expect(segmentsToScan(sortCondition, cursor)).toEqual(segments);
  });
});
