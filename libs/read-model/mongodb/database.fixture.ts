import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';

/** A server to test against besides the one played in this process. */
export const realServer = process.env['TEST_MONGODB_URL'];

/** An empty database on a server, with its URL. */
export async function freshDatabase(server: string) {
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
