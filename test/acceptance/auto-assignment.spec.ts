import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App } from '../support/app.js';
import { onShared } from '../support/engines.js';
import {
  expectSuccess,
  getAllItems,
  getAllLeads,
  idempotencyKey,
  interactionBody,
  openLead,
  postAgent,
  postAssignment,
  postInteraction,
  postStatus,
  retryWhileUnavailable,
  uniqueId,
  waitUntil,
} from '../support/api-steps.js';

interface AssignmentData {
  readonly leadId: string;
  readonly to: string;
  readonly mode: string;
}
/** All assignments in log order. */
const getAssignments = async (app: App): Promise<readonly AssignmentData[]> =>
  (await getAllItems<{ data: AssignmentData }>(app, '/v1/events', { type: 'LeadAssigned' })).map(({ data }) => data);
/** Resolves when exactly this many leads have an agent. */
const waitForAssigned = (app: App, count: number): Promise<void> =>
  waitUntil(async () => (await getAllLeads(app)).filter((lead) => lead.agent !== null).length === count, 50);
const agentOf = async (app: App, leadId: string): Promise<string | null> =>
  (await getAllLeads(app)).find((lead) => lead.id === leadId)?.agent?.id ?? null;
const waitForAgent = (app: App, leadId: string, agentId: string | null): Promise<void> =>
  waitUntil(async () => (await agentOf(app, leadId)) === agentId, 50);
/** Opens leads concurrently, retrying under an idempotency key when a busy store returns 503. */
const openConcurrently = (app: App, count: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const [body, key] = [interactionBody(), idempotencyKey()];
      expectSuccess(await retryWhileUnavailable(() => app.post('/v1/interactions', body, key)));
    }),
  );
const deleteAssignment = async (app: App, leadId: string) =>
  expectSuccess(await app.delete(`/v1/leads/${leadId}/assignment`));

describe('round-robin', () => {
  const app = new App({ AUTO_ASSIGNMENT: 'round_robin' });
  beforeAll(() => app.start());
  afterAll(() => app.dispose());
  let agents: readonly string[];

  test('round-robin gives 60 concurrent leads to three agents in strict rotation, even if the process is killed in between', async () => {
    agents = [(await postAgent(app)).id, (await postAgent(app)).id, (await postAgent(app)).id];
    await openConcurrently(app, 30);
    await app.kill();
    await app.start();
    await openConcurrently(app, 30);
    await waitForAssigned(app, 60);
    const assignments = await getAssignments(app);
    expect(assignments.map((assignment) => assignment.to)).toEqual(
      Array.from({ length: 60 }, (_, index) => agents[index % 3]),
    );
    expect(new Set(assignments.map((assignment) => assignment.leadId)).size).toBe(60);
    expect(new Set(assignments.map((assignment) => assignment.mode))).toEqual(new Set(['round_robin']));
  });

  test('round-robin does not reassign a lead that a person has unassigned', async () => {
    const { id } = await openLead(app);
    await waitForAssigned(app, 61);
    await deleteAssignment(app, id);
    // A later lead gets an agent, so the queue has been processed since then.
    const { id: later } = await openLead(app);
    await waitForAgent(app, later, agents[1]!);
    expect(await agentOf(app, id)).toBeNull();
    await postAssignment(app, id, agents[0]!);
  });

  test('round-robin reassigns the leads of a deactivated agent to the others', async () => {
    expectSuccess(await app.patch(`/v1/agents/${agents[0]}`, { active: false }));
    await waitUntil(async () =>
      (await getAllLeads(app)).every((lead) => lead.agent !== null && lead.agent.id !== agents[0]),
    );
    const assignments = (await getAssignments(app)).slice(63);
    expect(assignments.length).toBeGreaterThan(20);
    for (const [index, { to }] of assignments.entries()) if (index > 0) expect(to).not.toBe(assignments[index - 1]!.to);
  });
});

describe('least-loaded', () => {
  const app = new App({ AUTO_ASSIGNMENT: 'least_loaded' });
  beforeAll(() => app.start());
  afterAll(() => app.dispose());

  test('least-loaded fills the agents’ capacity, then assigns the longest waiting lead when capacity frees up', async () => {
    const early = await openLead(app);
    const { id: ana } = await postAgent(app, { capacity: 3 });
    const { id: ben } = await postAgent(app, { capacity: 1 });
    await waitForAgent(app, early.id, ana);
    const leads = [early];
    for (let index = 0; index < 5; index++) leads.push(await openLead(app));
    await waitForAssigned(app, 4);
    expect((await getAssignments(app)).map(({ leadId, to, mode }) => [leadId, to, mode])).toEqual(
      [ana, ben, ana, ana].map((to, index) => [leads[index]!.id, to, 'least_loaded']),
    );
    await postStatus(app, leads[1]!.id, 'lost');
    await waitForAgent(app, leads[4]!.id, ben);
    expect(await agentOf(app, leads[5]!.id)).toBeNull();
    expectSuccess(await app.patch(`/v1/agents/${ana}`, { capacity: 4 }));
    await waitForAgent(app, leads[5]!.id, ana);
  });

  test('least-loaded counts manual assignments, which may exceed the capacity', async () => {
    const { id: cleo } = await postAgent(app, { capacity: 2 });
    const first = await openLead(app);
    await waitForAgent(app, first.id, cleo);
    const second = await openLead(app);
    await waitForAgent(app, second.id, cleo);
    const third = await openLead(app);
    await postAssignment(app, third.id, cleo);
    await postStatus(app, first.id, 'converted');
    const { leadId: waiting } = await postInteraction(app, { contactId: uniqueId('waiting') });
    await postStatus(app, second.id, 'converted');
    await waitForAgent(app, waiting, cleo);
  });
});

onShared(describe)('with two workers', () => {
  const commands = new App({ AUTO_ASSIGNMENT: 'round_robin' }, 'command-api');
  const apps = [commands];
  afterAll(async () => {
    for (const app of apps.toReversed()) await app.dispose();
  });

  test('round-robin neither repeats nor skips an agent while two workers are killed one after the other under load', async () => {
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
      await openConcurrently(commands, 20);
      await worker?.kill();
      await worker?.start();
      after = commands.latestPosition!;
    }
    await waitUntil(
      async () => (await getAllLeads(queries, { after })).filter((lead) => lead.agent !== null).length >= 60,
      100,
    );
    const assignments = await getAssignments(queries);
    expect(assignments.map((assignment) => assignment.to)).toEqual(
      Array.from({ length: 60 }, (_, index) => agents[index % 3]),
    );
  });
});

test('auto-assignment is off by default, and once enabled assigns leads that are already waiting', async () => {
  const app = await new App().start();
  const enabled = new App({ ...(await app.env()), AUTO_ASSIGNMENT: 'round_robin' });
  try {
    const { id: ana } = await postAgent(app);
    const { id } = await openLead(app);
    await postInteraction(app);
    expect(await agentOf(app, id)).toBeNull();
    await app.stop();
    await enabled.start();
    await waitForAgent(enabled, id, ana);
    await enabled.stop();
  } finally {
    await enabled.dispose();
    await app.dispose();
  }
});
