import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Condition, RowQuery, ViewReader, ViewStore, ViewWriter, RowWrite } from './view-store.js';
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
const texts = [
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
const text = fc.constantFrom(...texts);
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

/** By code point, which UTF-8 keeps and JavaScript's `<` does not. */
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

/** What a query must find, worked out the slow way. */
function expected(rows: readonly Keyed[], { where, words = [], sort }: Omit<RowQuery, 'limit'>): readonly string[] {
  const sign = sort.descending ? -1 : 1;
  return rows
    .filter(({ row }) => where.every((each) => holds(each, row)))
    .filter(({ row }) =>
      words.every((starts) => starts.some((start) => row.words.some((its) => its.startsWith(start)))),
    )
    .toSorted((a, b) => {
      const [x, y] = [columnOf(a.row, sort.column), columnOf(b.row, sort.column)];
      if ((x === null) !== (y === null)) return x === null ? 1 : -1;
      return sign * ((x === null ? 0 : compare(x, y)) || compare(a.key, b.key));
    })
    .map(({ key }) => key);
}

function writeOf({ key, row }: Keyed, position: string): RowWrite {
  const columns = Object.fromEntries(Object.keys(items.columns).map((column) => [column, columnOf(row, column)]));
  return { table: 'items', key, row, position, columns, tokens: row.words };
}

export function viewQueryContract(storeOf: () => ViewStore): void {
  describe('find', () => {
    const view: View = { name: 'found', version: 1, tables: { items } };
    let writer: ViewWriter;
    let reader: ViewReader;
    let runs = 0;
    beforeAll(async () => {
      writer = await storeOf().openForWriting(view);
      await writer.finishBuild();
      reader = await storeOf().openForReading(view);
    });

    /** Rows of organizations of their own, so that runs don't see each other and always others' rows lie around. */
    async function given(rows: readonly Keyed[]): Promise<{ rows: readonly Keyed[]; org: (name: string) => string }> {
      const position = `p${String(++runs).padStart(6, '0')}`;
      const [org, previous] = [(name: string) => `${position}${name}`, (await writer.state()).checkpoint];
      const own = rows.map(({ key, row }) => ({ key: `${position}${key}`, row: { ...row, org: org(row.org) } }));
      const writes = own.map((each) => writeOf(each, position));
      await writer.save(writes, previous, position);
      return { rows: own, org };
    }

    async function pages(asked: RowQuery): Promise<readonly string[]> {
      const keys: string[] = [];
      for (let after: RowQuery['after'], more = true; more;) {
        const found = await reader.find<Item>('items', { ...asked, ...(after ? { after } : {}) });
        expect(found.rows.length).toBeLessThanOrEqual(asked.limit);
        if (found.hasMore) expect(found.rows.length).toBe(asked.limit);
        keys.push(...found.rows.map(({ key }) => key));
        if (new Set(keys).size < keys.length) throw new Error(`a row came twice: ${keys.join()}`);
        const last = found.rows.at(-1);
        if (last) expect(last.sortValue).toBe(columnOf(last.row, asked.sort.column));
        if (last) after = { value: last.sortValue, key: last.key };
        more = found.hasMore;
      }
      return keys;
    }

    /** Agrees with a count by hand, by whatever is told apart. */
    async function tallied(rows: readonly Keyed[], where: readonly Condition[]): Promise<void> {
      const sum = ['whole', 'active'];
      for (const by of [[], ['kind'], ['active', 'text'], ['text', 'number', 'kind']]) {
        const expected = new Map<string, { count: number; sums: number[] }>();
        for (const { row } of rows) {
          const values = JSON.stringify(by.map((column) => columnOf(row, column)));
          const so = expected.get(values) ?? { count: 0, sums: [0, 0] };
          const sums = sum.map((column, nth) => so.sums[nth]! + Number(columnOf(row, column) ?? 0));
          expected.set(values, { count: so.count + 1, sums });
        }
        const found = await reader.group('items', { where, by, sum });
        expect(found).toHaveLength(expected.size);
        for (const { values, ...told } of found) expect(told).toEqual(expected.get(JSON.stringify(values)));
        const alone = await reader.group('items', { where, by });
        expect(alone.map(({ count, sums }) => [count, sums]).sort()).toEqual(
          [...expected.values()].map(({ count }) => [count, []]).sort(),
        );
      }
    }

    it('agrees with a search by hand, page by page', async () => {
      await fc.assert(
        fc.asyncProperty(keyed, fc.array(query, { minLength: 1, maxLength: 8 }), async (given_, queries) => {
          const { rows, org } = await given(given_);
          for (const { orgs, where, words, ...rest } of queries) {
            const its = { where: [{ column: 'org', in: orgs.map(org) }, ...where], ...(words ? { words } : {}) };
            const keys = expected(rows, { ...its, ...rest });
            expect(await pages({ ...its, ...rest })).toEqual(keys);
            expect(await reader.count('items', its)).toBe(keys.length);
            if (!words)
              await tallied(
                rows.filter(({ key }) => keys.includes(key)),
                its.where,
              );
          }
        }),
        { numRuns: 150 },
      );
    });

    it('finds the same among many rows, where few or many match', async () => {
      const words = ['ab', 'ba', 'a'];
      const { rows, org } = await given(
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
      const its: readonly Condition[][] = [
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
      for (const more of its)
        for (const searched of [undefined, [['a']], [['bb']], [['zz']]])
          for (const column of ['number', 'text', 'kind'])
            for (const descending of [false, true]) {
              const where = [{ column: 'org', in: [org('a')] }, ...more];
              const asked = { where, sort: { column, descending }, ...(searched ? { words: searched } : {}) };
              expect(await pages({ ...asked, limit: 900 })).toEqual(expected(rows, asked));
            }
    });

    it('finds the same with what follows from the conditions, and knows when they contradict each other', async () => {
      const { rows, org } = await given(
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
      const implied: readonly Condition[] = [
        { column: 'active', in: [1] },
        { column: 'number', to: 50 },
        { column: 'text', in: [null] },
      ];
      for (const column of ['number', 'text', 'kind', 'active'])
        for (const descending of [false, true]) {
          const asked = { where, sort: { column, descending } };
          expect(await pages({ ...asked, derivedConditions: implied, limit: 30 })).toEqual(expected(rows, asked));
          const contrary = [...where, { column: 'number', from: 60 }];
          expect(await pages({ ...asked, where: contrary, derivedConditions: implied, limit: 30 })).toEqual([]);
        }
      expect(await reader.count('items', { where, derivedConditions: implied })).toBe(50);
    });

    it('goes on without gap or repeat for rows that stay as they are, while others change and come', async () => {
      const changes = fc.array(fc.record({ nth: fc.nat(), row: item }), { maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(keyed, query, fc.array(changes, { maxLength: 12 }), async (given_, asked, allChanges) => {
          const { rows, org } = await given(given_);
          const position = (await writer.state()).checkpoint!;
          const changing = new Set<string>();
          let step = 0;
          const change = async () => {
            const now = `${position}.${String(++step).padStart(3, '0')}`;
            const writes = (allChanges[step - 1] ?? []).map(({ nth, row }) => {
              // Every third row stays; some are new.
              const old = rows.filter((_, at) => at % 3 > 0)[nth % 40];
              const key = old?.key ?? `${position}new${nth}`;
              changing.add(key);
              return writeOf({ key, row: { ...row, org: org(row.org) } }, now);
            });
            const last = new Map(writes.map((write) => [write.key, write]));
            await writer.save([...last.values()], (await writer.state()).checkpoint, now);
          };
          const { orgs, where, words, sort, limit } = asked;
          const its = { where: [{ column: 'org', in: orgs.map(org) }, ...where], ...(words ? { words } : {}), sort };
          const keys: string[] = [];
          for (let after: RowQuery['after'], more = true; more;) {
            const found = await reader.find<Item>('items', { ...its, limit, ...(after ? { after } : {}) });
            keys.push(...found.rows.map(({ key }) => key));
            const last = found.rows.at(-1);
            if (last) after = { value: last.sortValue, key: last.key };
            more = found.hasMore;
            await change();
          }
          expect(keys.filter((key) => !changing.has(key))).toEqual(
            expected(
              rows.filter(({ key }) => !changing.has(key)),
              its,
            ),
          );
        }),
        { numRuns: 60 },
      );
    });

    it('goes on behind a row that is gone from the result', async () => {
      const row = { org: 'a', text: null, kind: null, active: 1, words: [] };
      const { rows, org } = await given([1, 2, 3].map((n) => ({ key: `k${n}`, row: { ...row, number: n } })));
      const behind = { value: 1.5, key: 'nobody' };
      const where = [{ column: 'org', in: [org('a')] }];
      const found = await reader.find('items', {
        where,
        sort: { column: 'number', descending: false },
        after: behind,
        limit: 9,
      });
      expect(found.rows.map(({ key }) => key)).toEqual(rows.slice(1).map(({ key }) => key));
    });

    it('refuses a column that the table has not', async () => {
      const sort = { column: 'number', descending: false };
      await expect(reader.find('items', { where: [{ column: 'nope', in: [1] }], sort, limit: 1 })).rejects.toThrow(
        /nope/,
      );
      for (const asked of [{ by: ['nope'] }, { by: [], sum: ['nope'] }])
        await expect(reader.group('items', { where: [], ...asked })).rejects.toThrow(/nope/);
      await expect(reader.find('items', { where: [], sort: { ...sort, column: 'x" --' }, limit: 1 })).rejects.toThrow(
        /x" --/,
      );
    });
  });
}
