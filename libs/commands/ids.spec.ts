import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { v5 } from 'uuid';
import { commandIdOf, contactKeyIn, contactKeyOf, idMadeBy, idsWithin, messageKeyOf } from './ids.js';

describe("A contact's key", () => {
  it('is the same for ever: stored ids depend on it', () => {
    expect(contactKeyOf('a secret of sixteen', 'default', 'contact-1')).toMatchInlineSnapshot(
      `"vjz6iasidqxiwlrltzv4x5pmkq"`,
    );
    expect(messageKeyOf('a secret of sixteen', 'default', 'whatsapp', 'm-1')).toMatchInlineSnapshot(
      `"zvtl2z3lpevnf45ii5s2eivisi"`,
    );
    expect(idsWithin('contact-default-x')('interaction', 'whatsapp', 'm-1')).toMatchInlineSnapshot(
      `"7bf0d3c1-4d38-5286-bba4-11ae383ccfed"`,
    );
    expect(commandIdOf('default', 'key-1')).toMatchInlineSnapshot(`"5a41d4dd-0e92-5e6c-ae8b-3d5685ba289c"`);
    expect(idMadeBy('3f9d7e0a-0000-5000-8000-000000000000', 0)).toMatchInlineSnapshot(
      `"06e9c15a-87b4-5ffc-8e82-7ab2bb55c009"`,
    );
  });

  it('derives ids as UUIDv5 says, whatever the name', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ unit: 'grapheme' }), (namespace, name) =>
        expect(idMadeBy(namespace, name)).toBe(v5(name, namespace)),
      ),
    );
  });

  it('differs by secret, organization and contact, and is found in the ids of its leads', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.nat(999), (one, other, ordinal) => {
        const key = contactKeyOf('secret', 'org', one);
        expect(key).toMatch(/^[a-z2-7]{26}$/);
        expect(contactKeyIn(`${key}-${ordinal + 1}`)).toBe(key);
        expect(contactKeyOf('secret', 'another', one)).not.toBe(key);
        expect(contactKeyOf('terces', 'org', one)).not.toBe(key);
        if (one !== other) expect(contactKeyOf('secret', 'org', other)).not.toBe(key);
      }),
    );
  });

  it.each(['', 'x', 'aaaaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaaaaaaaaaaa-0', 'AAAAAAAAAAAAAAAAAAAAAAAAAA-1'])(
    'is not in %j',
    (text) => expect(contactKeyIn(text)).toBeUndefined(),
  );
});

describe('The id of a command', () => {
  it('is random without a key of the caller, and told apart from one with', () => {
    expect(commandIdOf('default', null)).not.toBe(commandIdOf('default', null));
    expect(commandIdOf('default', null).charAt(14)).toBe('4');
    expect(commandIdOf('default', 'key').charAt(14)).toBe('5');
    expect(commandIdOf('default', 'key')).not.toBe(commandIdOf('another', 'key'));
  });
});
