import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findJsonFaults, isExact, quoteInexactNumbers } from './json-faults.js';

const faultsOf = (text: string): readonly string[] =>
  findJsonFaults(text, JSON.parse(text)).map(({ field, code }) => `${field} ${code}`);

describe('isExact', () => {
  it.each(['0', '-0', '7', '-7', '0.1', '0.10000000000000001', '1.50', '1e3', '9007199254740991', '9007199254740992'])(
    'accepts %s, which stays the same number',
    (literal) => expect(isExact(literal)).toBe(true),
  );

  it.each(['1e21', '1e22', '1e23', '1E+23', '12000000000000000000000000', '1.2e25', '3.141592653589793238', '5e-324'])(
    'accepts %s, which stays the same number',
    (literal) => expect(isExact(literal)).toBe(true),
  );

  it.each([
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567',
    '1e400',
    '-1e400',
    '1e-400',
    '9007199254740993.0',
  ])('rejects %s, which would become another number', (literal) => expect(isExact(literal)).toBe(false));

  it('accepts every number as JavaScript writes it', () => {
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => isExact(JSON.stringify(value))),
    );
  });

  it('agrees with BigInt about every integer', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (integer) => {
        const literal = String(integer);
        const isUnchanged =
          BigInt(literal) === BigInt(Number(literal).toLocaleString('fullwide', { useGrouping: false }));
        expect(isExact(literal)).toBe(isUnchanged);
      }),
    );
  });
});

describe('findJsonFaults', () => {
  it.each([
    ['{"media":{"n":9007199254740993,"m":1e400,"z":-0}}', ['media.n inexact_number', 'media.m inexact_number']],
    ['{"a":[1,{"b":[0,12345678901234567]}]}', ['a[1].b[1] inexact_number']],
    ['[1e999]', ['body[0] inexact_number']],
    ['{"contactId":"a","contactId":"b"}', ['contactId duplicate_field']],
    ['{"profile":{"name":"a","phone":"1","n\\u0061me":"b"}}', ['profile.name duplicate_field']],
    ['{"items":[{"x":1},{"x":1,"y":2,"x":1}]}', ['items[1].x duplicate_field']],
    ['{"":{"":1,"":2}}', ['. duplicate_field']],
    ['{"a":{},"b":{},"c":[[],{}],"a":1}', ['a duplicate_field']],
  ])('names the fields of %s', (text, faults) => expect(faultsOf(text)).toEqual(faults));

  it.each([
    '{"a":"9007199254740993","9007199254740993":1}',
    '{"a":"\\"b\\":1e400","c\\\\":"\\\\"}',
    '{"a":":","b":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":{"x":1},"b":{"x":1}}',
    '{}',
  ])('finds nothing in %s', (text) => expect(faultsOf(text)).toEqual([]));

  it('finds nothing in any JSON that JavaScript has written', () => {
    fc.assert(fc.property(fc.json(), (text) => void expect(faultsOf(text)).toEqual([])));
  });

  it('limits the number and the length of what it returns', () => {
    const faults = findJsonFaults(`{"${'k'.repeat(9_000)}":[${'1e400,'.repeat(9_000)}0]}`, {});
    expect([faults.length, faults[0]!.field.length]).toEqual([100, 256]);
  });
});

describe('quoteInexactNumbers', () => {
  it('puts only numbers into quotes that JavaScript would change', () => {
    expect(
      quoteInexactNumbers('{"id":17841400000000001 ,"n":[1e400,-1,"9007199254740993"],"9007199254740993":0}'),
    ).toBe('{"id":"17841400000000001" ,"n":["1e400",-1,"9007199254740993"],"9007199254740993":0}');
    expect(quoteInexactNumbers('{"id": 1}')).toBe('{"id": 1}');
  });
});
