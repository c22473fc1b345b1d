import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSearchWords, tokenize, tokenizePhone } from './tokens.js';

/** Searches as every storage does: one of the spellings of each word begins a token. */
const finds = (searchText: string, tokens: readonly string[]): boolean =>
  parseSearchWords(searchText).every((spellings) =>
    spellings.some((spelling) => tokens.some((token) => token.startsWith(spelling))),
  );

describe('tokenize', () => {
  it('splits a text at everything but letters and digits, and drops repeated words', () => {
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
  ])('gives tokens by which %s is found by %s, and the other way round', (a, b) => {
    expect(finds(b, tokenize(a))).toBe(true);
    expect(finds(a, tokenize(b))).toBe(true);
  });

  it('lets a word be found by its beginning but not by its middle', () => {
    expect(finds('ana lo', tokenize('Lopez, Ana'))).toBe(true);
    expect(finds('pez', tokenize('Lopez, Ana'))).toBe(false);
    expect(finds('ana x', tokenize('Lopez, Ana'))).toBe(false);
  });

  it('lets a word in a script without spaces be found by any part of it', () => {
    const tokens = tokenize('田中太郎taro');
    for (const part of ['田中', '中太', '太郎', '郎', '郎taro', 'taro', '田中太郎taro'])
      expect(finds(part, tokens)).toBe(true);
    expect(finds('aro', tokens)).toBe(false);
    expect(finds('中田', tokens)).toBe(false);
    expect(finds('สมชาย', tokenize('นายสมชายใจดี'))).toBe(true);
  });

  it('cuts long words to 32 code points, in a search text as well', () => {
    const long = 'x'.repeat(100);
    expect(finds(long, tokenize(long))).toBe(true);
    expect(tokenize('\u{20000}'.repeat(40)).every((token) => Array.from(token).length <= 32)).toBe(true);
  });

  it('lets every text be found by itself, and gives tokens of letters and digits only', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        expect(finds(text, [...tokenize(text), ...tokenizePhone(text)])).toBe(true);
        for (const token of tokenize(text)) expect(token).toMatch(/^[\p{L}\p{N}]+$/u);
      }),
    );
  });
});

describe('tokens of a phone number', () => {
  const tokens = tokenizePhone('+49 (170) 1234567');

  it('let it be found by its beginning and by its ending', () => {
    for (const text of ['+49', '49170', '4567', '234567', '+49 170 12', '+49-170-1234567', '170 123 45 67'])
      expect([text, finds(text, tokens)]).toEqual([text, true]);
    for (const text of ['170', '7654321', '5', '+4567890']) expect([text, finds(text, tokens)]).toEqual([text, false]);
  });

  it('mark the reversed number, so that it is not found by digits in reverse order', () => {
    expect(finds('765', tokens)).toBe(false);
    expect(tokens).toEqual(['491701234567', '<765432107194']);
    expect(tokenizePhone('none')).toEqual([]);
  });
});

describe('parseSearchWords', () => {
  it('makes one word of a phone number however it is written, but separate words of a few digits', () => {
    expect(parseSearchWords('170 123-4567')).toEqual([['1701234567', '<7654321071']]);
    expect(parseSearchWords('12 34')).toEqual([
      ['12', '<21'],
      ['34', '<43'],
    ]);
    expect(parseSearchWords('  ')).toEqual([]);
  });
});
