import { randomUUID } from 'node:crypto';
import { jsonEvent, NO_STREAM } from '@eventstore/db-client';
import type { IdempotencyStore } from '../idempotency-store.js';
import type { EventStore } from '../event-store.js';
import { parseLogUrl } from './client.js';
import { EventStoreDbConnection } from './connection.js';
import { EventStoreDbIdempotencyStore } from './eventstoredb-idempotency-store.js';
import { EventStoreDbEventStore } from './eventstoredb-event-store.js';
import { getActualVersion } from './failures.js';
import { newLogId, EventStoreDbPositionCodec } from './position-codec.js';
import { StreamNames } from './stream-names.js';

/** An EventStoreDB with the log and the kept answers. What is acknowledged is on disk, in a cluster on most of its nodes. */
export class EventStoreDbLog {
  private constructor(
    readonly events: EventStore,
    readonly responses: IdempotencyStore,
  ) {}

  /**
   * Finds the log, or begins it.
   * @param url as `addressIn` says
   * @throws TypeError for a URL that can't be used, Unavailable
   */
  static async open(url: string): Promise<EventStoreDbLog> {
    const address = parseLogUrl(url);
    const connection = new EventStoreDbConnection(address);
    const streams = new StreamNames(address.logName);
    try {
      const { logId, place } = await beginningIn(connection, streams);
      return new EventStoreDbLog(
        new EventStoreDbEventStore(connection, streams, new EventStoreDbPositionCodec(logId), place),
        new EventStoreDbIdempotencyStore(connection, streams),
      );
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Waits for the calls under way, then ends the rest; `events.close()` is the same. Afterwards all calls reject with `Unavailable`. */
  close(): Promise<void> {
    return this.events.close();
  }
}

/** What the log is called, and the place behind which all of it lies. */
interface Beginning {
  readonly logId: string;
  readonly place: bigint;
}

/** The first of many that open a new log at once gives it its name. */
async function beginningIn(connection: EventStoreDbConnection, streams: StreamNames): Promise<Beginning> {
  const name = streams.toInternalName('leadstream-log');
  const begun = jsonEvent({ id: randomUUID(), type: 'LogBegun', data: { logId: newLogId() } });
  return connection.call(async ({ client, timeoutMs, collect }) => {
    const read = async (): Promise<Beginning | undefined> => {
      const [first] = await collect(client.readStream(name, { maxCount: 1, requiresLeader: true }));
      if (!first?.event) return undefined;
      const { data, position } = first.event;
      return { logId: (data as unknown as { logId: string }).logId, place: position!.commit };
    };
    const known = await read();
    if (known) return known;
    try {
      await client.appendToStream(name, begun, {
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
