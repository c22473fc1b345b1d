import type { InvalidField } from '#domain/refusal';

/*
 * JSON that JavaScript reads without an error, but not as it was meant. The text must be valid JSON.
 */

/** Strings, numbers, and the signs that structure JSON. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\],:]/g;
const numbers = /-?\d[\d.eE+-]*/g;
const maxFaults = 100;

/**
 * Numbers that change when they are stored (an ID of 17 digits, 1e400), and names that occur twice in an object, of which all but the
 * last would be lost. `parsed` is what the text means.
 */
export function findJsonFaults(text: string, parsed: unknown): readonly InvalidField[] {
  const structure = stripStrings(text);
  const hasFaults = !(structure.match(numbers) ?? []).every(isExact) || countMembers(parsed) !== countColons(structure);
  return hasFaults ? locateFaults(text) : [];
}

/** Puts numbers that would change into quotes, for input that must be accepted as it is. */
export function quoteInexactNumbers(text: string): string {
  if ((stripStrings(text).match(numbers) ?? []).every(isExact)) return text;
  return text.replace(tokens, (token) => (/^[-\d]/.test(token) && !isExact(token) ? `"${token}"` : token));
}

/** A number is exact if it is the same number after it was read and written. Rounding of a fraction does not count as a change. */
export function isExact(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  if (value === 0) return !/[1-9]/.test(literal.split(/e/i, 1)[0]!);
  return Number.isSafeInteger(Math.trunc(value)) || toDecimal(literal) === toDecimal(String(value));
}

/** The same text for all ways to write a number: its digits without zeros at the ends, and the exponent of the last one. */
function toDecimal(literal: string): string {
  const [, sign = '', integer = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(literal) ?? [];
  const digits = (integer + fraction).replace(/^0+/, '');
  const significant = trimTrailingZeros(digits);
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** Not by a pattern, which would take quadratic time for many zeros in the middle. */
function trimTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}

/** The text without its strings. A search for quotation marks is much faster than a pattern. */
function stripStrings(text: string): string {
  let structure = '';
  let start = 0;
  for (let open = text.indexOf('"'); open !== -1; open = text.indexOf('"', start)) {
    structure += text.slice(start, open);
    let close = text.indexOf('"', open + 1);
    while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
    start = close + 1;
  }
  return structure + text.slice(start);
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text[index - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

function countColons(text: string): number {
  let count = 0;
  for (let index = text.indexOf(':'); index !== -1; index = text.indexOf(':', index + 1)) count++;
  return count;
}

/** Members of all objects. Not recursive: the stack must not be relied on here. */
function countMembers(parsed: unknown): number {
  let count = 0;
  const pending = [parsed];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== 'object' || value === null) continue;
    const children: readonly unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += children.length;
    for (const child of children) if (typeof child === 'object') pending.push(child);
  }
  return count;
}

/** Where the walk is within an object or an array. */
interface Container {
  /** Null for an array. */
  readonly names: Set<string> | null;
  readonly path: string;
  /** Name of the current member, or index of the current item. */
  key: string | number;
  /** Whether the next string is the name of a member. */
  expectsName: boolean;
}

function locateFaults(text: string): readonly InvalidField[] {
  const faults: InvalidField[] = [];
  const containers: Container[] = [];
  for (const [token] of text.matchAll(tokens)) {
    if (faults.length >= maxFaults) break;
    const container = containers.at(-1);
    const sign = token[0]!;
    if (sign === '{' || sign === '[') {
      const names = sign === '{' ? new Set<string>() : null;
      containers.push({ names, path: pathOf(container), key: names ? '' : 0, expectsName: names !== null });
    } else if (sign === '}' || sign === ']') containers.pop();
    else if (sign === ',' && container) {
      if (typeof container.key === 'number') container.key++;
      else container.expectsName = true;
    } else if (sign === '"' && container?.expectsName) {
      const name = JSON.parse(token) as string;
      container.key = name;
      container.expectsName = false;
      if (container.names!.has(name))
        faults.push({ field: pathOf(container), code: 'duplicate_field', message: 'must occur once' });
      container.names!.add(name);
    } else if (/[-\d]/.test(sign) && !isExact(token))
      faults.push({
        field: pathOf(container),
        code: 'inexact_number',
        message: 'is a number that cannot be stored exactly; send it as a string',
      });
  }
  return faults;
}

const maxPathLength = 256;

function pathOf(container: Container | undefined): string {
  if (!container) return 'body';
  const { path, key } = container;
  const isRoot = path === 'body';
  const full = typeof key === 'number' ? `${path}[${key}]` : isRoot ? key : `${path}.${key}`;
  return full.slice(0, maxPathLength);
}
