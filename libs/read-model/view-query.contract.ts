import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Condition,
  readPages,
  type RowQuery,
  type RowWrite,
  type ViewReader,
  type ViewStore,
  type ViewWriter,
} from './view-store.js';
import type { ColumnValue, Table, View } from './view.js';

interface Item {
  readonly org: string;
  readonly number: number | null;
  readonly text: string | null;
  readonly kind: string | null;
  readonly active: number;
  readonly words: readonly string[];
}
interface Keyed {
  readonly key: string;
  readonly row: Item;
}

const items: Table<Item> = {
  on: {},
  columns: {
    org: ({ org }) => org,
    number: ({ number }) => number,
    text: ({ text }) => text,
    kind: ({ kind }) => kind,
    active: ({ active }) => active,
    whole: ({ number }) => (number !== null && Math.abs(number) < 100 ? Math.round(10 * number) : null),
  },
  indexes: [
    { prefix: ['org'], sort: 'text', include: ['kind', 'whole', 'active'] },
    { prefix: ['org'], sort: 'number' },
    { prefix: ['org'], sort: 'text' },
    { prefix: ['org'], sort: 'number', where: { active: 1 } },
    { prefix: ['org', 'kind'], sort: 'number' },
    { prefix: ['org', 'kind'], sort: 'text', where: { active: 1 } },
    { prefix: ['org', 'active'], sort: 'kind' },
    { prefix: ['org'], sort: 'kind', include: ['active', 'number'] },
    { prefix: ['org', 'text'] },
  ],
  tokens: ({ words }) => words,
};

const number = fc.oneof(fc.constantFrom(null, 0, 1, 2, -1, 2.5, 1e300), fc.integer({ min: -3, max: 3 }));
const generatedTexts = [
  null,
  '',
  'a',
  'A',
  'b',
  'aa',
  'é',
  'z',
  '\0',
  'a\0b',
  '\x01',
  'a\x01',
  '田',
  '\uFFFD',
  '\u{1F600}',
  '\u{1F600}a',
];
const text = fc.constantFrom(...generatedTexts);
const kind = fc.constantFrom(null, 'new', 'old', "o'dd");
const word = fc.stringMatching(/^[ab]{1,3}$|^<[12]{1,3}$|^田中?$/);
const item = fc.record({
  org: fc.constantFrom('a', 'b'),
  number,
  text,
  kind,
  active: fc.constantFrom(0, 1),
  words: fc.array(word, { maxLength: 3 }),
});
const keyed = fc.uniqueArray(
  fc.record({
    key: fc.oneof(fc.stringMatching(/^[a-cé]{1,2}$/), fc.constantFrom('\u{1F600}', '\uFFFD', 'a\0', '')),
    row: item,
  }),
  { selector: ({ key }) => key, maxLength: 30 },
);

const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ column: fc.constant('number'), in: fc.array(number, { maxLength: 3 }) }),
  fc.record({ column: fc.constant('text'), in: fc.array(text, { maxLength: 3 }) }),
  fc.record({ column: fc.constant('kind'), in: fc.array(kind, { maxLength: 4 }) }),
  fc.record({ column: fc.constant('active'), in: fc.constantFrom([1], [0], [0, 1]) }),
  fc.record({ column: fc.constantFrom('number', 'text', 'kind'), notNull: fc.constant(true as const) }),
  fc.record(
    { column: fc.constant('number'), from: number.filter((n) => n !== null), to: number.filter((n) => n !== null) },
    { requiredKeys: ['column'] },
  ),
  fc.record(
    { column: fc.constant('text'), from: text.filter((t) => t !== null), to: text.filter((t) => t !== null) },
    { requiredKeys: ['column'] },
  ),
);
const query = fc.record({
  orgs: fc.constantFrom(['a'], ['b'], ['a', 'b'], ['b', 'c']),
  where: fc.array(condition, { maxLength: 3 }),
  words: fc.option(fc.array(fc.array(word, { minLength: 1, maxLength: 2 }), { maxLength: 2 }), { nil: undefined }),
  sort: fc.record({ column: fc.constantFrom('number', 'text', 'kind', 'active'), descending: fc.boolean() }),
  limit: fc.integer({ min: 1, max: 7 }),
});

