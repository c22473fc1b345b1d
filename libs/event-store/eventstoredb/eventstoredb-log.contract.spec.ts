import { afterAll } from '@jest/globals';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { describeIdempotencyStore } from '../idempotency-store.contract.js';
import { describeEventStore } from '../event-store.contract.js';
import { describeKeyFingerprintStore } from '../key-fingerprint-store.contract.js';
import { EventStoreDbLog } from './eventstoredb-log.js';

const fake = await FakeEventStoreDbServer.start();
const openLogs: EventStoreDbLog[] = [];
afterAll(async () => {
  await Promise.all(openLogs.map((log) => log.close()));
  fake.stop();
});

/** A new log each time, because the contract leaves an event in it at which every follower stops. */
const newLogUrl = (url: string): string => `${url}#${crypto.randomUUID().replaceAll('-', '')}`;

async function open(url: string): Promise<EventStoreDbLog> {
  const log = await EventStoreDbLog.open(url);
  openLogs.push(log);
  return log;
}

function describeLog(name: string, url: string): void {
  const [eventsUrl, responsesUrl, fingerprintUrl] = [newLogUrl(url), newLogUrl(url), newLogUrl(url)];
  describeEventStore(name, async () => (await open(eventsUrl)).events);
  describeIdempotencyStore(name, async () => (await open(responsesUrl)).responses);
  describeKeyFingerprintStore(name, () => open(fingerprintUrl));
}

describeLog('EventStoreDB (fake)', fake.url);
const realUrl = process.env['TEST_ESDB_URL'];
if (realUrl) describeLog('EventStoreDB', realUrl);
