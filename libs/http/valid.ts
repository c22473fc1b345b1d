import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import type { InvalidField } from '#domain/refusal';
import { invalidInput } from './problem.js';

type Class<T> = new () => T;

/** What class-validator calls a broken rule, in the words of our callers. */
const codes: Readonly<Record<string, string>> = {
  whitelistValidation: 'unknown_field',
  isIn: 'not_allowed',
  isString: 'not_text',
  isBoolean: 'not_boolean',
  isArray: 'not_list',
  arrayMaxSize: 'too_many',
  arrayMinSize: 'too_few',
  nestedValidation: 'not_object',
};

/**
 * The input as an instance of its class; unknown fields are refused, nothing is converted.
 * @throws Problem validation_failed, naming each field
 */
export function valid<T extends object>(type: Class<T>, input: unknown, unknownCode = 'unknown_field'): T {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalidInput({ field: 'body', code: 'not_object', message: 'must be a JSON object' });
  const instance = plainToInstance(type, input);
  const errors = validateSync(instance, {
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    // A call that says everything in its path takes a body with nothing in it.
    forbidUnknownValues: false,
    validationError: { target: false, value: false },
  });
  if (errors.length > 0) throw invalidInput(...errors.flatMap((error) => fieldsOf(error, '', unknownCode)));
  return instance;
}

function fieldsOf(
  { property, constraints, children }: ValidationError,
  within: string,
  unknown: string,
): InvalidField[] {
  const field = /^\d+$/.test(property) ? `${within}[${property}]` : within ? `${within}.${property}` : property;
  const own = Object.entries(constraints ?? {}).map(([name, said]) => ({
    field,
    code: name === 'whitelistValidation' ? unknown : (codes[name] ?? `not_${name}`.toLowerCase()),
    message: name === 'whitelistValidation' ? 'is not known here' : said.replace(`${property} `, ''),
  }));
  return [...own, ...(children ?? []).flatMap((child) => fieldsOf(child, field, unknown))];
}
