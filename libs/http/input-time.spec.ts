import { describe, it } from '@jest/globals';
import { expectLinearTime, slowTexts } from '#test/support/time-growth';
import { isTimeZone } from './day.js';
import { isFreeForm, isId, isName, isText } from './fields.js';
import { parseInstant } from './instant.js';
import { parseJsonBody } from './raw-body.js';

describe('checking input', () => {
  it.each(Object.keys(slowTexts))('takes time in proportion to the length of a text with %s', (name) => {
    expectLinearTime(slowTexts[name]!, (text) =>
      [isId, isName, isText, isFreeForm, parseInstant, isTimeZone].map((check) => check(text)),
    );
    expectLinearTime(
      (length) => Buffer.from(JSON.stringify({ [slowTexts[name]!(length / 2)]: slowTexts[name]!(length / 2) })),
      parseJsonBody,
    );
  });

  it.each([
    [
      'many members',
      (length: number) => `{${Array.from({ length: length / 8 }, (_, index) => `"k${index}":1`).join()}}`,
    ],
    ['deep nesting', (length: number) => '['.repeat(length / 2) + ']'.repeat(length / 2)],
    ['a long number', (length: number) => '9'.repeat(length)],
    ['a long fraction', (length: number) => `0.${'1'.repeat(length)}`],
    ['many numbers', (length: number) => `[${'1e400,'.repeat(length / 6)}0]`],
  ])('takes time in proportion to the length of JSON with %s', (_, createJson) => {
    expectLinearTime(
      (length) => Buffer.from(createJson(length)),
      (body) => {
        try {
          parseJsonBody(body);
        } catch {
          // Rejecting it counts, too.
        }
      },
      { maxLength: 1_048_576, harmlessMs: 200 },
    );
  });
});
