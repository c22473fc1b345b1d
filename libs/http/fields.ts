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
 * Decorators for the fields of requests. Each declares both how class-validator checks the field and the schema that the OpenAPI
 * document shows for it. `description` is for that document.
 */

/** May be omitted, but not null. */
export const Optional = (): PropertyDecorator =>
  applyDecorators(
    ValidateIf((_, value) => value !== undefined),
    ApiProperty({ required: false }),
  );

/** May be omitted or null. */
export const OptionalOrNull = (): PropertyDecorator =>
  applyDecorators(
    ValidateIf((_, value) => value !== undefined && value !== null),
    ApiProperty({ required: false, nullable: true }),
  );

const withDescription = (schema: ApiPropertyOptions, description: string | undefined): ApiPropertyOptions =>
  description === undefined ? schema : { ...schema, description };

/** `name` determines the error code: see `codes` in validation.ts. */
export const createFieldDecorator =
  (name: string, message: string, schema: ApiPropertyOptions, isValid: (value: unknown) => boolean) =>
  (description?: string): PropertyDecorator =>
    applyDecorators(
      ValidateBy({ name, validator: { validate: isValid, defaultMessage: () => message } }),
      ApiProperty(withDescription(schema, description)),
    );

/** Characters (code points). Counting them is needed only for long texts, since a text never has more of them than UTF-16 units. */
const lengthOf = (text: string): number => (text.length <= 128 ? text.length : [...text].length);
// Control characters break terminals, logs and store keys. A lone surrogate cannot be stored as UTF-8.
const isClean = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);

// In a path, `.` and `..` mean another resource, even if they are encoded.
const idPattern = '^(?!\\.{1,2}$)\\P{Cc}*$';

export const isId = (value: unknown): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  lengthOf(value) <= 128 &&
  isClean(value) &&
  value !== '.' &&
  value !== '..';

/** An ID assigned by the caller or a provider. */
export const IsId = createFieldDecorator(
  'id',
  'must be a string of 1 to 128 characters without control characters, other than . and ..',
  { type: 'string', minLength: 1, maxLength: 128, pattern: idPattern, example: 'K-1042' },
  isId,
);

/** `none` stands for the absence of an agent in filters, so no agent may have that ID. */
export const isAgentId = (value: unknown): value is string => isId(value) && value !== 'none';

/** For OpenAPI. The length has keywords of its own. */
const agentIdPattern = '(?!(?:\\.{1,2}|none)$)\\P{Cc}*$';

/** The ID of a new agent. */
export const IsAgentId = createFieldDecorator(
  'id',
  'must be a string of 1 to 128 characters without control characters, other than ., .. and none',
  { type: 'string', minLength: 1, maxLength: 128, pattern: `^${agentIdPattern}`, example: 'ana' },
  isAgentId,
);

export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.trim().length > 0 && lengthOf(value) <= 256 && isClean(value);

/** A name or phone number. */
export const IsName = createFieldDecorator(
  'name',
  'must be a non-blank string of at most 256 characters without control characters',
  { type: 'string', minLength: 1, maxLength: 256, pattern: '^(?=\\P{Cc}*\\S)\\P{Cc}*$', example: 'Ana' },
  isName,
);

export const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 65_536 && Buffer.byteLength(value) <= 65_536;

export const IsText = createFieldDecorator(
  'text',
  'must be a string of at most 64 KiB',
  { type: 'string', maxLength: 65_536 },
  isText,
);

const emailPattern = '^[^\\s@]+@[^\\s@]+$';
const emailRegExp = new RegExp(emailPattern);

export const IsEmailLike = createFieldDecorator(
  'email',
  'must be an email address of at most 254 characters',
  { type: 'string', maxLength: 254, pattern: emailPattern, example: 'ana@example.org' },
  (value) => typeof value === 'string' && value.length <= 254 && emailRegExp.test(value) && isClean(value),
);

export const IsInstant = createFieldDecorator(
  'instant',
  'must be an RFC 3339 timestamp with an offset, such as 2026-01-31T09:30:00Z',
  { type: 'string', format: 'date-time' },
  (value) => parseInstant(value) !== undefined,
);

export const IsTimeZone = createFieldDecorator(
  'timeZone',
  'must be an IANA time zone, such as Europe/Berlin',
  { type: 'string', description: 'IANA time zone, such as `Europe/Berlin`. Default: `UTC`.' },
  isTimeZone,
);