/** Orders texts by code point, as UTF-8 bytes do. JavaScript's `<` compares UTF-16 code units instead. */
const compare = (a: ColumnValue, b: ColumnValue): number =>
  typeof a === 'number' && typeof b === 'number'
    ? a - b
    : Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));

const columnOf = (row: Item, column: string) => items.columns[column]!(row);

function holds(condition: Condition, row: Item): boolean {
  const value = columnOf(row, condition.column);
  if ('in' in condition) return condition.in.includes(value);
  if (value === null) return false;
  if ('notNull' in condition) return true;
  const { from, to } = condition;
  return (from === undefined || compare(value, from) >= 0) && (to === undefined || compare(value, to) < 0);
}

/** The keys that a query must return, found by filtering and sorting in memory. */
function findInMemory(rows: readonly Keyed[], { where, words = [], sort }: Omit<RowQuery, 'limit'>): readonly string[] {
  const sign = sort.descending ? -1 : 1;
  return rows
    .filter(({ row }) => where.every((required) => holds(required, row)))
    .filter(({ row }) =>
      words.every((spellings) => spellings.some((spelling) => row.words.some((token) => token.startsWith(spelling)))),
    )
    .toSorted((a, b) => {
      const [x, y] = [columnOf(a.row, sort.column), columnOf(b.row, sort.column)];
      if ((x === null) !== (y === null)) return x === null ? 1 : -1;
      return sign * ((x === null ? 0 : compare(x, y)) || compare(a.key, b.key));
    })
    .map(({ key }) => key);
}

function toWrite({ key, row }: Keyed, position: string): RowWrite {
  const columns = Object.fromEntries(Object.keys(items.columns).map((column) => [column, columnOf(row, column)]));
  return { table: 'items', key, row, position, columns, tokens: row.words };
}

