/** Letters whose stroke or ligature NFKD leaves alone, though nobody types it. */
const plain: Readonly<Record<string, string>> = { ø: 'o', ł: 'l', đ: 'd', ħ: 'h', ŧ: 't', æ: 'ae', œ: 'oe', ς: 'σ' };

/** Scripts written without spaces: a word may begin at any letter. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Longer words are found by their first letters. In code points. */
const longest = 32;

/** Stands before a phone written backwards; no word of a query can hold it. */
const backwards = '<';

const phoneSigns = /^[\d\s()./+-]+$/;

/** Decomposes the text (NFKD) and removes its combining marks: é becomes e, a full-width letter an ordinary one. */
export const removeMarks = (text: string): string => text.normalize('NFKD').replace(/\p{M}+/gu, '');

/**
 * Upper case first, because it takes apart what lower case keeps: ß becomes ss, and a dotless ı an i.
 */
const fold = (text: string): string =>
  removeMarks(removeMarks(text).toUpperCase().toLowerCase()).replace(/[øłđħŧæœς]/g, (letter) => plain[letter]!);

const wordsOf = (text: string): readonly string[] => fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];

const short = (word: string): string => (word.length <= longest ? word : Array.from(word).slice(0, longest).join(''));

const reversed = (digits: string): string => backwards + Array.from(digits).reverse().join('');

/**
 * The words of a text, folded so that case and accents don't matter (NFKD, marks removed, lower-cased), cut at anything but
 * letters and digits, each at most 32 code points long, none twice. A word in a script without spaces (Chinese, Japanese, Thai,
 * Lao, Khmer, Burmese) also begins at each of its letters, so any part of it is found: 田中 by 中.
 */
export function tokenize(text: string): readonly string[] {
  const found = new Set<string>();
  for (const word of wordsOf(text)) {
    found.add(short(word));
    if (!unspaced.test(word)) continue;
    const letters = Array.from(word);
    for (let at = 1; at < letters.length; at++)
      if (unspaced.test(letters[at]!) || unspaced.test(letters[at - 1]!))
        found.add(letters.slice(at, at + longest).join(''));
  }
  return [...found];
}

/** A phone as one run of digits and once backwards, so that it is found by its beginning and by its ending. */
export function tokenizePhone(phone: string): readonly string[] {
  const digits = short(phone.normalize('NFKD').replace(/\D+/g, ''));
  return digits === '' ? [] : [digits, reversed(digits)];
}

/**
 * What somebody typed, as a query's `words`: every word must begin a token; a run of digits may also be a phone's ending.
 * A whole phone number may be typed with its spaces and signs (`+49 (170) 123-45`): with a plus, or from seven digits on, it is
 * one word. Nothing to search by gives no words, which restricts nothing.
 */
export function parseSearchWords(text: string): readonly (readonly string[])[] {
  const typed = text.normalize('NFKD').trim();
  const digits = typed.replace(/\D+/g, '');
  const isPhone = phoneSigns.test(typed) && digits !== '' && (typed.startsWith('+') || digits.length >= 7);
  const words = isPhone ? [digits] : new Set(wordsOf(typed));
  return [...words].map((word) => (/^\d+$/.test(word) ? [short(word), reversed(short(word))] : [short(word)]));
}