/** Both ends are inclusive. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

const isInRange = (value: unknown, { min, max }: IntegerRange): boolean =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

const rangeMessage = ({ min, max }: IntegerRange): string => `must be an integer from ${min} to ${max}`;

export const scoreRange: IntegerRange = { min: 0, max: 100 };

export const IsScore = createFieldDecorator(
  'score',
  rangeMessage(scoreRange),
  { type: 'integer', minimum: scoreRange.min, maximum: scoreRange.max },
  (value) => isInRange(value, scoreRange),
);

export const IsInteger = (range: IntegerRange, description?: string): PropertyDecorator =>
  createFieldDecorator(
    'integer',
    rangeMessage(range),
    { type: 'integer', minimum: range.min, maximum: range.max },
    (value) => isInRange(value, range),
  )(description);

export const IsAmount = (description?: string): PropertyDecorator =>
  applyDecorators(
    IsNumber({ allowInfinity: false, allowNaN: false }, { message: 'must be a number' }),
    ApiProperty(withDescription({ type: 'number' }, description)),
  );

export const IsFlag = (description?: string): PropertyDecorator =>
  applyDecorators(
    IsBoolean({ message: 'must be a boolean' }),
    ApiProperty(withDescription({ type: 'boolean' }, description)),
  );

export function isFreeForm(value: unknown): boolean {
  if (typeof value === 'string') return value.length > 0 && value.length <= 65_536;
  return (
    typeof value === 'object' && value !== null && isWithinDepth(value, 16) && JSON.stringify(value).length <= 65_536
  );
}

const isWithinDepth = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((child) => isWithinDepth(child, levels - 1)));

/** Free-form JSON: an object, an array or a string. */
export const IsFreeForm = createFieldDecorator(
  'freeForm',
  'must be an object, an array or a non-empty string of at most 64 KiB and 16 levels',
  {
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
      { type: 'string', minLength: 1, maxLength: 65_536 },
    ],
  },
  isFreeForm,
);

export const IsOneOf = (values: readonly string[], description?: string): PropertyDecorator =>
  applyDecorators(
    IsIn(values, { message: `must be one of: ${values.join(', ')}` }),
    ApiProperty(withDescription({ type: 'string', enum: [...values] }, description)),
  );

const Nested =
  (schema: NestedSchema): PropertyDecorator =>
  (target, name) =>
    registerNested(target.constructor, String(name), schema);

const ofClass =
  (type: Class): NestedSchema =>
  (input) => ({ type, input });

/** An object whose fields a class declares. */
export const IsNestedObject = (type: Class): PropertyDecorator =>
  applyDecorators(
    createFieldDecorator('object', 'must be an object', { type: () => type }, isRecord)(),
    Nested(ofClass(type)),
  );

/** An object of one of several classes, selected by the value of its field `discriminator`. */
export const IsVariantOf = (discriminator: string, variants: Readonly<Record<string, Class>>): PropertyDecorator => {
  const names = Object.keys(variants);
  const types = Object.values(variants);
  const refused = { field: discriminator, code: 'not_allowed', message: `must be one of: ${names.join(', ')}` };
  const mapping = Object.fromEntries(names.map((name) => [name, getSchemaPath(variants[name]!)]));
  const oneOf = types.map((type) => ({ $ref: getSchemaPath(type) }));
  return applyDecorators(
    createFieldDecorator(
      'object',
      'must be an object',
      { oneOf, discriminator: { propertyName: discriminator, mapping } },
      isRecord,
    )(),
    Nested((input) => {
      const name = input[discriminator];
      const type = typeof name === 'string' && Object.hasOwn(variants, name) ? variants[name] : undefined;
      return type ? { type, input } : { refused };
    }),
    (target: object) => {
      ApiExtraModels(...types)(target.constructor);
    },
  );
};

/**
 * Query parameters in a body, with the same names and values. A value may be the text as it would appear in a query, or the
 * number, boolean or array that it stands for.
 */
export const IsQueryObject = (type: Class): PropertyDecorator =>
  applyDecorators(
    createFieldDecorator('object', 'must be an object', { type: () => type }, isRecord)(),
    Nested((input) => ({ type, input: toQueryText(input) })),
  );

