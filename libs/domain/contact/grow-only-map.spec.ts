import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GrowOnlyMap } from './grow-only-map.js';

const empty = GrowOnlyMap.empty<number>();

describe('GrowOnlyMap', () => {
  it('an empty grow-only map has no entries', () => {
    expect(empty.size).toBe(0);
    expect(empty.has('a')).toBe(false);
    expect(empty.get('a')).toBeUndefined();
  });

  it('a grow-only map has the added entries, and keeps the first value of a key', () => {
    const map = empty.with('a', 1).with('b', 2).with('a', 3);
    expect([map.get('a'), map.get('b'), map.size]).toStrictEqual([1, 2, 2]);
  });

  it('adding an existing key returns the same grow-only map', () => {
    const map = empty.with('a', 1);
    expect(map.with('a', 2)).toBe(map);
  });

  it('an older version of a grow-only map does not have entries that were added later', () => {
    const older = empty.with('a', 1);
    older.with('b', 2).with('c', 3);
    expect([older.size, older.has('b'), older.get('c'), empty.has('a')]).toStrictEqual([1, false, undefined, false]);
  });

  it('adding to an older version of a grow-only map does not change newer versions', () => {
    const root = empty.with('a', 1);
    const left = root.with('b', 2).with('c', 3);
    const right = root.with('b', 20).with('d', 40);
    expect([left.get('b'), left.get('c'), left.get('d'), left.size]).toStrictEqual([2, 3, undefined, 3]);
    expect([right.get('b'), right.get('c'), right.get('d'), right.size]).toStrictEqual([20, undefined, 40, 3]);
    expect(root.size).toBe(1);
  });

  it('a grow-only map has no entries for the names of inherited properties', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(empty.has(name)).toBe(false);
      expect(empty.with(name, 1).get(name)).toBe(1);
    }
  });

  it('every version and branch of a grow-only map equals a copied map', () => {
    const additions = fc.array(fc.record({ from: fc.nat(), key: fc.constantFrom(...'abcdef'), value: fc.nat(9) }));
    fc.assert(
      fc.property(additions, (all) => {
        const versions = [{ map: empty, copy: new Map<string, number>() }];
        for (const { from, key, value } of all) {
          const { map, copy } = versions[from % versions.length] ?? { map: empty, copy: new Map<string, number>() };
          const copied = new Map(copy);
          if (!copied.has(key)) copied.set(key, value);
          versions.push({ map: map.with(key, value), copy: copied });
        }
        for (const { map, copy } of versions) {
          expect([...'abcdef'].map((key) => map.get(key))).toStrictEqual([...'abcdef'].map((key) => copy.get(key)));
          expect(map.size).toBe(copy.size);
        }
      }),
      { numRuns: 300 },
    );
  });
});
