import { getMetadataStorage, validateSync } from 'class-validator';
import type { BatchItem } from '#commands/batch';
import type { InvalidField } from '#domain/refusal';
import { invalidInput } from './problem.js';

export type Class<T extends object = object> = new () => T;

/** Error codes of rules whose code is not `not_<rule>`. */
const codes: Readonly<Record<string, string>> = {
  isIn: 'not_allowed',
  isBoolean: 'not_boolean',
  integer: 'out_of_range',
  listOfValues: 'not_allowed',
  sort: 'not_allowed',
};

/** Errors reported at most for one request. */
const maxErrors = 100;

type Input = Readonly<Record<string, unknown>>;

/** Selects the class that validates a nested object, or rejects it because its type cannot be determined. */
export type NestedSchema = (
  input: Input,
) => { readonly type: Class; readonly input: Input } | { readonly refused: InvalidField };

/** By class: the fields that contain objects, or arrays of objects, with a class of their own. */
const nestedSchemas = new Map<object, Map<string, NestedSchema>>();

export function registerNested(type: object, field: string, schema: NestedSchema): void {
  const fields = nestedSchemas.get(type) ?? new Map<string, NestedSchema>();
  nestedSchemas.set(type, fields.set(field, schema));
}

/** By class: fields of which at least one is required. */
const requiredOneOf = new Map<object, readonly string[]>();

export function registerRequiredOneOf(type: object, fields: readonly string[]): void {
  requiredOneOf.set(type, fields);
}

export const isRecord = (value: unknown): value is Input =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** How unknown names in the input are reported: as fields of a body or as parameters of a query. */
export type UnknownCode = 'unknown_field' | 'unknown_parameter';

/**
 * Returns the input as an instance of its class. Unknown fields are rejected, and nothing is converted.
 * @throws Problem `validation_failed`, naming each field
 */
export function validate<T extends object>(
  type: Class<T>,
  input: unknown,
  unknownCode: UnknownCode = 'unknown_field',
): T {
  if (!isRecord(input)) throw invalidInput({ field: 'body', code: 'not_object', message: 'must be a JSON object' });
  const { instance, errors } = new Validation(unknownCode).run(type, input);
  if (errors.length > 0) throw invalidInput(...errors.slice(0, maxErrors));
  return instance;
}

/** Validates each item of a batch on its own. */
export function validateItems<T extends object, Item>(
  type: Class<T>,
  items: readonly unknown[],
  toItem: (valid: T) => Item,
): readonly BatchItem<Item>[] {
  return items.map((input) => {
    if (!isRecord(input)) return { invalid: { code: 'not_object', detail: 'must be a JSON object' } };
    const { instance, errors } = new Validation('unknown_field').run(type, input);
    if (errors.length === 0) return { item: toItem(instance) };
    const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
    return { invalid: { code: 'validation_failed', detail } };
  });
}

const notObject: InvalidField = { field: '', code: 'not_object', message: 'must be an object' };

const validatorOptions = {
  forbidUnknownValues: false,
  stopAtFirstError: true,
  validationError: { target: false, value: false },
};

/** One validation of an input, which collects the errors of all its levels. */
class Validation {
  private readonly errors: InvalidField[] = [];

  constructor(private readonly unknownCode: UnknownCode) {}

  run<T extends object>(type: Class<T>, input: Input): { readonly instance: T; readonly errors: InvalidField[] } {
    return { instance: this.readObject(type, input, ''), errors: this.errors };
  }

  /** Copies known fields only, so that a caller's `constructor` or `__proto__` reaches no other code. */
  private readObject<T extends object>(type: Class<T>, input: Input, path: string): T {
    const known = fieldsOf(type);
    for (const name of Object.keys(input))
      if (!known.has(name))
        this.errors.push({ field: path + name, code: this.unknownCode, message: this.unknownMessage(known) });

    const names = [...known].filter((name) => Object.hasOwn(input, name));
    const fields = Object.fromEntries(names.map((name) => [name, input[name]]));
    const instance = Object.assign(new type(), fields);
    const invalid = this.checkFields(instance, fields, path);

    for (const [name, schema] of nestedSchemas.get(type) ?? []) {
      const value = fields[name];
      if (value === undefined || invalid.has(name)) continue;
      const nested = Array.isArray(value)
        ? value.map((item, index) => this.readNested(schema, item, `${path}${name}[${index}]`))
        : this.readNested(schema, value, path + name);
      Object.assign(instance, { [name]: nested });
    }

    const [first, ...others] = requiredOneOf.get(type) ?? [];
    if (first !== undefined && ![first, ...others].some((name) => Object.hasOwn(input, name)))
      this.errors.push({
        field: path + first,
        code: 'required',
        message: `at least one of these fields is required: ${[first, ...others].join(', ')}`,
      });
    return instance;
  }

  /** Checks the rules of each field and returns the names of invalid fields. */
  private checkFields(instance: object, fields: Input, path: string): ReadonlySet<string> {
    const invalid = new Set<string>();
    for (const { property, constraints = {} } of validateSync(instance, validatorOptions)) {
      invalid.add(property);
      for (const [rule, message] of Object.entries(constraints))
        this.errors.push({
          field: path + property,
          code: codes[rule] ?? `not_${rule}`.toLowerCase(),
          message: fields[property] === undefined ? `is required and ${message}` : message,
        });
    }
    return invalid;
  }

  private readNested(schema: NestedSchema, value: unknown, path: string): unknown {
    const selected = isRecord(value) ? schema(value) : { refused: notObject };
    if ('type' in selected) return this.readObject(selected.type, selected.input, `${path}.`);
    const { refused } = selected;
    this.errors.push({ ...refused, field: refused.field === '' ? path : `${path}.${refused.field}` });
    return value;
  }

  private unknownMessage(known: ReadonlySet<string>): string {
    if (this.unknownCode === 'unknown_field') return 'is not a recognized field';
    return `is not a recognized parameter; allowed parameters: ${[...known].join(', ')}`;
  }
}

const fieldsByType = new Map<object, ReadonlySet<string>>();

function fieldsOf(type: Class): ReadonlySet<string> {
  const cached = fieldsByType.get(type);
  if (cached) return cached;
  const metadata = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  const fields = new Set(metadata.map(({ propertyName }) => propertyName));
  fieldsByType.set(type, fields);
  return fields;
}
