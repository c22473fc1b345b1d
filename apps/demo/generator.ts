import type { AgentCommandInput } from '#commands/agent.handler';
import { createDemoBroadcasts, type DemoBroadcast } from './broadcasts.js';
import { dayMs, hourMs, LifeSimulator, toIsoTime, type Person, type Step } from './life-simulator.js';
import { populations, type NonEmpty, type Population } from './populations.js';
import { Random } from './random.js';

/*
 * Generates three months of a bicycle shop. The same seed and end always give the same lives. A contact's life does not depend on
 * other contacts, so that a sample can grow.
 */

export interface Life {
  readonly person: Person;
  readonly steps: readonly Step[];
}

/** The first contact writes exactly this long before the end. */
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
const leavingAgent = 'Ines Ferro';
const allAgents: NonEmpty<string> = [...colleagues, leavingAgent];
/** Only the first ten contacts may be assigned to her, so that a sample that grows later assigns nothing to a deactivated agent. */
const contactsOfLeavingAgent = 10;

/** In ASCII, because agent ids are sent in headers. */
const nicknameOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}| .*/gu, '')
    .toLowerCase();
const agentIdOf = (seed: number, name: string): string => `demo-${seed}-${nicknameOf(name)}`;

/** The first steps: all agents join a month before the first message. */
export function createAgentSteps(seed: number, end: number): readonly Step<AgentCommandInput>[] {
  return allAgents.map((name, index) => ({
    at: toIsoTime(end - sampleMs - 30 * dayMs + index * hourMs),
    agentId: null,
    command: {
      type: 'RegisterAgent',
      agentId: agentIdOf(seed, name),
      name,
      email: `${nicknameOf(name)}@shop.example`,
      capacity: index % 3 === 0 ? null : 40 + 10 * index,
    },
  }));
}

/** Both broadcasts are created before the first message. */
export const createBroadcastSteps = (seed: number, end: number): readonly Step<DemoBroadcast>[] =>
  createDemoBroadcasts(seed).map((broadcast, index) => ({
    at: toIsoTime(end - sampleMs - dayMs + index * hourMs),
    agentId: null,
    command: broadcast,
  }));

/** The last step: one agent leaves. */
export const createDeactivationStep = (seed: number, end: number): Step<AgentCommandInput> => ({
  at: toIsoTime(end),
  agentId: null,
  command: { type: 'ChangeAgent', agentId: agentIdOf(seed, leavingAgent), active: false },
});

/** `number` counts the contacts of a sample from 1; `end` is when the sample ends, in milliseconds since 1970. */
export function createLife(seed: number, number: number, end: number): Life {
  const random = new Random(seed, number);
  const population = random.pick(populations);
  // The shop grows: more contacts begin late.
  const begin = number === 1 ? end - sampleMs : end - random.next() ** 1.7 * sampleMs;
  const team = number <= contactsOfLeavingAgent ? allAgents : colleagues;
  const [first, second] = createDemoBroadcasts(seed);
  const broadcastAt = (ms: number): DemoBroadcast => (ms < end - sampleMs / 2 ? first : second);
  const person = createPerson(seed, number, population, random);
  const life = new LifeSimulator(random, population, person, begin, broadcastAt);
  life.simulate(number === 1, () => agentIdOf(seed, random.pick(team)));
  const firstTooLate = life.steps.findIndex(({ at }) => Date.parse(at) > end);
  return { person, steps: firstTooLate < 0 ? life.steps : life.steps.slice(0, firstTooLate) };
}

function createPerson(seed: number, number: number, population: Population, random: Random): Person {
  const { language, formatName = (given: string, family: string) => `${given} ${family}` } = population;
  const name = formatName(random.pick(population.given), random.pick(population.family));
  const phone = random.boolean(0.85) ? population.phone(number) : null;
  return {
    contactId: `demo-${seed}-${number}`,
    name,
    language,
    phone,
    email: `contact-${seed}-${number}@mail.example`,
  };
}
