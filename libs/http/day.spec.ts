import { describe, expect, it } from '@jest/globals';
import { IANAZone } from 'luxon';
import { canonicalTimeZone, getDayBounds, isTimeZone } from './day.js';

describe('canonicalTimeZone', () => {
  it('returns the same name for every spelling of a time zone and for its aliases', () => {
    for (const name of ['Europe/Berlin', 'europe/berlin', 'EUROPE/BERLIN', 'eUrOpE/bErLiN'])
      expect(canonicalTimeZone(name)).toBe('Europe/Berlin');
    expect(canonicalTimeZone('US/Eastern')).toBe('America/New_York');
    expect(canonicalTimeZone('utc')).toBe('UTC');
  });

  it.each(['', 'Nowhere/Land', '+01:00', '-05', 'Europe/Berlin ', 'Europe//Berlin', '\u212Aiev', 'x'.repeat(10_000)])(
    'returns undefined for "%s", which is no time zone',
    (name) => {
      expect(canonicalTimeZone(name)).toBeUndefined();
      expect(isTimeZone(name)).toBe(false);
    },
  );

  it('keeps Luxon from caching a time zone once for each spelling', () => {
    const create = IANAZone.create.bind(IANAZone);
    const created = new Set<string>();
    IANAZone.create = (name) => {
      created.add(name);
      return create(name);
    };
    try {
      for (let bits = 0; bits < 256; bits++) {
        const letters = [...'america/new_york'].map((letter, index) =>
          (bits >> index) & 1 ? letter.toUpperCase() : letter,
        );
        expect(getDayBounds('2026-01-01T12:00:00Z', letters.join('')).from).toBe('2026-01-01T05:00:00.000Z');
      }
    } finally {
      IANAZone.create = create;
    }
    expect([...created]).toEqual(['America/New_York']);
  });
});
