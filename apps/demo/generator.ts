import type { AgentCommandInput } from '#commands/agent.handler';
import { Random } from './random.js';
import { createDemoBroadcasts, type DemoBroadcast } from './demo.campaigns.js';
import { dayMs, hourMs, LifeSimulator, toIsoTime, type Person, type Step } from './demo.life.js';
import { populations, type Population, type NonEmpty } from './demo.people.js';

/*
 * Three months of a bicycle shop, made from a seed: data, to be sent by whoever wants it. The same seed and end give the same
 * lives, and a contact's life depends on no other one, so that a sample can grow.
 */

export interface Life {
  readonly person: Person;
  readonly steps: readonly Step[];
}

/** The first contact writes exactly so long before the end. */
export const sampleMs = 90 * dayMs;

const colleagues: NonEmpty<string> = [
  'Mara Lindqvist',
  'Tomás Arce',
  'Aiko Mori',
  'Yusuf Demir',
  'Priya Nair',
  'Noor Haddad',
  'Oleg Bilyk',
];
const leaver = 'Ines Ferro';
const everybody: NonEmpty<string> = [...colleagues, leaver];
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
export function createAgentSteps(seed: number, end: number): readonly Step<AgentCommandInput>[] {
  return everybody.map((name, nth) => ({
    at: toIsoTime(end - sampleMs - 30 * dayMs + nth * hourMs),
    agentId: null,
    command: {
      type: 'RegisterAgent',
      agentId: agentIdOf(seed, name),
      name,
      email: `${nickOf(name)}@shop.example`,
      capacity: nth % 3 === 0 ? null : 40 + 10 * nth,
    },
  }));
}

/** The campaigns begin before the first message too, the later one as a plan. */
export const createBroadcastSteps = (seed: number, end: number): readonly Step<DemoBroadcast>[] =>
  createDemoBroadcasts(seed).map((ask, nth) => ({
    at: toIsoTime(end - sampleMs - dayMs + nth * hourMs),
    agentId: null,
    command: ask,
  }));

/** What comes after all lives: one agent leaves. */
export const createDeactivationStep = (seed: number, end: number): Step<AgentCommandInput> => ({
  at: toIsoTime(end),
  agentId: null,
  command: { type: 'ChangeAgent', agentId: agentIdOf(seed, leaver), active: false },
});

/** `nr` counts the contacts of a sample from 1; `end` is when the sample ends, in milliseconds since 1970. */
export function createLife(seed: number, nr: number, end: number): Life {
  const chance = new Random(seed, nr);
  const people = chance.pick(populations);
  // More of them lately: the shop is doing well.
  const begin = nr === 1 ? end - sampleMs : end - chance.next() ** 1.7 * sampleMs;
  const team = nr <= leaversContacts ? everybody : colleagues;
  const [first, second] = createDemoBroadcasts(seed);
  const campaignAt = (ms: number): DemoBroadcast => (ms < end - sampleMs / 2 ? first : second);
  const life = new LifeSimulator(chance, people, personOf(seed, nr, people, chance), begin, campaignAt);
  life.simulate(nr === 1, () => agentIdOf(seed, chance.pick(team)));
  const cut = life.steps.findIndex(({ at }) => Date.parse(at) > end);
  return { person: life.person, steps: cut < 0 ? life.steps : life.steps.slice(0, cut) };
}

function personOf(seed: number, nr: number, people: Population, chance: Random): Person {
  const { language, formatName: written = (given: string, family: string) => `${given} ${family}` } = people;
  const name = written(chance.pick(people.given), chance.pick(people.family));
  const phone = chance.boolean(0.85) ? people.phone(nr) : null;
  return { contactId: `demo-${seed}-${nr}`, name, language, phone, email: `contact-${seed}-${nr}@mail.example` };
}
