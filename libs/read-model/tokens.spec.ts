import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tokenizePhone, parseSearchWords, tokenize } from './tokens.js';

/** As every storage does it: each word begins a token, in one of its spellings. */
const finds = (typed: string, indexed: readonly string[]): boolean =>
  parseSearchWords(typed).every((spellings) =>
    spellings.some((word) => indexed.some((token) => token.startsWith(word))),
  );

describe('tokens', () => {
  it('cuts a text at anything but letters and digits', () => {
    expect(tokenize("  Ana-María O'Neill, 2nd (ana.b@mail.example)")).toEqual(
      ['ana', 'maria', 'o', 'neill', '2nd', 'b', 'mail', 'example'], // "ana" comes twice and is kept once
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
  ])('finds %s by %s and the other way round', (a, b) => {
    expect(finds(b, tokenize(a))).toBe(true);
    expect(finds(a, tokenize(b))).toBe(true);
  });

  it('finds a word by its beginning, not by its middle', () => {
    expect(finds('ana lo', tokenize('Lopez, Ana'))).toBe(true);
    expect(finds('pez', tokenize('Lopez, Ana'))).toBe(false);
    expect(finds('ana x', tokenize('Lopez, Ana'))).toBe(false);
  });

  it('finds any part of a word in a script without spaces', () => {
    const name = tokenize('田中太郎taro');
    for (const part of ['田中', '中太', '太郎', '郎', '郎taro', 'taro', '田中太郎taro'])
      expect(finds(part, name)).toBe(true);
    expect(finds('aro', name)).toBe(false);
    expect(finds('中田', name)).toBe(false);
    expect(finds('สมชาย', tokenize('นายสมชายใจดี'))).toBe(true);
  });

  it('finds a long word by as much of it as is typed', () => {
    const long = 'x'.repeat(100);
    expect(finds(long, tokenize(long))).toBe(true);
    expect(tokenize('\u{20000}'.repeat(40)).every((token) => Array.from(token).length <= 32)).toBe(true);
  });

  it('finds every text by itself, and holds no white space or quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        expect(finds(text, [...tokenize(text), ...tokenizePhone(text)])).toBe(true);
        for (const token of tokenize(text)) expect(token).toMatch(/^[\p{L}\p{N}]+$/u);
      }),
    );
  });
});

describe('phones', () => {
  const indexed = tokenizePhone('+49 (170) 1234567');

  it('are found by their beginning and by their ending', () => {
    for (const typed of ['+49', '49170', '4567', '234567', '+49 170 12', '+49-170-1234567', '170 123 45 67'])
      expect([typed, finds(typed, indexed)]).toEqual([typed, true]);
    for (const typed of ['170', '7654321', '5', '+4567890'])
      expect([typed, finds(typed, indexed)]).toEqual([typed, false]);
  });

  it('backwards are not mistaken for words', () => {
    expect(finds('765', indexed)).toBe(false);
    expect(indexed).toEqual(['491701234567', '<765432107194']);
    expect(tokenizePhone('none')).toEqual([]);
  });

  it('are one word however they are typed, while few digits stay words of their own', () => {
    expect(parseSearchWords('170 123-4567')).toEqual([['1701234567', '<7654321071']]);
    expect(parseSearchWords('12 34')).toEqual([
      ['12', '<21'],
      ['34', '<43'],
    ]);
    expect(parseSearchWords('  ')).toEqual([]);
  });
});
