import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventType } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { Unavailable } from '#event-store/event-store';
import { AutomationHarness } from '#test/support/automation-harness';
import { QualifyLeads, type UnreadBefore } from './qualify-leads.task.js';
import { ScoringError, type Conversation, type ScoringResult, type Scorer } from './scorer.js';

const debounceMs = 10_000;

let harness: AutomationHarness;
let judged: Conversation[];
let outcomes: string[];
let judge: (conversation: Conversation) => Promise<ScoringResult>;
beforeEach(() => {
  harness = new AutomationHarness();
  judged = [];
  outcomes = [];
  judge = async () => ({ score: 70, rationale: 'Asked for a price.', factors: [], modelVersion: '1' });
});
afterEach(() => harness.close());

const scorer: Scorer = {
  model: 'a-model',
  score: (conversation) => {
    judged.push(conversation);
    return judge(conversation);
  },
};
/** Reports every lead with an interaction as unread, like a view that has lost all results of scorers. */
const unreadBefore: UnreadBefore = async function* (time) {
  const newest = new Map<
    string,
    { id: string; type: EventType; position: Position; recordedAt: string; correlation: string }
  >();
  for (const { id, type, position, data, meta } of await harness.readAllEvents())
    if (type === 'InteractionRecorded' && data.leadId !== null)
      newest.set(data.leadId, { id, type, position, recordedAt: meta.recordedAt, correlation: meta.correlation });
  for (const [leadId, event] of newest)
    if (event.recordedAt < time) yield { row: { org: 'default', leadId, newest: event }, checkpoint: event.position };
};
const clockAhead = (ms: number) => ({ now: () => new Date(Date.now() + ms).toISOString() });
const newTask = (clock = clockAhead(debounceMs + 1_000)): QualifyLeads =>
  new QualifyLeads(
    unreadBefore,
    harness.log.events,
    scorer,
    debounceMs,
    harness.dispatchContactCommand,
    clock,
    (outcome) => outcomes.push(outcome),
  );

/** Returns the id of the contact's lead. */
const recordMessage = async (text: string, contactId = 'c-1'): Promise<string> => {
  const { body } = await harness.executeContactCommand({
    type: 'RecordInteraction',
    contactId,
    profile: {},
    channel: 'webchat',
    kind: 'chat',
    messageId: text,
    occurredAt: null,
    text,
    media: null,
    inReplyTo: null,
    integration: null,
  });
  return (body as { readonly leadId: string }).leadId;
};
async function listDueBefore(task: QualifyLeads, time: string) {
  const items = [];
  for await (const item of task.dueBefore(time)) items.push(item);
  return items;
}
const runAllDue = async (task = newTask()): Promise<readonly Position[]> => {
  const positions: Position[] = [];
  for await (const item of task.dueBefore('2999-01-01T00:00:00.000Z'))
    positions.push(await task.run(item, new AbortController().signal));
  return positions;
};

describe('QualifyLeads', () => {
  it('a lead is due for scoring when the debounce time has passed since its newest interaction', async () => {
    await recordMessage('Hello');
    const leadId = await recordMessage('What is the price?');
    const newest = (await harness.readEventsOfType('InteractionRecorded')).at(-1)!;
    const dueAt = new Date(Date.parse(newest.meta.recordedAt) + debounceMs);
    expect(await listDueBefore(newTask(), dueAt.toISOString())).toEqual([]);
    expect(await listDueBefore(newTask(), new Date(dueAt.getTime() + 1).toISOString())).toMatchObject([
      { id: leadId, at: dueAt.toISOString(), cause: { id: newest.id }, checkpoint: newest.position },
    ]);
  });

  it('scores a lead by all its interactions, oldest first, and records the score, the model and how far it read', async () => {
    await recordMessage('Hello');
    await recordMessage('What is the price?');
    const [position] = await runAllDue();
    expect(judged).toMatchObject([{ interactions: [{ text: 'Hello' }, { text: 'What is the price?' }] }]);
    const [scored] = await harness.readEventsOfType('LeadScored');
    const newest = (await harness.readEventsOfType('InteractionRecorded')).at(-1);
    expect(scored?.data).toMatchObject({ to: 70, ai: { model: 'a-model', read: 2 } });
    expect(scored?.meta).toMatchObject({ actor: { type: 'ai', id: 'a-model' }, causation: newest?.id });
    expect(scored?.position).toBe(position);
    expect(outcomes).toEqual(['scored']);
  });

  it('scores the same interactions once, even if the view has lost the result', async () => {
    await recordMessage('Hello');
    const [position] = await runAllDue();
    expect(await runAllDue()).toEqual([position]);
    expect(judged).toHaveLength(1);
    await recordMessage('What is the price?');
    await runAllDue();
    expect(judged).toHaveLength(2);
  });

  it('records a failed scoring with its reason and does not score the same interactions again', async () => {
    await recordMessage('Hello');
    judge = async () => Promise.reject(new ScoringError('the response is not JSON'));
    await runAllDue();
    await runAllDue();
    expect(judged).toHaveLength(1);
    expect(outcomes).toEqual(['failed']);
    expect((await harness.readEventsOfType('QualificationFailed')).map(({ data }) => data)).toMatchObject([
      { reason: 'the response is not JSON', model: 'a-model' },
    ]);
  });

  it('records no failure while the scorer is unavailable, so that it is called again later', async () => {
    await recordMessage('Hello');
    judge = async () => Promise.reject(new Unavailable('circuit open'));
    const head = await harness.log.events.head();
    await expect(runAllDue()).rejects.toThrow(Unavailable);
    expect(await harness.log.events.head()).toBe(head);
    expect(outcomes).toEqual([]);
  });

  it('does not score a closed lead', async () => {
    const leadId = await recordMessage('Hello');
    await harness.changeStatus(leadId, 'lost');
    expect(await runAllDue()).toEqual([await harness.log.events.head()]);
    expect(judged).toEqual([]);
  });

  it('postpones the scoring of a lead with an interaction that the view does not have yet', async () => {
    await recordMessage('Hello');
    const [item] = await listDueBefore(newTask(), '2999-01-01T00:00:00.000Z');
    await recordMessage('One moment');
    const newest = (await harness.readEventsOfType('InteractionRecorded')).at(-1);
    const task = newTask(clockAhead(0));
    expect(await task.run(item!, new AbortController().signal)).toBe(newest?.position);
    expect(judged).toEqual([]);
  });
});
