import { applyDecorators } from '@nestjs/common';
import { IsIn, ValidateBy, ValidateIf, type ValidationOptions } from 'class-validator';
import { isTimeZone } from './day.js';
import { instantOf } from './instant.js';
import { isRecord, nest, type Class } from './valid.js';

/** May be left out; null is not leaving out. */
export const Optional = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** May be left out, or null. */
export const OptionalOrNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined && value !== null);

const check =
  (name: string, message: string, ok: (value: unknown) => boolean) =>
  (options?: ValidationOptions): PropertyDecorator =>
    ValidateBy({ name, validator: { validate: ok, defaultMessage: () => message } }, options);

const lengthOf = (text: string): number => (text.length <= 128 ? text.length : [...text].length);
// Control characters break terminals, logs and stores' keys; a lone surrogate is no character and can't be stored as UTF-8.
const isClean = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);

export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && lengthOf(value) <= 128 && isClean(value);

/** An id of the caller's or the provider's: 1 to 128 characters, no control characters. */
export const IsId = check('id', 'must be text of 1 to 128 characters without control characters', isId);

/** A name, phone or email: 1 to 256 characters, no control characters. */
export const IsName = check(
  'name',
  'must be text of 1 to 256 characters without control characters',
  (value) => typeof value === 'string' && value.trim().length > 0 && lengthOf(value) <= 256 && isClean(value),
);

/** A query parameter, given once. */
export const IsPlain = check(
  'plain',
  'must be given once, with at most 4,096 characters',
  (value) => typeof value === 'string' && value.length <= 4_096,
);

/** At most 64 KiB of UTF-8. */
export const IsText = check(
  'text',
  'must be text of at most 64 KiB',
  (value) => typeof value === 'string' && value.length <= 65_536 && Buffer.byteLength(value) <= 65_536,
);

export const IsEmailLike = check(
  'email',
  'must be an email address of at most 254 characters',
  (value) => typeof value === 'string' && value.length <= 254 && /^[^\s@]+@[^\s@]+$/.test(value) && isClean(value),
);

/** RFC 3339 with an offset. */
export const IsInstant = check(
  'instant',
  'must be a time as RFC 3339 has it, with an offset, such as 2026-01-31T09:30:00Z',
  (value) => instantOf(value) !== undefined,
);

/** A zone of the IANA data base. */
export const IsTimeZone = check('timeZone', 'must be an IANA time zone, such as Europe/Berlin', isTimeZone);

export const IsScore = check(
  'score',
  'must be an integer from 0 to 100',
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 100,
);

/** Free-form JSON (an object, a list, or a text), at most 64 KiB and 16 levels deep. */
export const IsFreeForm = check('freeForm', 'must be JSON of at most 64 KiB and 16 levels', (value) => {
  if (typeof value === 'string') return value.length > 0 && value.length <= 65_536;
  return (
    typeof value === 'object' && value !== null && depthWithin(value, 16) && JSON.stringify(value).length <= 65_536
  );
});

const depthWithin = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((it) => depthWithin(it, levels - 1)));

/** One of a closed list, which the refusal tells. */
export const IsOneOf = (values: readonly string[]): PropertyDecorator =>
  applyDecorators(IsIn(values, { message: `must be one of: ${values.join(', ')}` }));

const nesting =
  (type: Class): PropertyDecorator =>
  (target, name) =>
    nest(target.constructor, String(name), type);

/** An object whose fields a class names. */
export const IsShaped = (type: Class): PropertyDecorator =>
  applyDecorators(check('object', 'must be an object', isRecord)(), nesting(type));

/** A list of at most so many objects whose fields a class names. */
export const IsListOf = (type: Class, most: number): PropertyDecorator =>
  applyDecorators(
    check('list', `must be a list of at most ${most}`, (it) => Array.isArray(it) && it.length <= most)(),
    nesting(type),
  );

/** A list of 1 to so many of anything: each is looked at by itself. */
export const IsList = (most: number): PropertyDecorator =>
  check('list', `must be a list of 1 to ${most}`, (it) => Array.isArray(it) && it.length >= 1 && it.length <= most)();
