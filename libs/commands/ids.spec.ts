import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseLeadId } from '#domain/lead/lead.id';
import { createCommandId, deriveContactKey, deriveId, createIdFactory, deriveMessageKey } from './ids.js';

describe('Derived ids', () => {
  it('derived ids never change, because stored ids depend on them', () => {
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

  // The first is the example of RFC 9562, appendix A.4. The others were computed with Python's uuid.uuid5.
  it.each([
    ['6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
    ['3f9d7e0a-0000-5000-8000-000000000000', 'follow-up', '68fe7d38-4f65-5c81-b58d-53020b13e75c'],
    ['6f0f2f3c-6c1b-5d0e-9a54-3a3a6f1f8d21', '', 'c7fbb18e-7883-5957-a0b2-d0246dece903'],
    ['6f0f2f3c-6c1b-5d0e-9a54-3a3a6f1f8d21', 'Zoë 🌊 \u202e', 'efb67f58-dc05-58f1-88bf-0afefe9b9a79'],
    ['ffffffff-ffff-5fff-bfff-ffffffffffff', 'a\u0000b', '27b749c8-70f1-5b94-a369-5a70d2f6940e'],
    ['6f0f2f3c-6c1b-5d0e-9a54-3a3a6f1f8d21', 'x'.repeat(200), 'b427e14c-957b-5dfc-b49f-5a8c10f9a6fb'],
  ])('deriveId derives the UUIDv5 of namespace %s and name %j', (namespace, name, id) => {
    expect(deriveId(namespace, name)).toBe(id);
  });

  it('contact keys differ by secret, organization and contact, and lead ids contain them', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.nat(999),
        (contactId, otherId, ordinal) => {
          const key = deriveContactKey('secret', 'org', contactId);
          expect(key).toMatch(/^[a-z2-7]{26}$/);
          expect(parseLeadId(`${key}-${ordinal + 1}`)).toEqual({ contactKey: key, ordinal: ordinal + 1 });
          expect(deriveContactKey('secret', 'another', contactId)).not.toBe(key);
          expect(deriveContactKey('terces', 'org', contactId)).not.toBe(key);
          if (contactId !== otherId) expect(deriveContactKey('secret', 'org', otherId)).not.toBe(key);
        },
      ),
    );
  });

  it.each(['', 'x', 'aaaaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaaaaaaaaaaa-0', 'AAAAAAAAAAAAAAAAAAAAAAAAAA-1'])(
    'parseLeadId returns undefined for %j, which is not a lead id',
    (text) => expect(parseLeadId(text)).toBeUndefined(),
  );
});

describe('createCommandId', () => {
  it('a command id is a UUIDv5 derived from the Idempotency-Key, or a UUIDv4 without one', () => {
    expect(createCommandId('default', null)).not.toBe(createCommandId('default', null));
    expect(createCommandId('default', null).charAt(14)).toBe('4');
    expect(createCommandId('default', 'key').charAt(14)).toBe('5');
    expect(createCommandId('default', 'key')).toBe(createCommandId('default', 'key'));
    expect(createCommandId('default', 'key')).not.toBe(createCommandId('another', 'key'));
  });
});
