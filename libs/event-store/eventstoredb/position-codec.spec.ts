import { describe, expect, it } from '@jest/globals';
import { EventStoreDbPositionCodec } from './position-codec.js';

describe('the position codec of EventStoreDB', () => {
  const codec = new EventStoreDbPositionCodec('0123abcd');

  it.each([0n, 1n, 31n, 32n, 2n ** 53n + 1n, 2n ** 63n - 1n])(
    'encodes the commit position %d as a text that decodes to it and sorts after the previous position',
    (commit) => {
      const position = codec.encode(commit);
      expect(position).toMatch(/^p0123abcd\.[0-9a-v]{13}$/);
      expect(codec.decode(position)).toBe(commit);
      if (commit > 0n) expect(codec.encode(commit - 1n) < position).toBe(true);
    },
  );

  it.each([
    'p0123abcd.000000000000',
    'p0123abcd.00000000000000',
    'p0123abcd.000000000000w',
    'p0123abcd.vvvvvvvvvvvvv',
    'p0123abce.0000000000001',
  ])('does not decode %s, which is not a valid position', (text) => expect(codec.decode(text)).toBeUndefined());
});
