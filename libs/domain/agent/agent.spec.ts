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

describe('RegisterAgent and ChangeAgent', () => {
  it('registering an agent records its name, and its email and capacity if given', () => {
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

  it('rejects a second registration, even of a deactivated agent', () => {
    givenAgent(registered).when(registered).thenRefused('agent_exists', { agentId: 'ana' });
    givenAgent(registered, deactivated).when(registerAgent()).thenRefused('agent_exists', { agentId: 'ana' });
  });

  it('renaming an agent records the previous and the new name', () =>
    givenAgent(registered).when(renamed).then(renamedEvent));

  it('the capacity can be changed to a number, zero or no limit', () => {
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

  it('an agent can be deactivated and reactivated', () => {
    givenAgent(registered)
      .when(deactivated)
      .then({ type: 'AgentDeactivated', data: { agentId: 'ana' } });
    givenAgent(registered, deactivated)
      .when(reactivated)
      .then({ type: 'AgentReactivated', data: { agentId: 'ana' } });
  });

  it('each of several changes in one command is recorded as its own event', () =>
    givenAgent(registered)
      .when(changeAgent({ name: 'Agent Uno', capacity: null, active: false }))
      .then(renamedEvent, capacityChanged(5, null), { type: 'AgentDeactivated', data: { agentId: 'ana' } }));

  it.each([
    ['no field', changeAgent({})],
    ['the same name', changeAgent({ name: 'Agent One' })],
    ['the same capacity', changeAgent({ capacity: 5 })],
    ['activating an active agent', reactivated],
  ])('a change to the current values does nothing: %s', (_, command) =>
    givenAgent(registered).when(command).thenNothing(),
  );

  it('deactivating a deactivated agent does nothing', () =>
    givenAgent(registered, deactivated).when(deactivated).thenNothing());

  it('a deactivated agent can be changed', () => givenAgent(registered, deactivated).when(renamed).then(renamedEvent));

  it('rejects a change of an unknown agent', () =>
    givenAgent().when(renamed).thenRefused('not_found', { what: 'agent' }));
});

describe('The fold of an agent', () => {
  it('a registered agent has all fields of its registration', () =>
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

  it('the fold of an agent applies each event and counts it in the version', () => {
    const scenario = givenAgent(registered, renamed, changeAgent({ capacity: 9 }), deactivated);
    expect(scenario.state).toMatchObject({ name: 'Agent Uno', capacity: 9, active: false, version: 4 });
    expect(scenario.and(reactivated).state).toMatchObject({ active: true, version: 5, createdAt: time('09:00') });
  });

  it('the fold of an agent ignores a second registration, events before the registration, and unknown types', () => {
    const known = givenAgent(registered).state as KnownAgent;
    const [again] = givenAgent(registerAgent({ name: 'Agent Two' })).events;
    const [, rename] = givenAgent(registered, renamed).events;
    const unknownEvent = { type: 'SomethingElse', data: {}, meta: {} } as unknown as DomainEvent;
    expect(evolveAgent(known, again as never)).toBe(known);
    expect(evolveAgent(known, unknownEvent as never)).toBe(known);
    expect(evolveAgent(agentDecider.initialState, unknownEvent as never)).toBe(agentDecider.initialState);
    expect(evolveAgent(agentDecider.initialState, rename as never)).toBe(agentDecider.initialState);
    expect(agentDecider.initialState).toStrictEqual({ known: false });
  });
});
