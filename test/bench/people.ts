import type { Random } from '#apps/demo/random';
import { populations } from '#apps/demo/populations';

/*
 * The people of the bench: the demo's, in its languages, but with far more names. Half of the family names are put together of
 * syllables, so that there are words that thousands of leads have and words that a handful has.
 */

export interface Person {
  readonly contactId: string;
  readonly name: string | null;
  /** E.164, with national numbers that begin with 000: no network gives them out. */
  readonly phone: string | null;
  readonly email: string | null;
}

/** How often each of `peoples` writes, and from which country, in their order. */
const shares = [34, 14, 9, 9, 8, 4, 4, 5, 3, 3, 2, 2, 1.5, 1.5];
const countries = [44, 52, 33, 49, 55, 46, 90, 7, 20, 91, 86, 81, 82, 66];
const byShare = Object.fromEntries(shares.map((share, nth) => [String(nth), share]));

const syllables = (
  'ba bel ca cor da del don fa fen ga gor ha hol ka kel la lin ma mer mon na nor o pa per ra ren ro sa sen ' +
  'sol ta ter to va ver vin wa wel za'
).split(' ');
const domains = { 'mail.example': 55, 'post.example': 25, 'firma.example': 15, 'uni.example': 5 };

export function generatePerson(nr: number, chance: Random): Person {
  const nth = Number(chance.pickWeighted(byShare)) % populations.length;
  const people = populations[nth] ?? populations[0];
  const isLatin = /^[a-z]/i.test(people.family[0].normalize('NFKD'));
  const given = chance.pick(people.given);
  const family = isLatin && chance.boolean(0.5) ? invented(chance) : chance.pick(people.family);
  const { formatName: written = (first: string, last: string) => `${first} ${last}` } = people;
  const phone = chance.boolean(0.85)
    ? `+${countries[nth]}000${String(chance.int(0, 9_999_999)).padStart(7, '0')}`
    : null;
  const box = isLatin ? `${ascii(given)}.${ascii(family)}${chance.boolean(0.5) ? nr % 1_000 : ''}` : `contact${nr}`;
  return {
    contactId: phone !== null && chance.boolean(0.6) ? `${phone.slice(1)}-${nr}` : `crm-${nr}`,
    name: chance.boolean(0.97) ? written(given, family) : null,
    phone,
    email: chance.boolean(0.6) || phone === null ? `${box}@${chance.pickWeighted(domains)}` : null,
  };
}

function invented(chance: Random): string {
  const family = Array.from({ length: chance.int(2, 4) }, () => syllables[chance.int(0, syllables.length - 1)]).join(
    '',
  );
  return family.charAt(0).toUpperCase() + family.slice(1);
}

const ascii = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/[^a-z]/gi, '')
    .toLowerCase();
