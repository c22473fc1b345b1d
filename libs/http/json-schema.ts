/*
 * Building blocks for the JSON Schemas (draft 2020-12) of responses. Import as `import * as json from '#http/json-schema'`.
 *
 * test/acceptance/openapi.spec.ts checks every schema against real responses. Where `object` is given the response's type, the
 * compiler also checks that the schema has the same fields.
 */

export type JsonSchema = Readonly<Record<string, unknown>>;

/** One schema per field of `T`. A field added to `T` does not compile until it has a schema. */
export type Fields<T = Record<string, unknown>> = { readonly [Name in keyof T]-?: JsonSchema };

export interface SchemaRef {
  readonly $ref: string;
  readonly [keyword: string]: unknown;
}

export const described = <T extends JsonSchema>(schema: T, description?: string): T =>
  description === undefined ? schema : { ...schema, description };

/** An object with exactly these fields. All are required except the `optional` ones. */
export const object = <T = Record<string, unknown>>(
  fields: Fields<T>,
  optional: readonly string[] = [],
): JsonSchema => ({
  type: 'object',
  properties: fields,
  required: Object.keys(fields).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

/** An object whose fields are not documented. */
export const freeFormObject = (description: string): JsonSchema => ({
  type: 'object',
  additionalProperties: true,
  description,
});

export const array = (items: JsonSchema, description?: string): JsonSchema =>
  described({ type: 'array', items }, description);

export const constant = (value: unknown): JsonSchema => ({ const: value });

export const enumOf = (values: readonly string[], description?: string): JsonSchema =>
  described({ type: 'string', enum: values }, description);

/** Absent values are null; their fields are never omitted. */
export function nullable(schema: JsonSchema): JsonSchema {
  if (typeof schema['type'] === 'string' && !schema['enum']) return { ...schema, type: [schema['type'], 'null'] };
  const { description, ...rest } = schema;
  return described({ anyOf: [rest, { type: 'null' }] }, description as string | undefined);
}

export const string = (description?: string): JsonSchema => described({ type: 'string' }, description);
export const boolean = (description?: string): JsonSchema => described({ type: 'boolean' }, description);
export const number = (description?: string): JsonSchema => described({ type: 'number' }, description);

/** An integer of at least 0. */
export const count = (description?: string): JsonSchema => described({ type: 'integer', minimum: 0 }, description);

/** An integer of at least 1. */
export const positiveInteger = (description?: string): JsonSchema =>
  described({ type: 'integer', minimum: 1 }, description);

export const score = (description?: string): JsonSchema =>
  described({ type: 'integer', minimum: 0, maximum: 100 }, description);

export const timestamp = (description?: string): JsonSchema =>
  described({ type: 'string', format: 'date-time' }, description);

export const ratio = (description: string): JsonSchema =>
  described({ type: ['number', 'null'], minimum: 0, maximum: 1 }, description);

export const position = (description?: string): JsonSchema =>
  described({ type: 'string', pattern: '^[A-Za-z][A-Za-z0-9._~-]*$' }, description);

const components = new Map<string, JsonSchema>();

/** Adds a schema to the `components` of the OpenAPI document and returns a reference to it. */
export function component(name: string, schema: JsonSchema): SchemaRef {
  if (components.has(name)) throw new Error(`Two schemas are named ${name}`);
  components.set(name, schema);
  return { $ref: refPrefix + name };
}

const refPrefix = '#/components/schemas/';

/** The components that a part of the document refers to, directly or through one another. */
export function findComponents(part: unknown): Readonly<Record<string, JsonSchema>> {
  const found = new Map<string, JsonSchema>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      if (key !== '$ref' || typeof child !== 'string') {
        visit(child);
        continue;
      }
      const name = child.slice(refPrefix.length);
      const schema = components.get(name);
      if (!schema || !child.startsWith(refPrefix) || found.has(name)) continue;
      found.set(name, schema);
      visit(schema);
    }
  };
  visit(part);
  return Object.fromEntries(found);
}
