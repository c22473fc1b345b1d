import { randomUUID } from 'node:crypto';
import { BACKWARDS, END, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import type { KeyFingerprintStore } from '../key-fingerprint-store.js';
import type { CallAttempt, EventStoreDbConnection } from './connection.js';
import { getActualVersion } from './failures.js';
import type { StreamNames } from './stream-names.js';

/** The fingerprint is the only event of a stream of its own. */
export class EventStoreDbKeyFingerprintStore implements KeyFingerprintStore {
  private readonly stream: string;

  constructor(
    private readonly connection: EventStoreDbConnection,
    streams: StreamNames,
  ) {
    this.stream = streams.toInternalName('leadstream-key');
  }

  find(): Promise<string | undefined> {
    return this.connection.call((attempt) => this.read(attempt));
  }

  saveIfAbsent(fingerprint: string): Promise<string> {
    // A random id. With an id that concurrent calls share, the server would report success to each of them.
    const event = jsonEvent({ id: randomUUID(), type: 'KeyFingerprintStored', data: { fingerprint } });
    return this.connection.call(async (attempt) => {
      try {
        const options = { expectedRevision: NO_STREAM, deadline: attempt.timeoutMs, requiresLeader: true } as const;
        await attempt.client.appendToStream(this.stream, event, options);
      } catch (error) {
        if (getActualVersion(error) === undefined) throw error;
      }
      return (await this.read(attempt))!;
    });
  }

  private async read({ client, collect }: CallAttempt): Promise<string | undefined> {
    const options = { direction: BACKWARDS, fromRevision: END, maxCount: 1, requiresLeader: true } as const;
    const [last] = await collect(client.readStream(this.stream, options));
    return (last?.event?.data as { fingerprint?: string } | undefined)?.fingerprint;
  }
}
