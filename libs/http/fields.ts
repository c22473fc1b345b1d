import { applyDecorators } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiProperty,
  ApiSchema,
  getSchemaPath,
  type ApiPropertyOptions,
  type ApiSchemaOptions,
} from '@nestjs/swagger';
import { IsBoolean, IsIn, IsNumber, ValidateBy, ValidateIf } from 'class-validator';
import { isTimeZone } from './day.js';
import { parseInstant } from './instant.js';
import { isRecord, registerRequiredOneOf, registerNested, type Class, type NestedSchema } from './validation.js';

/*
 * What a field of a request may be, said once: it is checked when it arrives (class-validator) and told in the API's document
 * (the schema beside it). The `description` is for that document.
 */

/** May be left out; null is not leaving out. */
export const Optional = (): PropertyDecorator =>
  applyDecorators(
    ValidateIf((_, value) => value !== undefined),
    ApiProperty({ required: false }),
  );

/** May be left out, or null. */
export const OptionalOrNull = (): PropertyDecorator =>
  applyDecorators(
    ValidateIf((_, value) => value !== undefined && value !== null),
    ApiProperty({ required: false, nullable: true }),
  );

/** `name` makes the code of the refusal: see valid.ts. */
export const createFieldDecorator =
  (name: string, message: string, schema: ApiPropertyOptions, ok: (value: unknown) => boolean) =>
  (description?: string): PropertyDecorator =>
    applyDecorators(
      ValidateBy({ name, validator: { validate: ok, defaultMessage: () => message } }),
      ApiProperty({ ...schema, ...(description === undefined ? {} : { description }) }),
    );

const lengthOf = (text: string): number => (text.length <= 128 ? text.length : [...text].length);
// Control characters break terminals, logs and stores' keys; a lone surrogate is no character and can't be stored as UTF-8.
const isClean = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);

export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && lengthOf(value) <= 128 && isClean(value);

/** An id of the caller's or the provider's: 1 to 128 characters, no control characters. */
export const IsId = createFieldDecorator(
  'id',
  'must be text of 1 to 128 characters without control characters',
  { type: 'string', minLength: 1, maxLength: 128, pattern: '^\\P{Cc}*$', example: 'K-1042' },
  isId,
);

export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.trim().length > 0 && lengthOf(value) <= 256 && isClean(value);

/** A name, phone or email: 1 to 256 characters, no control characters. */
export const IsName = createFieldDecorator(
  'name',
  'must be text of 1 to 256 characters without control characters',
  { type: 'string', minLength: 1, maxLength: 256, pattern: '^(?=\\P{Cc}*\\S)\\P{Cc}*$', example: 'Ana' },
  isName,
);

export const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 65_536 && Buffer.byteLength(value) <= 65_536;

/** At most 64 KiB of UTF-8. */
export const IsText = createFieldDecorator(
  'text',
  'must be text of at most 64 KiB',
  { type: 'string', maxLength: 65_536 },
  isText,
);

const email = '^[^\\s@]+@[^\\s@]+$';
const isEmail = new RegExp(email);

export const IsEmailLike = createFieldDecorator(
  'email',
  'must be an email address of at most 254 characters',
  { type: 'string', maxLength: 254, pattern: email, example: 'ana@example.org' },
  (value) => typeof value === 'string' && value.length <= 254 && isEmail.test(value) && isClean(value),
);

/** RFC 3339 with an offset. */
export const IsInstant = createFieldDecorator(
  'instant',
  'must be a time as RFC 3339 has it, with an offset, such as 2026-01-31T09:30:00Z',
  { type: 'string', format: 'date-time' },
  (value) => parseInstant(value) !== undefined,
);

/** A zone of the IANA data base. */
export const IsTimeZone = createFieldDecorator(
  'timeZone',
  'must be an IANA time zone, such as Europe/Berlin',
  { type: 'string', description: 'Of the IANA data base, such as Europe/Berlin.' },
  isTimeZone,
);

