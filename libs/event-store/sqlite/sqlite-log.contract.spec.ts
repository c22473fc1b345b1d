import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { describeIdempotencyStore } from '../idempotency-store.contract.js';
import { describeEventStore } from '../event-store.contract.js';
import { SqliteLog } from './sqlite-log.js';

const folder = mkdtempSync(join(tmpdir(), 'leadstream-log-'));

describeEventStore('SQLite', async () => SqliteLog.open({ file: join(folder, 'events.db') }).events);

const beside = SqliteLog.open({ file: join(folder, 'answers.db') });
describeIdempotencyStore('SQLite', async () => beside.responses);

afterAll(async () => {
  await beside.close();
  rmSync(folder, { recursive: true });
});
