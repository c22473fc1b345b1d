import { describe, expect, it } from '@jest/globals';
import { leaseContract } from '../lease.contract.js';
import { rebuildContract } from '../rebuild.contract.js';
import { type TestStorage, viewStoreContract } from '../view-store.contract.js';
import { viewSnapshotContract } from '../view-snapshot.contract.js';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { MongodbViewStore } from './mongodb.view-store.js';
import { createTestDatabase, supportsSnapshots, externalServerUrl } from './database.fixture.js';

/** Rows become visible before the checkpoint is moved. */
const options = { hasAtomicBatches: false };

const createFakeStorage = async (): Promise<TestStorage> => {
  const server = await FakeMongodbServer.start();
  return { open: async () => new MongodbViewStore(server.url()), remove: () => server.stop() };
};
const createRealStorage = async (): Promise<TestStorage> => {
  const { url, remove } = await createTestDatabase(externalServerUrl!);
  return { open: async () => new MongodbViewStore(url), remove };
};

for (const contract of [viewStoreContract, rebuildContract, leaseContract, viewSnapshotContract])
  contract('MongoDB, faked in this process', createFakeStorage, options);

if (externalServerUrl) {
  const adapter = 'MongoDB at TEST_MONGODB_URL';
  for (const contract of [viewStoreContract, rebuildContract, leaseContract])
    contract(adapter, createRealStorage, options);
  if (await supportsSnapshots(externalServerUrl)) viewSnapshotContract(adapter, createRealStorage);
  else
    describe.skip(`${adapter}, a standalone server,`, () =>
      it('a standalone MongoDB server supports no snapshots', () => undefined));
}

it.each([
  ['is standalone', () => undefined],
  ['does not know the command `hello`', (server: FakeMongodbServer) => server.injectFault('hello', { errorCode: 59 })],
])('a snapshot is rejected, with the reason, if the MongoDB server %s', async (_, prepare) => {
  const server = await FakeMongodbServer.start({ replicaSet: false });
  const store = new MongodbViewStore(server.url());
  const reader = await store.openForReading({ name: 'any', version: 1, tables: {} });
  await reader.state();
  prepare(server);
  await expect(reader.snapshot()).rejects.toThrow(/require a replica set/);
  await store.close();
  await server.stop();
});