const toQueryText = (input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
      if (isList) return [name, value.join(',')];
      return [name, typeof value === 'number' || typeof value === 'boolean' ? String(value) : value];
    }),
  );

/** An array of objects whose fields a class declares. */
export const IsListOf = (type: Class, maxItems: number, description?: string): PropertyDecorator =>
  applyDecorators(
    createFieldDecorator(
      'list',
      `must be an array of at most ${maxItems} objects`,
      { type: () => type, isArray: true, maxItems },
      (value) => Array.isArray(value) && value.length <= maxItems,
    )(description),
    Nested(ofClass(type)),
  );

/** A non-empty array whose items are validated one by one, by `validateItems`: an invalid item does not reject the others. */
export const IsBatchOf = (type: Class, maxItems: number, description?: string): PropertyDecorator =>
  createFieldDecorator(
    'list',
    `must be an array of 1 to ${maxItems} items`,
    { type: () => type, isArray: true, minItems: 1, maxItems },
    (value) => Array.isArray(value) && value.length >= 1 && value.length <= maxItems,
  )(description);

export const IsIdList = (maxItems: number, description?: string): PropertyDecorator =>
  createFieldDecorator(
    'list',
    `must be an array of 1 to ${maxItems} IDs, each of 1 to 128 characters without control characters, other than . and ..`,
    {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 128, pattern: idPattern },
      minItems: 1,
      maxItems,
    },
    (value) => Array.isArray(value) && value.length >= 1 && value.length <= maxItems && value.every(isId),
  )(description);

/** Requires at least one of these fields of the class. */
export const AtLeastOneOf =
  (...names: readonly string[]): ClassDecorator =>
  (type) => {
    registerRequiredOneOf(type, names);
    ApiSchema({ anyOf: names.map((name) => ({ required: [name] })) } as ApiSchemaOptions)(type);
  };

/*
 * Query parameters. They arrive as text, or as an array if a parameter is repeated, which is rejected.
 */

/** Short enough that a cursor that pins it still fits into a URL. */
export const IsSearchText = createFieldDecorator(
  'search',
  'must be given once, with at most 512 characters',
  { type: 'string', maxLength: 512 },
  (value) => typeof value === 'string' && value.length <= 512,
);

export const IsPlainText = createFieldDecorator(
  'plain',
  'must be given once, with at most 4096 characters',
  { type: 'string', maxLength: 4_096 },
  (value) => typeof value === 'string' && value.length <= 4_096,
);

export const IsBooleanText = (description?: string): PropertyDecorator =>
  applyDecorators(
    IsIn(['true', 'false'], { message: 'must be one of: true, false' }),
    ApiProperty(withDescription({ type: 'boolean' }, description)),
  );

export const IsIntegerText = (
  range: IntegerRange & { readonly default?: number },
  description?: string,
): PropertyDecorator =>
  createFieldDecorator(
    'integer',
    rangeMessage(range),
    {
      type: 'integer',
      minimum: range.min,
      maximum: range.max,
      ...(range.default === undefined ? {} : { default: range.default }),
    },
    (value) => typeof value === 'string' && /^\d{1,9}$/.test(value) && isInRange(Number(value), range),
  )(description);

/** The distinct values of a comma-separated list. */
export const splitList = (text: string): readonly string[] => [...new Set(text.split(',').map((item) => item.trim()))];

/** A comma-separated list of some of these values. */
export const IsListOfValues = (values: readonly string[], description?: string): PropertyDecorator =>
  createFieldDecorator(
    'listOfValues',
    `must be one or more of the following, separated by commas: ${values.join(', ')}`,
    {
      type: 'array',
      items: { type: 'string', enum: [...values] },
      minItems: 1,
      style: 'form',
      explode: false,
    } as object,
    (value) => typeof value === 'string' && splitList(value).every((item) => values.includes(item)),
  )(description);

/** A sort key, prefixed with `-` for descending order. */
export const IsSortKey = (keys: readonly string[], defaultKey: string, description?: string): PropertyDecorator =>
  createFieldDecorator(
    'sort',
    `must be one of: ${keys.join(', ')}; prefix a key with - for descending order`,
    { type: 'string', enum: keys.flatMap((key) => [key, `-${key}`]), default: defaultKey },
    (value) => typeof value === 'string' && keys.includes(value.replace(/^-/, '')),
  )(description);
