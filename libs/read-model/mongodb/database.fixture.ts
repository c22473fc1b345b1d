import { randomUUID } from 'node:crypto';
import { type Document, MongoClient } from 'mongodb';

/** The URL of a server to test against in addition to the in-process fake. */
export const externalServerUrl = process.env['TEST_MONGODB_URL'];

/** A standalone server does not support snapshots; a replica set or sharded cluster does. */
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

/** Creates an empty database. */
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
