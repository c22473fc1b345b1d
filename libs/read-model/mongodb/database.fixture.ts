import { randomUUID } from 'node:crypto';
import { type Document, MongoClient } from 'mongodb';

/** A server to test against besides the one played in this process. */
export const externalServerUrl = process.env['TEST_MONGODB_URL'];

/** Whether a server can hold a moment, for exports: one that stands alone, without a replica set, can't. */
export async function supportsSnapshots(server: string): Promise<boolean> {
  const client = new MongoClient(server);
  try {
    const { setName, msg } = await client
      .db('admin')
      .command({ hello: 1 })
      .catch((): Document => ({}));
    return setName !== undefined || msg === 'isdbgrid';
  } finally {
    await client.close();
  }
}

/** An empty database on a server, with its URL. */
export async function createTestDatabase(server: string) {
  const client = new MongoClient(server);
  const database = client.db(`test-${randomUUID()}`);
  const [, start, rest = ''] = /^([^/]+\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(server)!;
  return {
    database,
    url: `${start}/${database.databaseName}${rest}`,
    remove: async () => {
      await database.dropDatabase();
      await client.close();
    },
  };
}
