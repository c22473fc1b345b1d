import { describe, expect, it } from '@jest/globals';
import { newLogId, EventStoreDbPositionCodec } from './position-codec.js';

describe('positions in an EventStoreDB', () => {
  const positions = new EventStoreDbPositionCodec('0123abcd');

  it.each([0n, 1n, 31n, 32n, 2n ** 53n + 1n, 2n ** 63n - 1n])(
    'keep %d, in an order that is the order of the log',
    (place) => {
      const text = positions.encode(place);
      expect(text).toMatch(/^p0123abcd\.[0-9a-v]{13}$/);
      expect(positions.decode(text)).toBe(place);
      if (place > 0n) expect(positions.encode(place - 1n) < text).toBe(true);
    },
  );

  it.each([
    'p0123abcd.000000000000',
    'p0123abcd.00000000000000',
    'p0123abcd.000000000000w',
    'p0123abcd.vvvvvvvvvvvvv',
    'p0123abce.0000000000001',
  ])('know %s as none of them', (text) => expect(positions.decode(text)).toBeUndefined());

  it('differ from those of another log', () => {
    expect(newLogId()).not.toBe(newLogId());
    expect(newLogId()).toMatch(/^[0-9a-v]{8}$/);
  });
});
