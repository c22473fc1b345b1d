import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LeadResource } from '#domain/lead/lead.shown';
import { App } from '../support/app.js';
import { onShared } from '../support/engines.js';
import {
  getAllItems,
  postAgent,
  postAssignment,
  expectSuccess,
  interactionBody,
  openLead,
  retryWhileUnavailable,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

interface Turn {
  readonly leadId: string;
  readonly to: string;
  readonly mode: string;
}
/** Every assignment that there was, in the order of the log. */
const assignments = async (app: App): Promise<readonly Turn[]> =>
  (await getAllItems<{ data: Turn }>(app, '/v1/events', { type: 'LeadAssigned' })).map(({ data }) => data);
/** Resolves when as many leads of the contacts have an agent as it says. */
async function leadsOnce(app: App, assigned: number): Promise<readonly LeadResource[]> {
  for (;;) {
    const leads = await getAllItems<LeadResource>(app, '/v1/leads', { sort: 'createdAt' });
    if (leads.filter((lead) => lead.agent !== null).length === assigned) return leads;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const agentOf = async (app: App, leadId: string): Promise<string | null> =>
  (await leadsOnceKnown(app)).find((lead) => lead.id === leadId)?.agent?.id ?? null;
const leadsOnceKnown = (app: App): Promise<LeadResource[]> => getAllItems<LeadResource>(app, '/v1/leads', {});
/** Resolves when the lead has this agent. */
async function until(app: App, leadId: string, agentId: string | null): Promise<void> {
  while ((await agentOf(app, leadId)) !== agentId) await new Promise((resolve) => setTimeout(resolve, 50));
}
/** Leads that come side by side, and again under their keys when a busy store could not take them. */
const openAtOnce = (app: App, count: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const [body, key] = [interactionBody(), { 'idempotency-key': uniqueId('key') }];
      expectSuccess(await retryWhileUnavailable(() => app.post('/v1/interactions', body, key)));
    }),
  );
const free = async (app: App, leadId: string) => expectSuccess(await app.delete(`/v1/leads/${leadId}/assignment`));

describe('round-robin', () => {
  const app = new App({ AUTO_ASSIGNMENT: 'round_robin' });
  beforeAll(() => app.start());
  afterAll(() => app.dispose());
  let agents: readonly string[];

  test('gives 60 leads that come at once to three agents in strict turns, also when it is killed meanwhile', async () => {
    agents = [(await postAgent(app)).id, (await postAgent(app)).id, (await postAgent(app)).id];
    await openAtOnce(app, 30);
    await app.kill();
    await app.start();
    await openAtOnce(app, 30);
    await leadsOnce(app, 60);
    const turns = await assignments(app);
    expect(turns.map((assignment) => assignment.to)).toEqual(Array.from({ length: 60 }, (_, index) => agents[index % 3]));
    expect(new Set(turns.map((assignment) => assignment.leadId)).size).toBe(60);
    expect(new Set(turns.map((assignment) => assignment.mode))).toEqual(new Set(['round_robin']));
  });

  test('leaves a lead alone that a person took from its agent', async () => {
    const { id } = await openLead(app);
    await leadsOnce(app, 61);
    await free(app, id);
    // What comes later is given its turn, so the queue was served since.
    const { id: later } = await openLead(app);
    await until(app, later, agents[1]!);
    expect(await agentOf(app, id)).toBeNull();
    await postAssignment(app, id, agents[0]!);
  });

  test('gives the leads of an agent that left to the others', async () => {
    expectSuccess(await app.patch(`/v1/agents/${agents[0]}`, { active: false }));
    for (;;) {
      const leads = await leadsOnceKnown(app);
      if (leads.every((lead) => lead.agent !== null && lead.agent.id !== agents[0])) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const turns = (await assignments(app)).slice(63);
    expect(turns.length).toBeGreaterThan(20);
    for (const [index, { to }] of turns.entries()) if (index > 0) expect(to).not.toBe(turns[index - 1]!.to);
  });
});

describe('least-loaded', () => {
  const app = new App({ AUTO_ASSIGNMENT: 'least_loaded' });
  beforeAll(() => app.start());
  afterAll(() => app.dispose());

  test('fills the room that there is, lets the others wait, and serves who waits longest when there is room', async () => {
    const early = await openLead(app);
    const { id: ana } = await postAgent(app, { capacity: 3 });
    const { id: ben } = await postAgent(app, { capacity: 1 });
    await until(app, early.id, ana);
    const leads = [early];
    for (let index = 0; index < 5; index++) leads.push(await openLead(app));
    await leadsOnce(app, 4);
    expect((await assignments(app)).map(({ leadId, to, mode }) => [leadId, to, mode])).toEqual(
      [ana, ben, ana, ana].map((to, index) => [leads[index]!.id, to, 'least_loaded']),
    );
    await postStatus(app, leads[1]!.id, 'lost');
    await until(app, leads[4]!.id, ben);
    expect(await agentOf(app, leads[5]!.id)).toBeNull();
    expectSuccess(await app.patch(`/v1/agents/${ana}`, { capacity: 4 }));
    await until(app, leads[5]!.id, ana);
  });

  test('counts what was assigned by hand, which may exceed the room', async () => {
    const { id: cleo } = await postAgent(app, { capacity: 2 });
    const one = await openLead(app);
    await until(app, one.id, cleo);
    const two = await openLead(app);
    await until(app, two.id, cleo);
    const three = await openLead(app);
    await postAssignment(app, three.id, cleo);
    await postStatus(app, one.id, 'converted');
    const { leadId: four } = await postInteraction(app, { contactId: uniqueId('waits') });
    await postStatus(app, two.id, 'converted');
    await until(app, four, cleo);
  });
});

onShared(describe)('with two workers', () => {
  const commands = new App({ AUTO_ASSIGNMENT: 'round_robin' }, 'command-api');
  const apps = [commands];
  afterAll(async () => {
    for (const app of apps.toReversed()) await app.dispose();
  });

  test('of which one after another is killed under load, no turn is doubled or left out', async () => {
    await commands.start();
    const shared = await commands.env();
    const queries = new App(shared, 'query-api');
    const workers = [new App(shared, 'worker'), new App(shared, 'worker')] as const;
    apps.push(queries, ...workers);
    await Promise.all(workers.map((worker) => worker.start()));
    await queries.start();
    const agents = [(await postAgent(commands)).id, (await postAgent(commands)).id, (await postAgent(commands)).id];
    let after = '';
    for (const worker of [...workers, null]) {
      await openAtOnce(commands, 20);
      await worker?.kill();
      await worker?.start();
      after = commands.latestPosition!;
    }
    for (let assigned = 0; assigned < 60;) {
      const leads = await getAllItems<LeadResource>(queries, '/v1/leads', { after });
      assigned = leads.filter((lead) => lead.agent !== null).length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const turns = await assignments(queries);
    expect(turns.map((assignment) => assignment.to)).toEqual(Array.from({ length: 60 }, (_, index) => agents[index % 3]));
  });
});

test('is off unless it is asked for, and then serves whoever waits already', async () => {
  const app = await new App().start();
  const on = new App({ ...(await app.env()), AUTO_ASSIGNMENT: 'round_robin' });
  try {
    const { id: ana } = await postAgent(app);
    const { id } = await openLead(app);
    await postInteraction(app);
    expect(await agentOf(app, id)).toBeNull();
    await app.stop();
    await on.start();
    await until(on, id, ana);
    await on.stop();
  } finally {
    await on.dispose();
    await app.dispose();
  }
});
