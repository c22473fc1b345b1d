import type { AgentAsk } from '#commands/agent.handler';
import { Chance } from './chance.js';
import { campaignsOf, type Campaign } from './demo.campaigns.js';
import { day, hour, Telling, timeOf, type Person, type Step } from './demo.life.js';
import { peoples, type People, type Some } from './demo.people.js';

/*
 * Three months of a bicycle shop, made from a seed: data, to be sent by whoever wants it. The same seed and end give the same
 * lives, and a contact's life depends on no other one, so that a sample can grow.
 */

export interface Life {
  readonly person: Person;
  readonly steps: readonly Step[];
}

/** The first contact writes exactly so long before the end. */
export const sampleMs = 90 * day;

const colleagues: Some<string> = [
  'Mara Lindqvist',
  'Tomás Arce',
  'Aiko Mori',
  'Yusuf Demir',
  'Priya Nair',
  'Noor Haddad',
  'Oleg Bilyk',
];
const leaver = 'Ines Ferro';
const everybody: Some<string> = [...colleagues, leaver];
/** She has contacts of the first ten only, so that a sample that grows later needs nobody who has left. */
const leaversContacts = 10;

/** In ASCII, because it travels in headers. */
const nickOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}| .*/gu, '')
    .toLowerCase();
const agentIdOf = (seed: number, name: string): string => `demo-${seed}-${nickOf(name)}`;

/** What comes before all lives: everybody joins a month before the first message. */
export function joining(seed: number, end: number): readonly Step<AgentAsk>[] {
  return everybody.map((name, nth) => ({
    at: timeOf(end - sampleMs - 30 * day + nth * hour),
    agentId: null,
    ask: {
      type: 'RegisterAgent',
      agentId: agentIdOf(seed, name),
      name,
      email: `${nickOf(name)}@shop.example`,
      capacity: nth % 3 === 0 ? null : 40 + 10 * nth,
    },
  }));
}

/** The campaigns begin before the first message too, the later one as a plan. */
export const announcing = (seed: number, end: number): readonly Step<Campaign>[] =>
  campaignsOf(seed).map((ask, nth) => ({ at: timeOf(end - sampleMs - day + nth * hour), agentId: null, ask }));

/** What comes after all lives: one agent leaves. */
export const leaving = (seed: number, end: number): Step<AgentAsk> => ({
  at: timeOf(end),
  agentId: null,
  ask: { type: 'ChangeAgent', agentId: agentIdOf(seed, leaver), active: false },
});

/** `nr` counts the contacts of a sample from 1; `end` is when the sample ends, in milliseconds since 1970. */
export function lifeOf(seed: number, nr: number, end: number): Life {
  const chance = new Chance(seed, nr);
  const people = chance.pick(peoples);
  // More of them lately: the shop is doing well.
  const begin = nr === 1 ? end - sampleMs : end - chance.draw() ** 1.7 * sampleMs;
  const team = nr <= leaversContacts ? everybody : colleagues;
  const [first, second] = campaignsOf(seed);
  const campaignAt = (ms: number): Campaign => (ms < end - sampleMs / 2 ? first : second);
  const life = new Telling(chance, people, personOf(seed, nr, people, chance), begin, campaignAt);
  life.wholeStory(nr === 1, () => agentIdOf(seed, chance.pick(team)));
  const cut = life.steps.findIndex(({ at }) => Date.parse(at) > end);
  return { person: life.person, steps: cut < 0 ? life.steps : life.steps.slice(0, cut) };
}

function personOf(seed: number, nr: number, people: People, chance: Chance): Person {
  const { language, written = (given: string, family: string) => `${given} ${family}` } = people;
  const name = written(chance.pick(people.given), chance.pick(people.family));
  const phone = chance.likely(0.85) ? people.phone(nr) : null;
  return { contactId: `demo-${seed}-${nr}`, name, language, phone, email: `contact-${seed}-${nr}@mail.example` };
}
