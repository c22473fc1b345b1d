import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContactCommand } from '#domain/contact/contact.commands';
import { contactDecider } from '#domain/contact/contact.decide';
import { findLead, type Contact } from '#domain/contact/contact.state';
import { Unavailable, type WriteResult, type EventStore } from '#event-store/event-store';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import * as ask from '#test/support/given-when-then';
import type { CommandContext } from './command-context.js';
import { DeciderService, type DecisionResult } from './decider-service.js';
import { createCommandId, contactStream } from './ids.js';

const folder = mkdtempSync(join(tmpdir(), 'handle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let log: SqliteLog;
let nth = 0;
beforeEach(() => {
  log = SqliteLog.open({ file: join(folder, `${(nth += 1)}.db`) });
});
afterEach(() => log.close());

const stream = contactStream('default', ask.contactKey);
const leadId = ask.leadId(1);
const now = (): string => new Date().toISOString();
const aProcess = (events: EventStore = log.events): DeciderService => new DeciderService(events, now);

const told = (more: Partial<CommandContext> = {}): CommandContext => ({
  org: 'default',
  actor: { type: 'service', id: 'test' },
  commandId: createCommandId('default', null),
  requestHash: null,
  now: now(),
  backdated: false,
  correlation: 'c',
  causation: 'c',
  expectedVersion: null,
  ...more,
});

const handle = (
  by: DeciderService,
  command: ContactCommand,
  more: Partial<CommandContext> = {},
): Promise<DecisionResult<Contact>> =>
  by.handle(contactDecider, stream, command, told(more), (state) => findLead(state, leadId)?.version);

const typesStored = async (): Promise<string[]> => (await log.events.read(stream, 0, 1_000)).map((it) => it.type);

/** The log with one method done differently. */
const logThat = (does: Partial<Pick<EventStore, 'append' | 'read'>>): EventStore => {
  const { events } = log;
  const same: Pick<EventStore, 'start' | 'append' | 'read'> = {
    start: events.start,
    append: (...asked) => events.append(...asked),
    read: (...asked) => events.read(...asked),
  };
  return { ...same, ...does } as EventStore;
};

describe('A command', () => {
  it('is decided on what the stream says, and appended at the version read', async () => {
    const done = await handle(aProcess(), ask.interaction());
    expect(done.events.map((it) => it.type)).toStrictEqual(['ContactRegistered', 'LeadOpened', 'InteractionRecorded']);
    expect(done.position).toBe(await log.events.head());
    expect(await typesStored()).toStrictEqual(['ContactRegistered', 'LeadOpened', 'InteractionRecorded']);
  });

  it('that finds things as asked appends nothing and tells the position of what is so', async () => {
    const here = aProcess();
    const first = await handle(here, ask.interaction());
    const again = await handle(here, ask.interaction());
    expect(again).toMatchObject({ events: [], position: first.position });
  });

  it('loses a race to another process and is decided again on the fresh state', async () => {
    const [one, other] = [aProcess(), aProcess()];
    await handle(one, ask.interaction());
    await handle(other, ask.changeStatus('qualified'));
    const { after } = await handle(one, ask.scoreByHand(70));
    expect(findLead(after, leadId)).toMatchObject({ status: 'qualified', qualification: { score: 70 }, version: 4 });
  });

  it('is never refused by a memory that is behind', async () => {
    const [one, other] = [aProcess(), aProcess()];
    await handle(one, ask.interaction());
    await handle(one, ask.lost);
    await handle(other, ask.secondInteraction);
    const second = ask.changeStatus('qualified', { leadId: ask.leadId(2) });
    await expect(handle(one, second)).resolves.toMatchObject({ events: [{ type: 'LeadStatusChanged' }] });
  });

  it('is never left undone by a memory that is behind', async () => {
    const [one, other] = [aProcess(), aProcess()];
    await handle(one, ask.interaction());
    await handle(one, ask.changeStatus('qualified'));
    await handle(other, ask.changeStatus('contacted'));
    await expect(handle(one, ask.changeStatus('qualified'))).resolves.toMatchObject({
      events: [{ type: 'LeadStatusChanged', data: { from: 'contacted', to: 'qualified' } }],
    });
  });

  it('needs no read when memory has the stream', async () => {
    let reads = 0;
    const counting = logThat({
      read: (...asked) => {
        reads += 1;
        return log.events.read(...asked);
      },
    });
    const here = aProcess(counting);
    await handle(here, ask.interaction());
    const before = reads;
    await handle(here, ask.changeStatus('qualified'));
    expect(reads).toBe(before);
  });

  it('gives up after ten lost races, having done nothing', async () => {
    const busy = logThat({
      append: async (name, expected, events): Promise<WriteResult> => {
        const other = told();
        const version = (await log.events.read(name, 0, 1_000)).length;
        const noise = { ...events[0]!, id: other.commandId };
        await log.events.append(name, version, [noise]);
        return log.events.append(name, expected, events);
      },
    });
    await expect(handle(aProcess(busy), ask.interaction())).rejects.toMatchObject({ code: 'conflict' });
    expect(await typesStored()).toHaveLength(10);
  });

  it('that the log could not take fails, and does not spoil the next', async () => {
    let down = true;
    const flaky = logThat({
      append: (...asked) => (down ? Promise.reject(new Unavailable('down')) : log.events.append(...asked)),
    });
    const here = aProcess(flaky);
    await expect(handle(here, ask.interaction())).rejects.toThrow(Unavailable);
    down = false;
    expect((await handle(here, ask.interaction())).events).toHaveLength(3);
  });
});

describe('200 commands of one contact at once', () => {
  it('make one lead', async () => {
    const here = aProcess();
    await Promise.all(
      Array.from({ length: 200 }, (_, each) => handle(here, ask.interaction({ messageId: `m-${each}` }))),
    );
    const types = await typesStored();
    expect(types.filter((it) => it === 'LeadOpened')).toHaveLength(1);
    expect(types.filter((it) => it === 'InteractionRecorded')).toHaveLength(200);
  });

  it('make one lead also when four processes race', async () => {
    const four = Array.from({ length: 4 }, () => aProcess());
    const each = Array.from({ length: 40 }, (_, at) => ask.interaction({ messageId: `m-${at}` }));
    const all = await Promise.allSettled(each.map((command, at) => handle(four[at % 4]!, command)));
    const types = await typesStored();
    expect(types.filter((it) => it === 'LeadOpened')).toHaveLength(1);
    expect(types.filter((it) => it === 'InteractionRecorded')).toHaveLength(
      all.filter((it) => it.status === 'fulfilled').length,
    );
  });
});

describe('A version that was expected', () => {
  it('is met or refused, telling the version of now', async () => {
    const here = aProcess();
    await handle(here, ask.interaction());
    const early = handle(here, ask.changeStatus('qualified'), { expectedVersion: 1 });
    await expect(early).rejects.toMatchObject({ code: 'version_mismatch', details: { version: 2 } });
    await expect(handle(here, ask.changeStatus('qualified'), { expectedVersion: 2 })).resolves.toBeDefined();
  });
});

describe('A command with a key of the caller', () => {
  const keyed = { commandId: createCommandId('default', 'key-1'), requestHash: 'r' };

  it('is done once, and answered from the state that it made, whatever came after', async () => {
    const one = aProcess();
    await handle(one, ask.interaction());
    const first = await handle(one, ask.scoreByHand(10), keyed);
    await handle(one, ask.scoreByHand(90));
    for (const process of [one, aProcess()]) {
      const again = await handle(process, ask.scoreByHand(10), keyed);
      expect(again).toMatchObject({ position: first.position });
      expect(findLead(again.before, leadId)?.qualification.score).toBeNull();
      expect(findLead(again.after, leadId)).toMatchObject({ version: 3, qualification: { score: 10 } });
    }
    expect((await typesStored()).filter((it) => it === 'LeadScored')).toHaveLength(2);
  });

  it('refuses another request under the key, also when only the log remembers it', async () => {
    await handle(aProcess(), ask.interaction(), keyed);
    const other = handle(aProcess(), ask.changeStatus('lost'), { ...keyed, requestHash: 'another' });
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(await typesStored()).toHaveLength(3);
  });

  it('is a command of its own on another stream, once its answer is forgotten', async () => {
    const here = aProcess();
    await handle(here, ask.interaction(), keyed);
    const elsewhere = contactStream('default', 'another');
    const command = ask.createLead({ contactKey: 'another', contactId: 'contact-2' });
    const done = await here.handle(
      contactDecider,
      elsewhere,
      command,
      told({ ...keyed, requestHash: 'another' }),
      () => undefined,
    );
    expect(done.events.map((it) => it.type)).toStrictEqual(['ContactRegistered', 'LeadOpened']);
  });
});
