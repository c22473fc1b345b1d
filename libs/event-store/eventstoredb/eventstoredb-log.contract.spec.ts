import { afterAll } from '@jest/globals';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { describeIdempotencyStore } from '../idempotency-store.contract.js';
import { describeEventStore } from '../event-store.contract.js';
import { EventStoreDbLog } from './eventstoredb-log.js';

const fake = await FakeEventStoreDbServer.start();
const opened: EventStoreDbLog[] = [];
afterAll(async () => {
  await Promise.all(opened.map((log) => log.close()));
  fake.stop();
});

/** A log of its own each time: the contract leaves in it what no follower gets over. */
const newLog = (url: string): string => `${url}#${crypto.randomUUID().replaceAll('-', '')}`;

async function open(url: string): Promise<EventStoreDbLog> {
  const log = await EventStoreDbLog.open(url);
  opened.push(log);
  return log;
}

function describeLog(name: string, url: string): void {
  const [one, other] = [newLog(url), newLog(url)];
  describeEventStore(name, async () => (await open(one)).events);
  describeIdempotencyStore(name, async () => (await open(other)).responses);
}

describeLog('EventStoreDB (in this process)', fake.url);
const real = process.env['TEST_ESDB_URL'];
if (real) describeLog('EventStoreDB', real);
