import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContactCommand } from '#domain/contact/contact.commands';
import { contactDecider } from '#domain/contact/contact.decide';
import { findLead, type Contact } from '#domain/contact/contact.state';
import { ConcurrencyError, Unavailable, type WriteResult, type EventStore } from '#event-store/event-store';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { enableDeadlines, withDeadline } from '#timing/deadline';
import * as commands from '#test/support/given-when-then';
import { buildCommandContext, type CommandContext } from './command-context.js';
import { DeciderService, StreamBusy, type DecisionResult } from './decider-service.js';
import { createCommandId, contactStream } from './ids.js';

const folder = mkdtempSync(join(tmpdir(), 'decider-service-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let log: SqliteLog;
let logs = 0;
beforeEach(() => {
  log = SqliteLog.open({ file: join(folder, `${(logs += 1)}.db`) });
});
afterEach(() => log.close());

const stream = contactStream('default', commands.contactKey);
const leadId = commands.leadId(1);
const now = (): string => new Date().toISOString();

/** A service with its own cache, as in another process. */
const newService = (events: EventStore = log.events): DeciderService => new DeciderService(events, now);

const contextWith = (fields: Partial<CommandContext> = {}): CommandContext =>
  buildCommandContext({
    org: 'default',
    actor: { type: 'service', id: 'test' },
    now: now(),
    correlation: 'c',
    causation: 'c',
    ...fields,
  });

const handle = (
  service: DeciderService,
  command: ContactCommand,
  fields: Partial<CommandContext> = {},
): Promise<DecisionResult<Contact>> =>
  service.handle(contactDecider, stream, command, contextWith(fields), (state) => findLead(state, leadId)?.version);

const storedTypes = async (): Promise<string[]> => (await log.events.read(stream, 0, 1_000)).map(({ type }) => type);

/** The log with some methods replaced. */
const logWith = (methods: Partial<Pick<EventStore, 'append' | 'read'>>): EventStore => {
  const { events } = log;
  const original: Pick<EventStore, 'start' | 'append' | 'read'> = {
    start: events.start,
    append: (...args) => events.append(...args),
    read: (...args) => events.read(...args),
  };
  return { ...original, ...methods } as EventStore;
};

describe('DeciderService', () => {
  it('decides on the state of the stream and appends at the version read', async () => {
    const result = await handle(newService(), commands.interaction());
    const types = ['ContactRegistered', 'LeadOpened', 'InteractionRecorded'];
    expect(result.events.map(({ type }) => type)).toStrictEqual(types);
    expect(result.position).toBe(await log.events.head());
    expect(await storedTypes()).toStrictEqual(types);
  });

  it('appends nothing and returns the position of the state if a command changes nothing', async () => {
    const service = newService();
    const first = await handle(service, commands.interaction());
    const second = await handle(service, commands.interaction());
    expect(second).toMatchObject({ events: [], position: first.position });
  });

  it('decides again on the current state after another process wrote first', async () => {
    const service = newService();
    await handle(service, commands.interaction());
    await handle(newService(), commands.changeStatus('qualified'));
    const { after } = await handle(service, commands.scoreByHand(70));
    expect(findLead(after, leadId)).toMatchObject({ status: 'qualified', qualification: { score: 70 }, version: 4 });
  });

  it('never rejects a command because of an outdated cache', async () => {
    const service = newService();
    await handle(service, commands.interaction());
    await handle(service, commands.lost);
    await handle(newService(), commands.secondInteraction);
    const second = commands.changeStatus('qualified', { leadId: commands.leadId(2) });
    await expect(handle(service, second)).resolves.toMatchObject({ events: [{ type: 'LeadStatusChanged' }] });
  });

  it('never treats a command as unchanged because of an outdated cache', async () => {
    const service = newService();
    await handle(service, commands.interaction());
    await handle(service, commands.changeStatus('qualified'));
    await handle(newService(), commands.changeStatus('contacted'));
    await expect(handle(service, commands.changeStatus('qualified'))).resolves.toMatchObject({
      events: [{ type: 'LeadStatusChanged', data: { from: 'contacted', to: 'qualified' } }],
    });
  });

  it('does not read a stream that is cached', async () => {
    let reads = 0;
    const counting = logWith({
      read: (...args) => {
        reads += 1;
        return log.events.read(...args);
      },
    });
    const service = newService(counting);
    await handle(service, commands.interaction());
    const readsBefore = reads;
    await handle(service, commands.changeStatus('qualified'));
    expect(reads).toBe(readsBefore);
  });

  it('rejects a command as a conflict, with nothing appended, after other processes wrote first ten times', async () => {
    const contended = logWith({
      append: async (name, expectedVersion, events): Promise<WriteResult> => {
        const version = (await log.events.read(name, 0, 1_000)).length;
        await log.events.append(name, version, [{ ...events[0]!, id: createCommandId('default', null) }]);
        return log.events.append(name, expectedVersion, events);
      },
    });
    await expect(handle(newService(contended), commands.interaction())).rejects.toMatchObject({ code: 'conflict' });
    expect(await storedTypes()).toHaveLength(10);
  });

  it('executes a command that meets an append under way, however often it is rejected before that append is visible', async () => {
    let rejections = 0;
    const slow = logWith({
      append: (name, expectedVersion, events) =>
        ++rejections > 30
          ? log.events.append(name, expectedVersion, events)
          : Promise.reject(new ConcurrencyError(name, expectedVersion, expectedVersion + 1)),
    });
    const { events } = await handle(newService(slow), commands.interaction());
    expect(events).toHaveLength(3);
    expect(rejections).toBe(31);
  });

  it('fails as busy, not as a conflict, when an append under way is not visible by the deadline', async () => {
    enableDeadlines();
    const stuck = logWith({
      append: (name, expectedVersion) =>
        Promise.reject(new ConcurrencyError(name, expectedVersion, expectedVersion + 1)),
    });
    const startedAt = performance.now();
    const busy = withDeadline(300, () => handle(newService(stuck), commands.interaction()));
    await expect(busy).rejects.toThrow(StreamBusy);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(300);
    expect(await storedTypes()).toHaveLength(0);
  });

  it('fails a command while the log is unavailable, and executes the next one once it is back', async () => {
    let down = true;
    const flaky = logWith({
      append: (...args) => (down ? Promise.reject(new Unavailable('down')) : log.events.append(...args)),
    });
    const service = newService(flaky);
    await expect(handle(service, commands.interaction())).rejects.toThrow(Unavailable);
    down = false;
    expect((await handle(service, commands.interaction())).events).toHaveLength(3);
  });

  it('opens one lead for 200 concurrent interactions of one contact', async () => {
    const service = newService();
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => handle(service, commands.interaction({ messageId: `m-${index}` }))),
    );
    const types = await storedTypes();
    expect(types.filter((type) => type === 'LeadOpened')).toHaveLength(1);
    expect(types.filter((type) => type === 'InteractionRecorded')).toHaveLength(200);
  });

  it('opens one lead for concurrent interactions of one contact in four processes', async () => {
    const services = Array.from({ length: 4 }, () => newService());
    const interactions = Array.from({ length: 40 }, (_, index) => commands.interaction({ messageId: `m-${index}` }));
    const results = await Promise.allSettled(
      interactions.map((command, index) => handle(services[index % 4]!, command)),
    );
    const types = await storedTypes();
    expect(types.filter((type) => type === 'LeadOpened')).toHaveLength(1);
    expect(types.filter((type) => type === 'InteractionRecorded')).toHaveLength(
      results.filter(({ status }) => status === 'fulfilled').length,
    );
  });

  it('executes a command at the expected version, and rejects it at another with the current version', async () => {
    const service = newService();
    await handle(service, commands.interaction());
    const atVersionOne = handle(service, commands.changeStatus('qualified'), { expectedVersion: 1 });
    await expect(atVersionOne).rejects.toMatchObject({ code: 'version_mismatch', details: { version: 2 } });
    const atVersionTwo = handle(service, commands.changeStatus('qualified'), { expectedVersion: 2 });
    await expect(atVersionTwo).resolves.toMatchObject({
      events: [{ type: 'LeadStatusChanged', data: { to: 'qualified' }, version: 4 }],
    });
  });

  it('previews a command on the current state without appending', async () => {
    const service = newService();
    await handle(service, commands.interaction());
    const preview = (command: ContactCommand, fields: Partial<CommandContext> = {}) =>
      service.preview(contactDecider, stream, command, contextWith(fields), () => undefined);
    expect(await preview(commands.changeStatus('qualified'))).toMatchObject({ effect: 'change' });
    expect(await storedTypes()).toHaveLength(3);
    const keyed = { commandId: createCommandId('default', 'key-2'), requestHash: 'r' };
    await handle(newService(), commands.changeStatus('qualified'), keyed);
    expect(await preview(commands.changeStatus('qualified'))).toMatchObject({ effect: 'none' });
    expect(await preview(commands.changeStatus('qualified'), keyed)).toMatchObject({ effect: 'already_done' });
  });
});

