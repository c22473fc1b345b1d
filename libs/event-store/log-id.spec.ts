import { expect, it } from '@jest/globals';
import { newLogId } from './log-id.js';

it('newLogId returns a different id for each log, of 8 digits in base 32', () => {
  expect(newLogId()).not.toBe(newLogId());
  expect(newLogId()).toMatch(/^[0-9a-v]{8}$/);
});
