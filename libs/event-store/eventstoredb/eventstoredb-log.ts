import { randomUUID } from 'node:crypto';
import { jsonEvent, NO_STREAM } from '@eventstore/db-client';
import type { AnswerStore } from '../answer-store.js';
import type { EventStore } from '../event-store.js';
import { addressIn } from './client.js';
import { Connection } from './connection.js';
import { EventStoreDbAnswerStore } from './eventstoredb-answer-store.js';
import { EventStoreDbEventStore } from './eventstoredb-event-store.js';
import { versionInstead } from './failures.js';
import { newLogId, Positions } from './positions.js';
import { Streams } from './streams.js';

/** An EventStoreDB with the log and the kept answers. What is acknowledged is on disk, in a cluster on most of its nodes. */
export class EventStoreDbLog {
  private constructor(
    readonly events: EventStore,
    readonly answers: AnswerStore,
  ) {}

  /**
   * Finds the log, or begins it.
   * @param url as `addressIn` says
   * @throws TypeError for a URL that can't be used, Unavailable
   */
  static async open(url: string): Promise<EventStoreDbLog> {
    const address = addressIn(url);
    const connection = new Connection(address);
    const streams = new Streams(address.logName);
    try {
      const { logId, place } = await beginningIn(connection, streams);
      return new EventStoreDbLog(
        new EventStoreDbEventStore(connection, streams, new Positions(logId), place),
        new EventStoreDbAnswerStore(connection, streams),
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
async function beginningIn(connection: Connection, streams: Streams): Promise<Beginning> {
  const name = streams.besideNameOf('leadstream-log');
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
      if (versionInstead(error) === undefined) throw error;
    }
    return (await read())!;
  });
}
