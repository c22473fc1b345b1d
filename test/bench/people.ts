import type { Random } from '#apps/demo/random';
import { populations } from '#apps/demo/populations';

/*
 * The contacts of the bench: those of the demo, in its languages, but with far more names. Half of the family names are made of
 * random syllables, so that some words occur in thousands of leads and others in a handful.
 */

export interface Person {
  readonly contactId: string;
  readonly name: string | null;
  /** E.164, with national numbers that begin with 000, which no network assigns. */
  readonly phone: string | null;
  readonly email: string | null;
}

/** The share and the country code of each of `populations`, in their order. */
const shares = [34, 14, 9, 9, 8, 4, 4, 5, 3, 3, 2, 2, 1.5, 1.5];
const countries = [44, 52, 33, 49, 55, 46, 90, 7, 20, 91, 86, 81, 82, 66];
const weights = Object.fromEntries(shares.map((share, index) => [String(index), share]));

const syllables = (
  'ba bel ca cor da del don fa fen ga gor ha hol ka kel la lin ma mer mon na nor o pa per ra ren ro sa sen ' +
  'sol ta ter to va ver vin wa wel za'
).split(' ');
const domains = { 'mail.example': 55, 'post.example': 25, 'firma.example': 15, 'uni.example': 5 };

export function generatePerson(number: number, random: Random): Person {
  const index = Number(random.pickWeighted(weights)) % populations.length;
  const population = populations[index] ?? populations[0];
  const isLatin = /^[a-z]/i.test(population.family[0].normalize('NFKD'));
  const given = random.pick(population.given);
  const family = isLatin && random.boolean(0.5) ? inventFamilyName(random) : random.pick(population.family);
  const { formatName = (first: string, last: string) => `${first} ${last}` } = population;
  const phone = random.boolean(0.85)
    ? `+${countries[index]}000${String(random.int(0, 9_999_999)).padStart(7, '0')}`
    : null;
  const mailbox = isLatin
    ? `${asciiLetters(given)}.${asciiLetters(family)}${random.boolean(0.5) ? number % 1_000 : ''}`
    : `contact${number}`;
  return {
    contactId: phone !== null && random.boolean(0.6) ? `${phone.slice(1)}-${number}` : `crm-${number}`,
    name: random.boolean(0.97) ? formatName(given, family) : null,
    phone,
    email: random.boolean(0.6) || phone === null ? `${mailbox}@${random.pickWeighted(domains)}` : null,
  };
}

function inventFamilyName(random: Random): string {
  const family = Array.from({ length: random.int(2, 4) }, () => syllables[random.int(0, syllables.length - 1)]).join(
    '',
  );
  return family.charAt(0).toUpperCase() + family.slice(1);
}

const asciiLetters = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/[^a-z]/gi, '')
    .toLowerCase();