/** Both ends included. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

const isWithin = (value: unknown, { min: least, max: most }: IntegerRange): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

export const scoreRange: IntegerRange = { min: 0, max: 100 };

export const IsScore = createFieldDecorator(
  'score',
  'must be an integer from 0 to 100',
  { type: 'integer', minimum: scoreRange.min, maximum: scoreRange.max },
  (value) => isWithin(value, scoreRange),
);

export const IsInteger = (range: IntegerRange): PropertyDecorator =>
  createFieldDecorator(
    'whole',
    `must be a whole number from ${range.min} to ${range.max}`,
    { type: 'integer', minimum: range.min, maximum: range.max },
    (value) => isWithin(value, range),
  )();

export const IsAmount = (): PropertyDecorator =>
  applyDecorators(
    IsNumber({ allowInfinity: false, allowNaN: false }, { message: 'must be a number' }),
    ApiProperty({ type: 'number' }),
  );

export const IsFlag = (): PropertyDecorator => applyDecorators(IsBoolean(), ApiProperty({ type: 'boolean' }));

export function isFreeForm(value: unknown): boolean {
  if (typeof value === 'string') return value.length > 0 && value.length <= 65_536;
  return (
    typeof value === 'object' && value !== null && depthWithin(value, 16) && JSON.stringify(value).length <= 65_536
  );
}

/** Free-form JSON (an object, a list, or a text), at most 64 KiB and 16 levels deep. */
export const IsFreeForm = createFieldDecorator(
  'freeForm',
  'must be JSON of at most 64 KiB and 16 levels',
  {
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
      { type: 'string', minLength: 1, maxLength: 65_536 },
    ],
  },
  isFreeForm,
);

const depthWithin = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((it) => depthWithin(it, levels - 1)));

/** One of a closed list, which the refusal tells. */
export const IsOneOf = (values: readonly string[]): PropertyDecorator =>
  applyDecorators(
    IsIn(values, { message: `must be one of: ${values.join(', ')}` }),
    ApiProperty({ type: 'string', enum: [...values] }),
  );

const nesting =
  (inside: NestedSchema): PropertyDecorator =>
  (target, name) =>
    registerNested(target.constructor, String(name), inside);
const as =
  (type: Class): NestedSchema =>
  (input) => ({ type, input });

/** An object whose fields a class names. */
export const IsNestedObject = (type: Class): PropertyDecorator =>
  applyDecorators(
    createFieldDecorator('object', 'must be an object', { type: () => type }, isRecord)(),
    nesting(as(type)),
  );

/** An object of one of several kinds: which, its field `by` says. */
export const IsVariantOf = (by: string, kinds: Readonly<Record<string, Class>>): PropertyDecorator => {
  const names = Object.keys(kinds);
  const types = Object.values(kinds);
  const refused = { field: by, code: 'not_allowed', message: `must be one of: ${names.join(', ')}` };
  const mapping = Object.fromEntries(names.map((name) => [name, getSchemaPath(kinds[name]!)]));
  const oneOf = types.map((type) => ({ $ref: getSchemaPath(type) }));
  return applyDecorators(
    createFieldDecorator(
      'object',
      'must be an object',
      { oneOf, discriminator: { propertyName: by, mapping } },
      isRecord,
    )(),
    nesting((input) => {
      const kind = input[by];
      const known = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
      return known ? { type: known, input } : { refused };
    }),
    (target: object) => void ApiExtraModels(...types)(target.constructor),
  );
};

/**
 * Query parameters in a body, by the same names and values: a value may be the text that would stand in a query, or the number,
 * boolean or list that it means.
 */
export const IsQueryObject = (type: Class): PropertyDecorator =>
  applyDecorators(
    createFieldDecorator('object', 'must be an object', { type: () => type }, isRecord)(),
    nesting((given) => ({ type, input: asInQuery(given) })),
  );

const asInQuery = (given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const isList = Array.isArray(value) && value.length > 0 && value.every((it) => typeof it === 'string');
      if (isList) return [name, value.join(',')];
      return [name, typeof value === 'number' || typeof value === 'boolean' ? String(value) : value];
    }),
  );

