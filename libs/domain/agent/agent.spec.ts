import { describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#domain/event';
import { changeAgent, givenAgent, registerAgent, time } from '#test/support/given-when-then';
import { agentDecider, evolveAgent, type KnownAgent } from './agent.decide.js';

const registered = registerAgent({ email: 'one@example.test', capacity: 5 });
const renamed = changeAgent({ name: 'Agent Uno' });
const deactivated = changeAgent({ active: false });
const reactivated = changeAgent({ active: true });

const renamedEvent = {
  type: 'AgentRenamed',
  data: { agentId: 'ana' },
  personal: { from: 'Agent One', to: 'Agent Uno' },
} as const;
const capacityChanged = (from: number | null, to: number | null) =>
  ({ type: 'AgentCapacityChanged', data: { agentId: 'ana', from, to } }) as const;

describe('Agents', () => {
  it('are registered with a name, and an email and a capacity if they have one', () => {
    givenAgent()
      .when(registerAgent())
      .then({
        type: 'AgentRegistered',
        data: { agentId: 'ana', capacity: null },
        personal: { name: 'Agent One', email: null },
      });
    givenAgent()
      .when(registered)
      .then({
        type: 'AgentRegistered',
        data: { agentId: 'ana', capacity: 5 },
        personal: { name: 'Agent One', email: 'one@example.test' },
      });
  });

  it('are registered once, also when they are deactivated', () => {
    givenAgent(registered).when(registered).thenRefused('agent_exists', { agentId: 'ana' });
    givenAgent(registered, deactivated).when(registerAgent()).thenRefused('agent_exists', { agentId: 'ana' });
  });

  it('are renamed', () => givenAgent(registered).when(renamed).then(renamedEvent));

  it('get another capacity, none at all, or no limit', () => {
    givenAgent(registered)
      .when(changeAgent({ capacity: 8 }))
      .then(capacityChanged(5, 8));
    givenAgent(registered)
      .when(changeAgent({ capacity: 0 }))
      .then(capacityChanged(5, 0));
    givenAgent(registered)
      .when(changeAgent({ capacity: null }))
      .then(capacityChanged(5, null));
    givenAgent(registerAgent())
      .when(changeAgent({ capacity: 5 }))
      .then(capacityChanged(null, 5));
  });

  it('are deactivated and reactivated', () => {
    givenAgent(registered)
      .when(deactivated)
      .then({ type: 'AgentDeactivated', data: { agentId: 'ana' } });
    givenAgent(registered, deactivated)
      .when(reactivated)
      .then({ type: 'AgentReactivated', data: { agentId: 'ana' } });
  });

  it('change in several ways at once, an event each', () =>
    givenAgent(registered)
      .when(changeAgent({ name: 'Agent Uno', capacity: null, active: false }))
      .then(renamedEvent, capacityChanged(5, null), { type: 'AgentDeactivated', data: { agentId: 'ana' } }));

  it.each([
    ['what is left out', changeAgent({})],
    ['the same name', changeAgent({ name: 'Agent One' })],
    ['the same capacity', changeAgent({ capacity: 5 })],
    ['active already', reactivated],
  ])('stay as they are: %s', (_, command) => givenAgent(registered).when(command).thenNothing());

  it('are deactivated once', () => givenAgent(registered, deactivated).when(deactivated).thenNothing());

  it('can be changed while deactivated', () => givenAgent(registered, deactivated).when(renamed).then(renamedEvent));

  it('that nobody registered are not found', () =>
    givenAgent().when(renamed).thenRefused('not_found', { what: 'agent' }));
});

describe('An agent as folded', () => {
  it('is what the API shows of it', () =>
    expect(givenAgent(registered).state).toStrictEqual({
      known: true,
      id: 'ana',
      name: 'Agent One',
      email: 'one@example.test',
      capacity: 5,
      active: true,
      createdAt: time('09:00'),
      version: 1,
    }));

  it('goes with its events and counts them', () => {
    const told = givenAgent(registered, renamed, changeAgent({ capacity: 9 }), deactivated);
    expect(told.state).toMatchObject({ name: 'Agent Uno', capacity: 9, active: false, version: 4 });
    expect(told.and(reactivated).state).toMatchObject({ active: true, version: 5, createdAt: time('09:00') });
  });

  it('skips what it does not know: another registration, what came before the first, other types', () => {
    const known = givenAgent(registered).state as KnownAgent;
    const [again] = givenAgent(registerAgent({ name: 'Agent Two' })).events;
    const [, rename] = givenAgent(registered, renamed).events;
    const stranger = { type: 'SomethingElse', data: {}, meta: {} } as unknown as DomainEvent;
    expect(evolveAgent(known, again as never)).toBe(known);
    expect(evolveAgent(known, stranger as never)).toBe(known);
    expect(evolveAgent(agentDecider.initialState, stranger as never)).toBe(agentDecider.initialState);
    expect(evolveAgent(agentDecider.initialState, rename as never)).toBe(agentDecider.initialState);
    expect(agentDecider.initialState).toStrictEqual({ known: false });
  });
});
