import { viewStoreContract } from '../view-store.contract.js';
import { MongodbServer } from '#test/support/mongodb-server';
import { MongodbViewStore } from './mongodb.view-store.js';
import { freshDatabase, realServer } from './database.fixture.js';

/** Rows are written before their checkpoint, and seen as they are written. */
const meaning = { wholeBatches: false };

viewStoreContract(
  'MongoDB, played in this process',
  async () => {
    const server = await MongodbServer.start();
    return { open: async () => new MongodbViewStore(server.url()), remove: () => server.stop() };
  },
  meaning,
);

if (realServer)
  viewStoreContract(
    'MongoDB at TEST_MONGODB_URL',
    async () => {
      const { url, remove } = await freshDatabase(realServer!);
      return { open: async () => new MongodbViewStore(url), remove };
    },
    meaning,
  );
