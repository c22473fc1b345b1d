import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { describeIdempotencyStore } from '../idempotency-store.contract.js';
import { describeEventStore } from '../event-store.contract.js';
import { describeKeyFingerprintStore } from '../key-fingerprint-store.contract.js';
import { SqliteLog } from './sqlite-log.js';

const folder = mkdtempSync(join(tmpdir(), 'leadstream-log-'));

describeEventStore('SQLite', async () => SqliteLog.open({ file: join(folder, 'events.db') }).events);

const responsesLog = SqliteLog.open({ file: join(folder, 'answers.db') });
describeIdempotencyStore('SQLite', async () => responsesLog.responses);

describeKeyFingerprintStore('SQLite', async () => SqliteLog.open({ file: join(folder, 'fingerprint.db') }));

afterAll(async () => {
  await responsesLog.close();
  rmSync(folder, { recursive: true });
});
