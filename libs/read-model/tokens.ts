/** Letters that NFKD does not decompose, such as those with a stroke, and ligatures. */
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

/** Scripts written without spaces, in which a word may begin at any letter. */
const unspacedScript =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** In code points. Longer words are truncated. */
const maxTokenLength = 32;

/** Marks a reversed phone number. Other tokens and search words never contain it. */
const reversedMark = '<';

const phoneCharacters = /^[\d\s()./+-]+$/;

/** Decomposes the text (NFKD) and removes its combining marks: é becomes e, and a full-width letter becomes an ordinary one. */
export const removeMarks = (text: string): string => text.normalize('NFKD').replace(/\p{M}+/gu, '');

/** Converts to upper case first, because that splits letters that lower case keeps: ß becomes ss, and dotless ı becomes i. */
const fold = (text: string): string =>
  removeMarks(removeMarks(text).toUpperCase().toLowerCase()).replace(/[øłđħŧæœς]/g, (letter) => replacements[letter]!);

const splitWords = (text: string): readonly string[] => fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];

const truncate = (word: string): string =>
  word.length <= maxTokenLength ? word : Array.from(word).slice(0, maxTokenLength).join('');

const reverse = (digits: string): string => reversedMark + Array.from(digits).reverse().join('');

/**
 * The distinct words of a text, without case and accents (NFKD, marks removed, lower case). Every character except letters and digits
 * separates words. Words are truncated to 32 code points. A word in a script without spaces (Chinese, Japanese, Thai, Lao, Khmer,
 * Burmese) also has a token that starts at each of its letters, so that any part is found: 中 finds 田中.
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

/** The digits of a phone number, forwards and reversed, so that it is found by its first and by its last digits. */
export function tokenizePhone(phone: string): readonly string[] {
  const digits = truncate(phone.normalize('NFKD').replace(/\D+/g, ''));
  return digits === '' ? [] : [digits, reverse(digits)];
}

/**
 * Turns a search text into the `words` of a query. Every word must begin a token. Digits may also be the last digits of a phone
 * number. A text that looks like a whole phone number, such as `+49 (170) 123-45`, is one word: it has only digits and punctuation,
 * and begins with a plus or has at least seven digits. A text without letters and digits has no words and matches every row.
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
