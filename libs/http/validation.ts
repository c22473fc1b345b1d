import { getMetadataStorage, validateSync } from 'class-validator';
import type { BatchItem } from '#commands/batch';
import type { InvalidField } from '#domain/refusal';
import { invalidInput } from './problem.js';

export type Class<T extends object = object> = new () => T;

/** What class-validator calls a broken rule, in the words of our callers. */
const codes: Readonly<Record<string, string>> = {
  isIn: 'not_allowed',
  isString: 'not_text',
  isBoolean: 'not_boolean',
  isArray: 'not_list',
  arrayMaxSize: 'too_many',
  arrayMinSize: 'too_few',
  whole: 'out_of_range',
  someOf: 'not_allowed',
  sort: 'not_allowed',
};

/** Somebody who sends more nonsense than that is not told of all of it. */
const mostErrors = 100;

type Given = Readonly<Record<string, unknown>>;

/** What an object within an input is to be read as, or which of its fields does not tell that. */
export type NestedSchema = (
  given: Given,
) => { readonly type: Class; readonly input: Given } | { readonly refused: InvalidField };

/** The fields of a class that are objects, or lists of objects, with fields of their own. */
const nested = new Map<object, Map<string, NestedSchema>>();

export function registerNested(of: object, field: string, inside: NestedSchema): void {
  nested.set(of, (nested.get(of) ?? new Map<string, NestedSchema>()).set(field, inside));
}

/** Of a class: at least one of these fields must be there. */
const needed = new Map<object, readonly string[]>();

export function registerRequiredOneOf(of: object, oneOf: readonly string[]): void {
  needed.set(of, oneOf);
}

export const isRecord = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The input as an instance of its class; unknown fields are refused, nothing is converted.
 * @throws Problem validation_failed, naming each field
 */
export function validate<T extends object>(type: Class<T>, input: unknown, unknownCode = 'unknown_field'): T {
  if (!isRecord(input)) throw invalidInput({ field: 'body', code: 'not_object', message: 'must be a JSON object' });
  const errors: InvalidField[] = [];
  const instance = read(type, input, '', unknownCode, errors);
  if (errors.length > 0) throw invalidInput(...errors.slice(0, mostErrors));
  return instance;
}

/** Each item of a batch by itself: what is valid of it, or why it is not. */
export function validateItems<T extends object, Item>(
  type: Class<T>,
  items: readonly unknown[],
  take: (valid: T) => Item,
): readonly BatchItem<Item>[] {
  return items.map((input) => {
    if (!isRecord(input)) return { invalid: { code: 'not_object', detail: 'must be a JSON object' } };
    const errors: InvalidField[] = [];
    const instance = read(type, input, '', 'unknown_field', errors);
    return errors.length > 0
      ? { invalid: { code: 'validation_failed', detail: errors.map((it) => `${it.field} ${it.message}`).join('; ') } }
      : { item: take(instance) };
  });
}

const notObject: InvalidField = { field: '', code: 'not_object', message: 'must be an object' };

/** Only known fields are ever copied: a caller's `constructor` or `__proto__` reaches no code that would believe it. */
function read<T extends object>(
  type: Class<T>,
  input: Given,
  within: string,
  unknownCode: string,
  errors: InvalidField[],
): T {
  const known = fieldsOf(type);
  for (const name of Object.keys(input))
    if (!known.has(name)) errors.push({ field: within + name, code: unknownCode, message: 'is not known here' });

  const fields = Object.fromEntries(
    [...known].filter((name) => Object.hasOwn(input, name)).map((it) => [it, input[it]]),
  );
  const instance = Object.assign(new type(), fields);
  const wrong = new Set<string>();
  const options = {
    forbidUnknownValues: false,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
  };
  for (const { property, constraints = {} } of validateSync(instance, options)) {
    wrong.add(property);
    for (const [rule, said] of Object.entries(constraints)) {
      const code = codes[rule] ?? `not_${rule}`.toLowerCase();
      errors.push({ field: within + property, code, message: said.replace(`${property} `, '') });
    }
  }

  for (const [name, inside] of nested.get(type) ?? []) {
    const value = fields[name];
    if (value === undefined || wrong.has(name)) continue;
    const one = (it: unknown, field: string): unknown => {
      const as = isRecord(it) ? inside(it) : { refused: notObject };
      if ('type' in as) return read(as.type, as.input, `${field}.`, unknownCode, errors);
      const { refused } = as;
      errors.push({ ...refused, field: refused.field === '' ? field : `${field}.${refused.field}` });
      return it;
    };
    const field = within + name;
    const found = Array.isArray(value) ? value.map((it, nth) => one(it, `${field}[${nth}]`)) : one(value, field);
    Object.assign(instance, { [name]: found });
  }

  const oneOf = needed.get(type) ?? [];
  if (oneOf.length > 0 && !oneOf.some((name) => Object.hasOwn(input, name)))
    errors.push({ field: within + oneOf[0]!, code: 'required', message: `give at least one of: ${oneOf.join(', ')}` });
  return instance;
}

const knownFields = new Map<object, ReadonlySet<string>>();

function fieldsOf(type: Class): ReadonlySet<string> {
  const known =
    knownFields.get(type) ??
    new Set(
      getMetadataStorage()
        .getTargetValidationMetadatas(type, '', false, false)
        .map((it) => it.propertyName),
    );
  knownFields.set(type, known);
  return known;
}
