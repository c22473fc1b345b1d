import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { describe, expect, it, jest } from '@jest/globals';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { EventStoreDbLog } from './eventstoredb-log.js';
import { IncompatibleClient, patchClient, patchedVersion } from './patched-client.js';

const connect = (): EventStoreDBClient => EventStoreDBClient.connectionString('esdb://127.0.0.1:1?tls=false');

const messageAbout = (member: string): string =>
  `the private member "${member}" of the installed @eventstore/db-client differs from version 6.2.1, ` +
  'which Leadstream patches; run "npm ci" to install that version';

describe('patching @eventstore/db-client', () => {
  it('patches the installed client', () => {
    expect(() => patchClient(connect())).not.toThrow();
  });

  describe.each([
    ['supports', (_method: unknown, _feature: unknown) => undefined],
    ['handleError', (_stub: unknown, _error: unknown) => undefined],
    ['execute', (_stubClass: unknown, _debugName: unknown, _call: unknown) => undefined],
    ['getChannel', () => undefined],
  ])('the private member %s', (member, sameShape) => {
    const clientWith = (value: unknown): EventStoreDBClient => Object.assign(connect(), { [member]: value });

    it(`refuses to patch a client without ${member}, in one sentence that says what to do`, () => {
      const client = connect();
      Reflect.deleteProperty(client, member);
      expect(() => patchClient(client)).toThrow(new IncompatibleClient(member));
      expect(() => patchClient(client)).toThrow(messageAbout(member));
    });

    it(`refuses to patch a client whose ${member} is not a function`, () => {
      expect(() => patchClient(clientWith({}))).toThrow(messageAbout(member));
    });

    it(`refuses to patch a client whose ${member} has another number of parameters`, () => {
      expect(() => patchClient(clientWith((_a: 1, _b: 2, _c: 3, _d: 4) => undefined))).toThrow(messageAbout(member));
      expect(() => patchClient(clientWith(sameShape))).not.toThrow();
    });

    it(`refuses to patch a client whose ${member} is a method of the class, not bound to the client`, () => {
      const client = connect();
      Reflect.deleteProperty(client, member);
      Object.setPrototypeOf(
        client,
        Object.create(EventStoreDBClient.prototype, { [member]: { value: sameShape } }) as object,
      );
      expect(() => patchClient(client)).toThrow(messageAbout(member));
    });
  });

  it('a log does not open with a client that cannot be patched, and nothing is sent to the server', async () => {
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

  it('the patched version of the client is the one that package.json pins and that is installed', () => {
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
