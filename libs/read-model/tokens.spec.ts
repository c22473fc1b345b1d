import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSearchWords, tokenize, tokenizePhone } from './tokens.js';

/** Searches as every view store does: for each word, one of its spellings must be the beginning of a token. */
const finds = (searchText: string, tokens: readonly string[]): boolean =>
  parseSearchWords(searchText).every((spellings) =>
    spellings.some((spelling) => tokens.some((token) => token.startsWith(spelling))),
  );

describe('tokenize', () => {
  it('splits a text at all characters except letters and digits, and drops repeated words', () => {
    expect(tokenize("  Ana-María O'Neill, 2nd (ana.b@mail.example)")).toEqual(
      ['ana', 'maria', 'o', 'neill', '2nd', 'b', 'mail', 'example'], // "ana" occurs twice
    );
    expect(tokenize(' .-_ ')).toEqual([]);
  });

  it.each([
    ['Müller', 'MULLER'],
    ['Łukasz Żółć', 'lukasz zolc'],
    ['Straße', 'STRASSE'],
    ['İstanbul', 'istanbul'],
    ['ısı', 'ISI'],
    ['ΟΔΟΣ', 'οδός'],
    ['ﬁnance', 'finance'],
    ['Ｆｕｌｌ', 'full'],
    ['Nguyễn', 'Nguyen'],
    ['Ærø', 'aero'],
    ['ガギグ', 'ｶｷｸ'],
  ])('returns tokens so that %s is found by %s, and vice versa', (a, b) => {
    expect(finds(b, tokenize(a))).toBe(true);
    expect(finds(a, tokenize(b))).toBe(true);
  });

  it('returns tokens so that a word is found by its beginning but not by its middle', () => {
    expect(finds('ana lo', tokenize('Lopez, Ana'))).toBe(true);
    expect(finds('pez', tokenize('Lopez, Ana'))).toBe(false);
    expect(finds('ana x', tokenize('Lopez, Ana'))).toBe(false);
  });

  it('returns tokens so that a word in a script without spaces is found by any part of it', () => {
    const tokens = tokenize('田中太郎taro');
    for (const part of ['田中', '中太', '太郎', '郎', '郎taro', 'taro', '田中太郎taro'])
      expect(finds(part, tokens)).toBe(true);
    expect(finds('aro', tokens)).toBe(false);
    expect(finds('中田', tokens)).toBe(false);
    expect(finds('สมชาย', tokenize('นายสมชายใจดี'))).toBe(true);
  });

  it('truncates long words to 32 code points, both in tokens and in search text', () => {
    const long = 'x'.repeat(100);
    expect(finds(long, tokenize(long))).toBe(true);
    expect(tokenize('\u{20000}'.repeat(40)).every((token) => Array.from(token).length <= 32)).toBe(true);
  });

  it('returns tokens of letters and digits only, so that every text is found by itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        expect(finds(text, [...tokenize(text), ...tokenizePhone(text)])).toBe(true);
        for (const token of tokenize(text)) expect(token).toMatch(/^[\p{L}\p{N}]+$/u);
      }),
    );
  });
});

describe('tokenizePhone', () => {
  const tokens = tokenizePhone('+49 (170) 1234567');

  it('returns tokens so that a phone number is found by its beginning and by its end', () => {
    for (const text of ['+49', '49170', '4567', '234567', '+49 170 12', '+49-170-1234567', '170 123 45 67'])
      expect([text, finds(text, tokens)]).toEqual([text, true]);
    for (const text of ['170', '7654321', '5', '+4567890']) expect([text, finds(text, tokens)]).toEqual([text, false]);
  });

  it('marks the token of the reversed phone number, so that digits in reverse order do not match it', () => {
    expect(finds('765', tokens)).toBe(false);
    expect(tokens).toEqual(['491701234567', '<765432107194']);
    expect(tokenizePhone('none')).toEqual([]);
  });
});

describe('parseSearchWords', () => {
  it('parses a phone number as one word however it is formatted, but short groups of digits as separate words', () => {
    expect(parseSearchWords('170 123-4567')).toEqual([['1701234567', '<7654321071']]);
    expect(parseSearchWords('12 34')).toEqual([
      ['12', '<21'],
      ['34', '<43'],
    ]);
    expect(parseSearchWords('  ')).toEqual([]);
  });
});