export function viewQueryContract(getStore: () => ViewStore): void {
  describe('find, count and group', () => {
    const view: View = { name: 'found', version: 1, tables: { items } };
    let writer: ViewWriter;
    let reader: ViewReader;
    let runCount = 0;
    beforeAll(async () => {
      writer = await getStore().openForWriting(view);
      await writer.finishBuild();
      reader = await getStore().openForReading(view);
    });

    /** Saves rows under new organizations, so that runs share the table but do not see each other's rows. */
    async function saveRows(
      rows: readonly Keyed[],
    ): Promise<{ rows: readonly Keyed[]; org: (name: string) => string }> {
      const position = `p${String(++runCount).padStart(6, '0')}`;
      const org = (name: string) => `${position}${name}`;
      const saved = rows.map(({ key, row }) => ({ key: `${position}${key}`, row: { ...row, org: org(row.org) } }));
      const writes = saved.map((row) => toWrite(row, position));
      await writer.save(writes, (await writer.state()).checkpoint, position);
      return { rows: saved, org };
    }

    /** All keys that a query returns, read page by page. */
    async function findAll(query: RowQuery): Promise<readonly string[]> {
      const keys: string[] = [];
      for await (const page of readPages<Item>(reader, 'items', query)) {
        expect(page.rows.length).toBeLessThanOrEqual(query.limit);
        if (page.hasMore) expect(page.rows.length).toBe(query.limit);
        keys.push(...page.rows.map(({ key }) => key));
        if (new Set(keys).size < keys.length) throw new Error(`a row was returned twice: ${keys.join()}`);
        const last = page.rows.at(-1);
        if (last) expect(last.sortValue).toBe(columnOf(last.row, query.sort.column));
      }
      return keys;
    }

    /** Compares the groups that the store returns with groups computed in memory. */
    async function checkGroups(rows: readonly Keyed[], where: readonly Condition[]): Promise<void> {
      const sum = ['whole', 'active'];
      for (const by of [[], ['kind'], ['active', 'text'], ['text', 'number', 'kind']]) {
        const expected = new Map<string, { count: number; sums: number[] }>();
        for (const { row } of rows) {
          const values = JSON.stringify(by.map((column) => columnOf(row, column)));
          const previous = expected.get(values) ?? { count: 0, sums: [0, 0] };
          const sums = sum.map((column, index) => previous.sums[index]! + Number(columnOf(row, column) ?? 0));
          expected.set(values, { count: previous.count + 1, sums });
        }
        const found = await reader.group('items', { where, by, sum });
        expect(found).toHaveLength(expected.size);
        for (const { values, ...group } of found) expect(group).toEqual(expected.get(JSON.stringify(values)));
        const counts = await reader.group('items', { where, by });
        expect(counts.map(({ count, sums }) => [count, sums]).sort()).toEqual(
          [...expected.values()].map(({ count }) => [count, []]).sort(),
        );
      }
    }

    it('queries find, count and group the same rows as a search in memory', async () => {
      await fc.assert(
        fc.asyncProperty(keyed, fc.array(query, { minLength: 1, maxLength: 8 }), async (generated, queries) => {
          const { rows, org } = await saveRows(generated);
          for (const { orgs, where, words, ...rest } of queries) {
            const filter = { where: [{ column: 'org', in: orgs.map(org) }, ...where], ...(words ? { words } : {}) };
            const keys = findInMemory(rows, { ...filter, ...rest });
            expect(await findAll({ ...filter, ...rest })).toEqual(keys);
            expect(await reader.count('items', filter)).toBe(keys.length);
            if (!words)
              await checkGroups(
                rows.filter(({ key }) => keys.includes(key)),
                filter.where,
              );
          }
        }),
        { numRuns: 150 },
      );
    });

    it('queries find the same rows as a search in memory among thousands of rows, whether few or many match', async () => {
      const words = ['ab', 'ba', 'a'];
      const { rows, org } = await saveRows(
        Array.from({ length: 5_000 }, (_, i) => ({
          key: `k${i}`,
          row: {
            org: 'a',
            number: i % 7 === 0 ? null : (i * 7919) % 100,
            text: i % 5 === 0 ? null : `t${(i * 31) % 50}`,
            kind: i % 100 === 0 ? 'old' : i % 3 === 0 ? 'new' : null,
            active: i % 2,
            words: i % 1_000 === 0 ? ['bb'] : [words[i % 3]!],
          },
        })),
      );
      const filters: readonly Condition[][] = [
        [],
        [{ column: 'active', in: [1] }],
        [{ column: 'kind', in: ['old'] }],
        [
          { column: 'kind', in: ['new', null] },
          { column: 'active', in: [1] },
        ],
        [{ column: 'number', from: 10, to: 90 }],
        [
          { column: 'text', from: 't1' },
          { column: 'number', notNull: true },
        ],
      ];
      for (const filter of filters)
        for (const searched of [undefined, [['a']], [['bb']], [['zz']]])
          for (const column of ['number', 'text', 'kind'])
            for (const descending of [false, true]) {
              const where = [{ column: 'org', in: [org('a')] }, ...filter];
              const query = { where, sort: { column, descending }, ...(searched ? { words: searched } : {}) };
              expect(await findAll({ ...query, limit: 900 })).toEqual(findInMemory(rows, query));
            }
    });

    it('queries find the same rows with derived conditions, and none if these contradict the filter', async () => {
      const { rows, org } = await saveRows(
        Array.from({ length: 200 }, (_, i) => {
          const row = {
            org: 'a',
            number: i,
            text: i < 50 ? null : `t${i % 9}`,
            kind: i < 50 ? 'new' : 'old',
            words: [],
          };
          return { key: `k${i}`, row: { ...row, active: i < 50 ? 1 : 0 } };
        }),
      );
      const where: readonly Condition[] = [
        { column: 'org', in: [org('a')] },
        { column: 'kind', in: ['new'] },
      ];
      const derivedConditions: readonly Condition[] = [
        { column: 'active', in: [1] },
        { column: 'number', to: 50 },
        { column: 'text', in: [null] },
      ];
      for (const column of ['number', 'text', 'kind', 'active'])
        for (const descending of [false, true]) {
          const query = { where, sort: { column, descending } };
          expect(await findAll({ ...query, derivedConditions, limit: 30 })).toEqual(findInMemory(rows, query));
          const contradictory = [...where, { column: 'number', from: 60 }];
          expect(await findAll({ ...query, where: contradictory, derivedConditions, limit: 30 })).toEqual([]);
        }
      expect(await reader.count('items', { where, derivedConditions })).toBe(50);
    });

    it('pages contain each unchanged row exactly once while other rows are changed and added', async () => {
      const changes = fc.array(fc.record({ target: fc.nat(), row: item }), { maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(
          keyed,
          query,
          fc.array(changes, { maxLength: 12 }),
          async (generated, generatedQuery, allChanges) => {
            const { rows, org } = await saveRows(generated);
            const position = (await writer.state()).checkpoint!;
            const changedKeys = new Set<string>();
            let step = 0;
            const change = async () => {
              const now = `${position}.${String(++step).padStart(3, '0')}`;
              const writes = (allChanges[step - 1] ?? []).map(({ target, row }) => {
                // Every third row stays unchanged. A target beyond the remaining rows is a new row.
                const existing = rows.filter((_, index) => index % 3 > 0)[target % 40];
                const key = existing?.key ?? `${position}new${target}`;
                changedKeys.add(key);
                return toWrite({ key, row: { ...row, org: org(row.org) } }, now);
              });
              const lastWrites = new Map(writes.map((write) => [write.key, write]));
              await writer.save([...lastWrites.values()], (await writer.state()).checkpoint, now);
            };
            const { orgs, where, words, sort, limit } = generatedQuery;
            const query = {
              where: [{ column: 'org', in: orgs.map(org) }, ...where],
              ...(words ? { words } : {}),
              sort,
            };
            const keys: string[] = [];
            for await (const page of readPages<Item>(reader, 'items', { ...query, limit })) {
              keys.push(...page.rows.map(({ key }) => key));
              await change();
            }
            expect(keys.filter((key) => !changedKeys.has(key))).toEqual(
              findInMemory(
                rows.filter(({ key }) => !changedKeys.has(key)),
                query,
              ),
            );
          },
        ),
        { numRuns: 60 },
      );
    });

    it('a page continues after a row that no longer exists', async () => {
      const row = { org: 'a', text: null, kind: null, active: 1, words: [] };
      const { rows, org } = await saveRows([1, 2, 3].map((n) => ({ key: `k${n}`, row: { ...row, number: n } })));
      const after = { value: 1.5, key: 'missing' };
      const where = [{ column: 'org', in: [org('a')] }];
      const found = await reader.find('items', {
        where,
        sort: { column: 'number', descending: false },
        after,
        limit: 9,
      });
      expect(found.rows.map(({ key }) => key)).toEqual(rows.slice(1).map(({ key }) => key));
    });

    it('queries reject a column that the table does not have', async () => {
      const sort = { column: 'number', descending: false };
      await expect(reader.find('items', { where: [{ column: 'nope', in: [1] }], sort, limit: 1 })).rejects.toThrow(
        /nope/,
      );
      for (const columns of [{ by: ['nope'] }, { by: [], sum: ['nope'] }])
        await expect(reader.group('items', { where: [], ...columns })).rejects.toThrow(/nope/);
      await expect(reader.find('items', { where: [], sort: { ...sort, column: 'x" --' }, limit: 1 })).rejects.toThrow(
        /x" --/,
      );
    });
  });
}
