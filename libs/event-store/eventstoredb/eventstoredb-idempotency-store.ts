import { randomUUID } from 'node:crypto';
import { BACKWARDS, END, jsonEvent, NO_STREAM, type RecordedEvent as ServerEvent } from '@eventstore/db-client';
import { type IdempotencyStore, type StoredResponse, parseTime } from '../idempotency-store.js';
import { ResponseIndex } from './response-index.js';
import type { CallAttempt, EventStoreDbConnection } from './connection.js';
import { getActualVersion } from './failures.js';
import type { StreamNames } from './stream-names.js';

/** Appends wait while responses are deleted, so only a few are deleted at the same time. */
const maxConcurrentDeletes = 16;

/** Each response is a stream of one event, deleted after its retention time. An index lists the responses by hour. */
export class EventStoreDbIdempotencyStore implements IdempotencyStore {
  private readonly index: ResponseIndex;

  constructor(
    private readonly connection: EventStoreDbConnection,
    private readonly streams: StreamNames,
  ) {
    this.index = new ResponseIndex(connection, streams);
  }

  async find(commandId: string): Promise<StoredResponse | undefined> {
    return (await this.connection.call((attempt) => this.readLast(attempt, commandId)))?.response;
  }

  async saveIfAbsent(commandId: string, { request, answer, keptAt }: StoredResponse): Promise<StoredResponse> {
    const time = parseTime(keptAt);
    const response = JSON.parse(JSON.stringify({ request, answer, keptAt })) as StoredResponse;
    // The index comes first, so that a crash in between leaves no response that is never deleted.
    await this.index.add(commandId, time);
    // A random id. With an id that concurrent calls share, the server would report success to each of them.
    const event = jsonEvent({ id: randomUUID(), type: 'AnswerKept', data: { ...response } });
    return this.connection.call(async (attempt) => {
      const { client, timeoutMs } = attempt;
      for (;;) {
        try {
          const options = { expectedRevision: NO_STREAM, deadline: timeoutMs, requiresLeader: true } as const;
          await client.appendToStream(this.streamOf(commandId), event, options);
          return response;
        } catch (error) {
          if (getActualVersion(error) === undefined) throw error;
          const stored = await this.readLast(attempt, commandId);
          if (stored) return stored.response;
          // It was deleted in between: append again.
        }
      }
    });
  }

  async deleteBefore(time: string): Promise<number> {
    const before = parseTime(time);
    let total = 0;
    for await (const commandIds of this.index.commandIdsBefore(before)) {
      for (let start = 0; start < commandIds.length; start += maxConcurrentDeletes) {
        const group = commandIds.slice(start, start + maxConcurrentDeletes);
        const deleted = await Promise.all(group.map((commandId) => this.deleteIfBefore(commandId, before)));
        total += deleted.filter(Boolean).length;
      }
    }
    return total;
  }

  /** Returns false if there is no response, or a newer one, or if another process has deleted it. */
  private deleteIfBefore(commandId: string, before: number): Promise<boolean> {
    return this.connection.call(async (attempt) => {
      const { client, timeoutMs } = attempt;
      const stored = await this.readLast(attempt, commandId);
      if (!stored || parseTime(stored.response.keptAt) >= before) return false;
      try {
        const options = { expectedRevision: stored.revision, deadline: timeoutMs, requiresLeader: true };
        await client.deleteStream(this.streamOf(commandId), options);
        return true;
      } catch (error) {
        if (getActualVersion(error) === undefined) throw error;
        return false;
      }
    });
  }

  /** The last event of the stream: one that was deleted before may still be in front of it. */
  private async readLast({ client, collect }: CallAttempt, commandId: string): Promise<ResponseEvent | undefined> {
    const options = { direction: BACKWARDS, fromRevision: END, maxCount: 1, requiresLeader: true } as const;
    const [last] = await collect(client.readStream(this.streamOf(commandId), options));
    return last?.event && { response: last.event.data as unknown as StoredResponse, revision: last.event.revision };
  }

  private streamOf(commandId: string): string {
    return this.streams.toInternalName(`answer-${commandId}`);
  }
}

interface ResponseEvent {
  readonly response: StoredResponse;
  readonly revision: ServerEvent['revision'];
}