describe('DeciderService and commands with an Idempotency-Key', () => {
  const keyed = { commandId: createCommandId('default', 'key-1'), requestHash: 'r' };

  it('executes a keyed command once and replays its outcome from the log, whatever was recorded later', async () => {
    const service = newService();
    await handle(service, commands.interaction());
    const first = await handle(service, commands.scoreByHand(10), keyed);
    await handle(service, commands.scoreByHand(90));
    for (const repeating of [service, newService()]) {
      const repeated = await handle(repeating, commands.scoreByHand(10), keyed);
      expect(repeated).toMatchObject({ position: first.position });
      expect(findLead(repeated.before, leadId)?.qualification.score).toBeNull();
      expect(findLead(repeated.after, leadId)).toMatchObject({ version: 3, qualification: { score: 10 } });
    }
    expect((await storedTypes()).filter((type) => type === 'LeadScored')).toHaveLength(2);
  });

  it('returns what the log has when another process has executed the command at the same time', async () => {
    const services = [newService(), newService()];
    await handle(services[0]!, commands.interaction());
    // Both have the stream in their caches, so each appends the same events at the same version.
    for (const service of services) await service.readCached(contactDecider, stream);
    const results = [];
    for (const [index, service] of services.entries())
      results.push(
        await handle(service, commands.scoreByHand(10), { ...keyed, now: `2099-01-01T00:00:0${index}.000Z` }),
      );
    expect(results[1]!.versions).toEqual(results[0]!.versions);
    expect(results[1]!.after).toEqual(results[0]!.after);
    expect(findLead(results[1]!.after, leadId)).toMatchObject({ updatedAt: '2099-01-01T00:00:00.000Z' });
  });

  it('rejects another request under a used key, even if only the log has a record of it', async () => {
    await handle(newService(), commands.interaction(), keyed);
    const changed = handle(newService(), commands.changeStatus('lost'), { ...keyed, requestHash: 'another' });
    await expect(changed).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(await storedTypes()).toHaveLength(3);
  });

  it('executes another request under a used key on another stream, once the response has expired', async () => {
    const service = newService();
    await handle(service, commands.interaction(), keyed);
    const otherStream = contactStream('default', 'another');
    const command = commands.createLead({ contactKey: 'another', contactId: 'contact-2' });
    const result = await service.handle(
      contactDecider,
      otherStream,
      command,
      contextWith({ ...keyed, requestHash: 'another' }),
      () => undefined,
    );
    expect(result.events.map(({ type }) => type)).toStrictEqual(['ContactRegistered', 'LeadOpened']);
  });
});
