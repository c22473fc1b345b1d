import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { describe, expect, it, jest } from '@jest/globals';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { sleep } from '#timing/sleep';
import { EventStoreDbLog } from './eventstoredb-log.js';
import { IncompatibleClient, patchClient, patchedVersion } from './patched-client.js';

const connect = (): EventStoreDBClient => EventStoreDBClient.connectionString('esdb://127.0.0.1:1?tls=false');

const messageAbout = (member: string): string =>
  `the private member "${member}" of the installed @eventstore/db-client differs from version 6.2.1, ` +
  'which Leadstream patches; run "npm ci" to install that version';

describe('patching @eventstore/db-client', () => {
  it('the installed EventStoreDB client can be patched', () => {
    expect(() => patchClient(connect())).not.toThrow();
  });

  describe.each([
    ['supports', (_method: unknown, _feature: unknown) => undefined],
    ['handleError', (_stub: unknown, _error: unknown) => undefined],
    ['execute', (_stubClass: unknown, _debugName: unknown, _call: unknown) => undefined],
    ['getChannel', () => undefined],
  ])('the private member %s', (member, sameShape) => {
    const clientWith = (value: unknown): EventStoreDBClient => Object.assign(connect(), { [member]: value });

    it(`rejects a client without ${member}, and says in one sentence what to do`, () => {
      const client = connect();
      Reflect.deleteProperty(client, member);
      expect(() => patchClient(client)).toThrow(new IncompatibleClient(member));
      expect(() => patchClient(client)).toThrow(messageAbout(member));
    });

    it(`rejects a client whose ${member} is not a function`, () => {
      expect(() => patchClient(clientWith({}))).toThrow(messageAbout(member));
    });

    it(`rejects a client whose ${member} has another number of parameters`, () => {
      expect(() => patchClient(clientWith((_a: 1, _b: 2, _c: 3, _d: 4) => undefined))).toThrow(messageAbout(member));
      expect(() => patchClient(clientWith(sameShape))).not.toThrow();
    });

    it(`rejects a client whose ${member} is a method of the class, not bound to the client`, () => {
      const client = connect();
      Reflect.deleteProperty(client, member);
      Object.setPrototypeOf(
        client,
        Object.create(EventStoreDBClient.prototype, { [member]: { value: sameShape } }) as object,
      );
      expect(() => patchClient(client)).toThrow(messageAbout(member));
    });
  });

  it('a log does not open with a client that cannot be patched, and sends nothing to the server', async () => {
    const server = await FakeEventStoreDbServer.start();
    const client = connect();
    Reflect.deleteProperty(client, 'execute');
    const connectionString = jest.spyOn(EventStoreDBClient, 'connectionString').mockReturnValue(client);
    try {
      await expect(EventStoreDbLog.open(server.url)).rejects.toThrow(new IncompatibleClient('execute'));
      expect(server.appendCount).toBe(0);
    } finally {
      connectionString.mockRestore();
      server.stop();
    }
  });

  it('the version of the client that the patch supports is the one that package.json pins and that is installed', () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const installed = createRequire(import.meta.url)('@eventstore/db-client/package.json') as { version: string };
    expect([manifest.dependencies['@eventstore/db-client'], installed.version]).toEqual([
      patchedVersion,
      patchedVersion,
    ]);
  });
});

describe('a patched client', () => {
  interface PrivateMembers {
    handleError(stub: object, error: object): Promise<void>;
    getChannel(): Promise<{ close(): void }>;
  }
  const privateMembersOf = (client: EventStoreDBClient): PrivateMembers => client as unknown as PrivateMembers;

  /** Lets the client handle a failed call while its next channel cannot connect. */
  async function handleErrorWithoutServer(client: EventStoreDBClient): Promise<void> {
    const members = privateMembersOf(client);
    const connecting = members.getChannel().catch(() => undefined);
    const unavailable = { code: 14, message: 'gone' };
    await members.handleError({ getChannel: () => ({}) }, unavailable);
    await connecting;
  }
  const connectToNoServer = (): EventStoreDBClient =>
    EventStoreDBClient.connectionString('esdb://127.0.0.1:1,127.0.0.1:2?tls=false&maxDiscoverAttempts=1');

  it('a patched client handles an error while the next channel cannot connect, unlike an unpatched one', async () => {
    await expect(handleErrorWithoutServer(connectToNoServer())).rejects.toThrow('Failed to discover');
    const client = connectToNoServer();
    patchClient(client);
    await expect(handleErrorWithoutServer(client)).resolves.toBeUndefined();
  });

  it('a patched client rejects an append over a closed channel, instead of leaving it pending', async () => {
    const server = await FakeEventStoreDbServer.start();
    const client = EventStoreDBClient.connectionString(server.url);
    patchClient(client);
    const append = () => client.appendToStream('agent-demo-1', jsonEvent({ type: 'Tested', data: {} }));
    try {
      await append();
      (await privateMembersOf(client).getChannel()).close();
      const outcome = append().catch((error: unknown) => error);
      const timeout = new AbortController();
      const firstOutcome = await Promise.race([outcome, sleep(5_000, timeout.signal)]);
      timeout.abort();
      expect(firstOutcome).toMatchObject({ message: 'Channel has been shut down' });
    } finally {
      server.stop();
    }
  });
});
