import { describe, expect, it } from '@jest/globals';
import { leaseContract } from '../lease.contract.js';
import { rebuildContract } from '../rebuild.contract.js';
import { type TestStorage, viewStoreContract } from '../view-store.contract.js';
import { viewSnapshotContract } from '../view-snapshot.contract.js';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { MongodbViewStore } from './mongodb.view-store.js';
import { createTestDatabase, supportsSnapshots, externalServerUrl } from './database.fixture.js';

/** Rows are written before their checkpoint, and seen as they are written. */
const meaning = { hasAtomicBatches: false };

const played = async (): Promise<TestStorage> => {
  const server = await FakeMongodbServer.start();
  return { open: async () => new MongodbViewStore(server.url()), remove: () => server.stop() };
};
const real = async (): Promise<TestStorage> => {
  const { url, remove } = await createTestDatabase(externalServerUrl!);
  return { open: async () => new MongodbViewStore(url), remove };
};

for (const contract of [viewStoreContract, rebuildContract, leaseContract, viewSnapshotContract])
  contract('MongoDB, played in this process', played, meaning);

if (externalServerUrl) {
  const there = 'MongoDB at TEST_MONGODB_URL';
  for (const contract of [viewStoreContract, rebuildContract, leaseContract]) contract(there, real, meaning);
  if (await supportsSnapshots(externalServerUrl)) viewSnapshotContract(there, real);
  else describe.skip(`${there}, which is no replica set`, () => it('holds no snapshots', () => undefined));
}

it.each([
  ['that is no replica set', () => undefined],
  ['that is older than such a question', (server: FakeMongodbServer) => server.injectFault('hello', { errorCode: 59 })],
])('A server %s can hold no snapshot, and says so', async (_, old) => {
  const server = await FakeMongodbServer.start({ replicaSet: false });
  const store = new MongodbViewStore(server.url());
  const reader = await store.openForReading({ name: 'any', version: 1, tables: {} });
  await reader.state();
  old(server);
  await expect(reader.snapshot()).rejects.toThrow(/require a replica set/);
  await store.close();
  await server.stop();
});
