/** Letters with a stroke or ligature, which NFKD leaves as they are. */
const replacements: Readonly<Record<string, string>> = {
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ħ: 'h',
  ŧ: 't',
  æ: 'ae',
  œ: 'oe',
  ς: 'σ',
};

/** Scripts written without spaces: a word may begin at any letter. */
const unspacedScript =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** In code points. Longer words are cut. */
const maxTokenLength = 32;

/** Marks a phone number written backwards. No other token and no search word contains it. */
const reversedMark = '<';

const phoneCharacters = /^[\d\s()./+-]+$/;

/** Decomposes the text (NFKD) and removes its combining marks: é becomes e, a full-width letter an ordinary one. */
export const removeMarks = (text: string): string => text.normalize('NFKD').replace(/\p{M}+/gu, '');

/** Upper case first, because it splits letters that lower case keeps: ß becomes ss, and a dotless ı an i. */
const fold = (text: string): string =>
  removeMarks(removeMarks(text).toUpperCase().toLowerCase()).replace(/[øłđħŧæœς]/g, (letter) => replacements[letter]!);

const splitWords = (text: string): readonly string[] => fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];

const truncate = (word: string): string =>
  word.length <= maxTokenLength ? word : Array.from(word).slice(0, maxTokenLength).join('');

const reverse = (digits: string): string => reversedMark + Array.from(digits).reverse().join('');

/**
 * The distinct words of a text. Case and accents are removed (NFKD, marks dropped, lower case), words are split at everything but
 * letters and digits and cut to 32 code points. A word in a script without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese)
 * also gives a token from each of its letters on, so that any part of it is found: 田中 by 中.
 */
export function tokenize(text: string): readonly string[] {
  const tokens = new Set<string>();
  for (const word of splitWords(text)) {
    tokens.add(truncate(word));
    if (!unspacedScript.test(word)) continue;
    const letters = Array.from(word);
    for (let start = 1; start < letters.length; start++)
      if (unspacedScript.test(letters[start]!) || unspacedScript.test(letters[start - 1]!))
        tokens.add(letters.slice(start, start + maxTokenLength).join(''));
  }
  return [...tokens];
}

/** The digits of a phone number, forwards and backwards, so that it is found by its beginning and by its ending. */
export function tokenizePhone(phone: string): readonly string[] {
  const digits = truncate(phone.normalize('NFKD').replace(/\D+/g, ''));
  return digits === '' ? [] : [digits, reverse(digits)];
}

/**
 * Turns a search text into `words` of a query. Every word must begin a token. Digits may also be the ending of a phone number. A
 * text that looks like a whole phone number (`+49 (170) 123-45`) is one word: it has only digits and signs, and begins with a plus
 * or has at least seven digits. A text without letters and digits gives no words, which matches every row.
 */
export function parseSearchWords(text: string): readonly (readonly string[])[] {
  const input = text.normalize('NFKD').trim();
  const digits = input.replace(/\D+/g, '');
  const isPhone = phoneCharacters.test(input) && digits !== '' && (input.startsWith('+') || digits.length >= 7);
  const words = isPhone ? [digits] : new Set(splitWords(input));
  return [...words].map((word) => {
    const token = truncate(word);
    return /^\d+$/.test(word) ? [token, reverse(token)] : [token];
  });
}