/** A list of at most so many objects whose fields a class names. */
export const IsListOf = (type: Class, most: number): PropertyDecorator =>
  applyDecorators(
    createFieldDecorator(
      'list',
      `must be a list of at most ${most}`,
      { type: () => type, isArray: true, maxItems: most },
      (it) => Array.isArray(it) && it.length <= most,
    )(),
    nesting(as(type)),
  );

/** A list of 1 to so many items, each of which is looked at by itself: one that is not as the class says is told so alone. */
export const IsBatchOf = (type: Class, most: number): PropertyDecorator =>
  createFieldDecorator(
    'list',
    `must be a list of 1 to ${most}`,
    { type: () => type, isArray: true, minItems: 1, maxItems: most },
    (it) => Array.isArray(it) && it.length >= 1 && it.length <= most,
  )();

/** A list of 1 to so many ids. */
export const IsIdList = (most: number): PropertyDecorator =>
  createFieldDecorator(
    'list',
    `must be a list of 1 to ${most} ids, each of 1 to 128 characters without control characters`,
    {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 128, pattern: '^\\P{Cc}*$' },
      minItems: 1,
      maxItems: most,
    },
    (it) => Array.isArray(it) && it.length >= 1 && it.length <= most && it.every(isId),
  )();

/** Of a class: at least one of these fields must be there. */
export const AtLeastOneOf =
  (...names: readonly string[]): ClassDecorator =>
  (type) => {
    registerRequiredOneOf(type, names);
    ApiSchema({ anyOf: names.map((name) => ({ required: [name] })) } as ApiSchemaOptions)(type);
  };

/*
 * Query parameters arrive as text; these say what may stand in it.
 */

/** What somebody searches by, given once: a cursor that pins it must still fit into a URL. */
export const IsSearchText = createFieldDecorator(
  'search',
  'must be given once, with at most 512 characters',
  { type: 'string', maxLength: 512 },
  (value) => typeof value === 'string' && value.length <= 512,
);

/** Any text. Everything in a query is given once. */
export const IsPlainText = createFieldDecorator(
  'plain',
  'must be given once, with at most 4,096 characters',
  { type: 'string', maxLength: 4_096 },
  (value) => typeof value === 'string' && value.length <= 4_096,
);

export const IsBooleanText = (description?: string): PropertyDecorator =>
  applyDecorators(
    IsIn(['true', 'false'], { message: 'must be one of: true, false' }),
    ApiProperty({ type: 'boolean', ...(description === undefined ? {} : { description }) }),
  );

/** A whole number; `usual` if it is left out. */
export const IsIntegerText = (
  range: IntegerRange & { readonly default?: number },
  description?: string,
): PropertyDecorator =>
  createFieldDecorator(
    'whole',
    `must be a whole number from ${range.min} to ${range.max}`,
    {
      type: 'integer',
      minimum: range.min,
      maximum: range.max,
      ...(range.default === undefined ? {} : { default: range.default }),
    },
    (value) => typeof value === 'string' && /^\d{1,9}$/.test(value) && isWithin(Number(value), range),
  )(description);

/** The values of a list with commas. */
export const splitList = (text: string): readonly string[] => [...new Set(text.split(',').map((it) => it.trim()))];

/** Some of a closed list, with commas between them. */
export const IsListOfValues = (values: readonly string[]): PropertyDecorator =>
  createFieldDecorator(
    'someOf',
    `must be one of: ${values.join(', ')}; or several, with commas`,
    {
      type: 'array',
      items: { type: 'string', enum: [...values] },
      minItems: 1,
      style: 'form',
      explode: false,
    } as object,
    (value) => typeof value === 'string' && splitList(value).every((it) => values.includes(it)),
  )();

/** A key to sort by, `-` before it for descending. */
export const IsSortKey = (keys: readonly string[], usual: string): PropertyDecorator =>
  createFieldDecorator(
    'sort',
    `must be one of: ${keys.join(', ')}, or - before it`,
    { type: 'string', enum: keys.flatMap((key) => [key, `-${key}`]), default: usual },
    (value) => typeof value === 'string' && keys.includes(value.replace(/^-/, '')),
  )();
