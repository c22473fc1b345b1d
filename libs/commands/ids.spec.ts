import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { v5 } from 'uuid';
import {
  createCommandId,
  parseContactKey,
  deriveContactKey,
  deriveId,
  createIdFactory,
  deriveMessageKey,
} from './ids.js';

describe("A contact's key", () => {
  it('is the same for ever: stored ids depend on it', () => {
    expect(deriveContactKey('a secret of sixteen', 'default', 'contact-1')).toMatchInlineSnapshot(
      `"vjz6iasidqxiwlrltzv4x5pmkq"`,
    );
    expect(deriveMessageKey('a secret of sixteen', 'default', 'whatsapp', 'm-1')).toMatchInlineSnapshot(
      `"zvtl2z3lpevnf45ii5s2eivisi"`,
    );
    expect(createIdFactory('contact-default-x')('interaction', 'whatsapp', 'm-1')).toMatchInlineSnapshot(
      `"7bf0d3c1-4d38-5286-bba4-11ae383ccfed"`,
    );
    expect(createCommandId('default', 'key-1')).toMatchInlineSnapshot(`"5a41d4dd-0e92-5e6c-ae8b-3d5685ba289c"`);
    expect(deriveId('3f9d7e0a-0000-5000-8000-000000000000', 0)).toMatchInlineSnapshot(
      `"06e9c15a-87b4-5ffc-8e82-7ab2bb55c009"`,
    );
  });

  it('derives ids as UUIDv5 says, whatever the name', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ unit: 'grapheme' }), (namespace, name) =>
        expect(deriveId(namespace, name)).toBe(v5(name, namespace)),
      ),
    );
  });

  it('differs by secret, organization and contact, and is found in the ids of its leads', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.nat(999), (one, other, ordinal) => {
        const key = deriveContactKey('secret', 'org', one);
        expect(key).toMatch(/^[a-z2-7]{26}$/);
        expect(parseContactKey(`${key}-${ordinal + 1}`)).toBe(key);
        expect(deriveContactKey('secret', 'another', one)).not.toBe(key);
        expect(deriveContactKey('terces', 'org', one)).not.toBe(key);
        if (one !== other) expect(deriveContactKey('secret', 'org', other)).not.toBe(key);
      }),
    );
  });

  it.each(['', 'x', 'aaaaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaaaaaaaaaaa-0', 'AAAAAAAAAAAAAAAAAAAAAAAAAA-1'])(
    'is not in %j',
    (text) => expect(parseContactKey(text)).toBeUndefined(),
  );
});

describe('The id of a command', () => {
  it('is random without a key of the caller, and told apart from one with', () => {
    expect(createCommandId('default', null)).not.toBe(createCommandId('default', null));
    expect(createCommandId('default', null).charAt(14)).toBe('4');
    expect(createCommandId('default', 'key').charAt(14)).toBe('5');
    expect(createCommandId('default', 'key')).not.toBe(createCommandId('another', 'key'));
  });
});
