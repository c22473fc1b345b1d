import { randomUUID } from 'node:crypto';
import { jsonEvent, NO_STREAM } from '@eventstore/db-client';
import type { IdempotencyStore } from '../idempotency-store.js';
import type { EventStore } from '../event-store.js';
import type { KeyFingerprintStore } from '../key-fingerprint-store.js';
import { newLogId } from '../log-id.js';
import { parseLogUrl } from './client.js';
import { EventStoreDbConnection } from './connection.js';
import { EventStoreDbIdempotencyStore } from './eventstoredb-idempotency-store.js';
import { EventStoreDbEventStore } from './eventstoredb-event-store.js';
import { EventStoreDbKeyFingerprintStore } from './eventstoredb-key-fingerprint-store.js';
import { getActualVersion } from './failures.js';
import { EventStoreDbPositionCodec } from './position-codec.js';
import { StreamNames } from './stream-names.js';

/** An EventStoreDB with the log and the stored responses. Acknowledged writes are on disk; in a cluster, on most of its nodes. */
export class EventStoreDbLog {
  private constructor(
    readonly events: EventStore,
    readonly responses: IdempotencyStore,
    readonly keyFingerprint: KeyFingerprintStore,
  ) {}

  /**
   * Opens the log, or creates it.
   * @param url See `parseLogUrl`.
   * @throws TypeError if the URL cannot be used.
   * @throws IncompatibleClient if another version of the client is installed.
   * @throws Unavailable
   */
  static async open(url: string): Promise<EventStoreDbLog> {
    const address = parseLogUrl(url);
    const connection = new EventStoreDbConnection(address);
    const streams = new StreamNames(address.logName);
    try {
      const { logId, commit } = await readOrCreateFirstEvent(connection, streams);
      return new EventStoreDbLog(
        new EventStoreDbEventStore(connection, streams, new EventStoreDbPositionCodec(logId), commit),
        new EventStoreDbIdempotencyStore(connection, streams),
        new EventStoreDbKeyFingerprintStore(connection, streams),
      );
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Waits for the calls in flight, then ends the rest. Afterwards every call rejects with `Unavailable`. The same as `events.close()`. */
  close(): Promise<void> {
    return this.events.close();
  }
}

/** The event that begins a log. All of the log lies after its commit position. */
interface FirstEvent {
  readonly logId: string;
  readonly commit: bigint;
}

/** Of several processes that open a new log at the same time, the first one sets the log's id. */
async function readOrCreateFirstEvent(connection: EventStoreDbConnection, streams: StreamNames): Promise<FirstEvent> {
  const name = streams.toInternalName('leadstream-log');
  const newEvent = jsonEvent({ id: randomUUID(), type: 'LogBegun', data: { logId: newLogId() } });
  return connection.call(async ({ client, timeoutMs, collect }) => {
    const read = async (): Promise<FirstEvent | undefined> => {
      const [first] = await collect(client.readStream(name, { maxCount: 1, requiresLeader: true }));
      if (!first?.event) return undefined;
      const { data, position } = first.event;
      return { logId: (data as unknown as { logId: string }).logId, commit: position!.commit };
    };
    const existing = await read();
    if (existing) return existing;
    try {
      await client.appendToStream(name, newEvent, {
        expectedRevision: NO_STREAM,
        deadline: timeoutMs,
        requiresLeader: true,
      });
    } catch (error) {
      if (getActualVersion(error) === undefined) throw error;
    }
    return (await read())!;
  });
}
