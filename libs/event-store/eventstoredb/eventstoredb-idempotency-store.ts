import { randomUUID } from 'node:crypto';
import { BACKWARDS, END, jsonEvent, NO_STREAM, type RecordedEvent as ServerEvent } from '@eventstore/db-client';
import type { IdempotencyStore, StoredResponse } from '../idempotency-store.js';
import { ResponseIndex } from './response-index.js';
import type { CallAttempt, EventStoreDbConnection } from './connection.js';
import { getActualVersion } from './failures.js';
import type { StreamNames } from './stream-names.js';

/** How many answers are forgotten at the same time: appends wait behind them. */
const atOnce = 16;

/** Kept answers: a stream of one event for each, deleted after its time. Which there are says an index by the hour. */
export class EventStoreDbIdempotencyStore implements IdempotencyStore {
  readonly #connection: EventStoreDbConnection;
  readonly #streams: StreamNames;
  readonly #index: ResponseIndex;

  constructor(connection: EventStoreDbConnection, streams: StreamNames) {
    this.#connection = connection;
    this.#streams = streams;
    this.#index = new ResponseIndex(connection, streams);
  }

  async find(commandId: string): Promise<StoredResponse | undefined> {
    return (await this.#connection.call((attempt) => this.#last(attempt, commandId)))?.kept;
  }

  async saveIfAbsent(commandId: string, { request, answer, keptAt }: StoredResponse): Promise<StoredResponse> {
    const time = timeOf(keptAt);
    const kept = JSON.parse(JSON.stringify({ request, answer, keptAt })) as StoredResponse;
    // First, so that a crash in between leaves no answer that is never forgotten.
    await this.#index.add(commandId, time);
    // An id of this call's own: with one that its rivals share, the server would tell each of them that theirs was kept.
    const event = jsonEvent({ id: randomUUID(), type: 'AnswerKept', data: { ...kept } });
    return this.#connection.call(async (attempt) => {
      const { client, timeoutMs } = attempt;
      for (;;) {
        try {
          const options = { expectedRevision: NO_STREAM, deadline: timeoutMs, requiresLeader: true } as const;
          await client.appendToStream(this.#nameOf(commandId), event, options);
          return kept;
        } catch (error) {
          if (getActualVersion(error) === undefined) throw error;
          const other = await this.#last(attempt, commandId);
          // None: it was forgotten in between.
          if (other) return other.kept;
        }
      }
    });
  }

  async deleteBefore(time: string): Promise<number> {
    const before = timeOf(time);
    let forgotten = 0;
    for await (const commandIds of this.#index.commandIdsBefore(before)) {
      for (let from = 0; from < commandIds.length; from += atOnce) {
        const some = commandIds.slice(from, from + atOnce);
        const done = await Promise.all(some.map((commandId) => this.#forget(commandId, before)));
        forgotten += done.filter(Boolean).length;
      }
    }
    return forgotten;
  }

  /** False: there is none, or a younger one, or somebody else was quicker. */
  #forget(commandId: string, before: number): Promise<boolean> {
    return this.#connection.call(async (attempt) => {
      const { client, timeoutMs } = attempt;
      const last = await this.#last(attempt, commandId);
      if (!last || timeOf(last.kept.keptAt) >= before) return false;
      try {
        const options = { expectedRevision: last.revision, deadline: timeoutMs, requiresLeader: true };
        await client.deleteStream(this.#nameOf(commandId), options);
        return true;
      } catch (error) {
        if (getActualVersion(error) === undefined) throw error;
        return false;
      }
    });
  }

  /** The last event: one that was forgotten before it may still lie in the stream. */
  async #last({ client, collect }: CallAttempt, commandId: string): Promise<KeptEvent | undefined> {
    const options = { direction: BACKWARDS, fromRevision: END, maxCount: 1, requiresLeader: true } as const;
    const [found] = await collect(client.readStream(this.#nameOf(commandId), options));
    return found?.event && { kept: found.event.data as unknown as StoredResponse, revision: found.event.revision };
  }

  #nameOf(commandId: string): string {
    return this.#streams.toInternalName(`answer-${commandId}`);
  }
}

interface KeptEvent {
  readonly kept: StoredResponse;
  readonly revision: ServerEvent['revision'];
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new RangeError(`${text} is not a time`);
  return time;
}
