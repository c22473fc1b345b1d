import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventType } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { Unavailable } from '#event-store/event-store';
import { AutomationHarness } from '#test/support/automation-harness';
import { QualifyLeads, type UnreadBefore } from './qualify-leads.task.js';
import { ScoringError, type Conversation, type Judgement, type Scorer } from './scorer.js';

const debounceMs = 10_000;

let stage: AutomationHarness;
let asked: Conversation[];
let outcomes: string[];
let judge: (conversation: Conversation) => Promise<Judgement>;
beforeEach(() => {
  stage = new AutomationHarness();
  [asked, outcomes] = [[], []];
  judge = async () => ({ score: 70, rationale: 'Asked for a price.', factors: [], modelVersion: '1' });
});
afterEach(() => stage.close());

const scorer: Scorer = {
  model: 'a-model',
  score: (conversation) => {
    asked.push(conversation);
    return judge(conversation);
  },
};
/** Every lead with an interaction, as a view tells it that has forgotten who was judged. */
const unreadBefore: UnreadBefore = async function* (time) {
  const newest = new Map<
    string,
    { id: string; type: EventType; position: Position; recordedAt: string; correlation: string }
  >();
  for (const { id, type, position, data, meta } of await stage.readAllEvents())
    if (type === 'InteractionRecorded' && data.leadId !== null)
      newest.set(data.leadId, { id, type, position, recordedAt: meta.recordedAt, correlation: meta.correlation });
  for (const [leadId, it] of newest)
    if (it.recordedAt < time) yield { row: { org: 'default', leadId, newest: it }, checkpoint: it.position };
};
/** So long after now. */
const at = (ms: number) => ({ now: () => new Date(Date.now() + ms).toISOString() });
const duty = (time = at(debounceMs + 1_000), debounce = debounceMs): QualifyLeads =>
  new QualifyLeads(unreadBefore, stage.log.events, scorer, debounce, stage.dispatchContactCommand, time, (it) =>
    outcomes.push(it),
  );

const says = async (text: string, contactId = 'c-1'): Promise<string> => {
  const what = { profile: {}, channel: 'webchat', kind: 'chat', messageId: text, occurredAt: null } as const;
  const told = { text, media: null, inReplyTo: null, integration: null };
  const { body } = await stage.executeContactCommand({ type: 'RecordInteraction', contactId, ...what, ...told });
  return (body as { readonly leadId: string }).leadId;
};
async function dueBefore(it: QualifyLeads, time: string) {
  const found = [];
  for await (const due of it.dueBefore(time)) found.push(due);
  return found;
}
/** Whatever is due is carried out. */
const carryAllOut = async (it = duty()): Promise<readonly Position[]> => {
  const positions: Position[] = [];
  for await (const due of it.dueBefore('2999-01-01T00:00:00.000Z'))
    positions.push(await it.run(due, new AbortController().signal));
  return positions;
};

describe('A lead is judged', () => {
  it('when nothing has come for a while: due so long after its newest interaction', async () => {
    await says('Hello');
    const leadId = await says('What is the price?');
    const newest = (await stage.readEventsOfType('InteractionRecorded')).at(-1)!;
    const dueAt = new Date(Date.parse(newest.meta.recordedAt) + debounceMs);
    expect(await dueBefore(duty(), dueAt.toISOString())).toEqual([]);
    expect(await dueBefore(duty(), new Date(dueAt.getTime() + 1).toISOString())).toMatchObject([
      { id: leadId, at: dueAt.toISOString(), cause: { id: newest.id }, checkpoint: newest.position },
    ]);
  });

  it('by all of its interactions, oldest first, and the score says what was read and by whom', async () => {
    await says('Hello');
    await says('What is the price?');
    const [position] = await carryAllOut();
    expect(asked).toMatchObject([{ interactions: [{ text: 'Hello' }, { text: 'What is the price?' }] }]);
    const [scored] = await stage.readEventsOfType('LeadScored');
    const newest = (await stage.readEventsOfType('InteractionRecorded')).at(-1);
    expect(scored?.data).toMatchObject({ to: 70, ai: { model: 'a-model', read: 2 } });
    expect(scored?.meta).toMatchObject({ actor: { type: 'ai', id: 'a-model' }, causation: newest?.id });
    expect(scored?.position).toBe(position);
    expect(outcomes).toEqual(['scored']);
  });

  it('once for what was read, also where the view has forgotten it', async () => {
    await says('Hello');
    const [position] = await carryAllOut();
    expect(await carryAllOut()).toEqual([position]);
    expect(asked).toHaveLength(1);
    await says('What is the price?');
    await carryAllOut();
    expect(asked).toHaveLength(2);
  });

  it('not once more after a failure for the same: that is on record, in words of ours', async () => {
    await says('Hello');
    judge = async () => Promise.reject(new ScoringError('the answer was no JSON'));
    await carryAllOut();
    await carryAllOut();
    expect(asked).toHaveLength(1);
    expect(outcomes).toEqual(['failed']);
    expect((await stage.readEventsOfType('QualificationFailed')).map(({ data }) => data)).toMatchObject([
      { reason: 'the answer was no JSON', model: 'a-model' },
    ]);
  });

  it('later, where the scorer is not asked now: nothing is recorded', async () => {
    await says('Hello');
    judge = async () => Promise.reject(new Unavailable('resting'));
    const head = await stage.log.events.head();
    await expect(carryAllOut()).rejects.toThrow(Unavailable);
    expect(await stage.log.events.head()).toBe(head);
    expect(outcomes).toEqual([]);
  });
});

describe('A lead is left alone', () => {
  it('that is closed', async () => {
    const leadId = await says('Hello');
    await stage.changeStatus(leadId, 'lost');
    expect(await carryAllOut()).toEqual([await stage.log.events.head()]);
    expect(asked).toEqual([]);
  });

  it('to which something new has come that the view does not know: it becomes due anew', async () => {
    await says('Hello');
    const [due] = await dueBefore(duty(), '2999-01-01T00:00:00.000Z');
    await says('One moment');
    const newest = (await stage.readEventsOfType('InteractionRecorded')).at(-1);
    const early = duty(at(0));
    expect(await early.run(due!, new AbortController().signal)).toBe(newest?.position);
    expect(asked).toEqual([]);
  });
});
