import { randomUUID } from 'node:crypto';
import { ANY, jsonEvent } from '@eventstore/db-client';
import type { EventStoreDbConnection } from './connection.js';
import { getActualVersion } from './failures.js';
import type { StreamNames } from './stream-names.js';

const hourMs = 3_600_000;
const pageSize = 500;

interface Entry {
  readonly commandId: string;
  /** Milliseconds since 1970. */
  readonly keptAt: number;
}
interface Hour {
  readonly hour: string;
}

/**
 * Which answers were kept when: one stream for each hour, named after it, and one that lists the hours. An entry may be there twice,
 * or without its answer; an answer is never without its entry.
 */
export class ResponseIndex {
  readonly #connection: EventStoreDbConnection;
  readonly #streams: StreamNames;
  readonly #listed = new Set<string>();
  /** Entries that wait while those before them are written, by hour: one append for all of them. */
  readonly #waiting = new Map<string, { entries: Entry[]; written: Promise<void> }>();
  readonly #writing = new Map<string, Promise<void>>();

  constructor(connection: EventStoreDbConnection, streams: StreamNames) {
    this.#connection = connection;
    this.#streams = streams;
  }

  add(commandId: string, keptAt: number): Promise<void> {
    const hour = hourOf(keptAt);
    let next = this.#waiting.get(hour);
    if (!next) {
      const entries: Entry[] = [];
      next = { entries, written: this.#write(hour, entries) };
      this.#waiting.set(hour, next);
    }
    next.entries.push({ commandId, keptAt });
    return next.written;
  }

  async #write(hour: string, entries: Entry[]): Promise<void> {
    await this.#writing.get(hour)?.catch(() => undefined);
    const writing = this.#writeNow(hour, entries);
    this.#writing.set(hour, writing);
    try {
      await writing;
    } finally {
      if (this.#writing.get(hour) === writing) this.#writing.delete(hour);
    }
  }

  async #writeNow(hour: string, entries: Entry[]): Promise<void> {
    try {
      if (!this.#listed.has(hour)) await this.#append(this.#listName, [{ hour }]);
      this.#listed.add(hour);
    } finally {
      // From here on others wait for the next append.
      this.#waiting.delete(hour);
    }
    await this.#append(this.#nameOf(hour), entries);
  }

  /** The commands whose answers were kept before a time, in pages. What is over is forgotten behind them. */
  async *commandIdsBefore(time: number): AsyncGenerator<string[]> {
    const listed: { hour: string; revision: bigint }[] = [];
    for await (const page of this.#pages<Hour>(this.#listName))
      for (const { data, revision } of page) listed.push({ hour: data.hour, revision });
    for (const hour of new Set(listed.map((it) => it.hour))) {
      if (Date.parse(hour) >= time) continue;
      let last: bigint | undefined;
      for await (const page of this.#pages<Entry>(this.#nameOf(hour))) {
        yield page.flatMap(({ data: { commandId, keptAt } }) => (keptAt < time ? [commandId] : []));
        last = page.at(-1)!.revision;
      }
      if (isOver(hour, time) && last !== undefined) await this.#delete(hour, last);
    }
    // Hours are listed about as they come: what is over lies in front.
    const open = listed.find(({ hour }) => !isOver(hour, time));
    if (listed.length > 0) await this.#truncate(open?.revision ?? listed.at(-1)!.revision + 1n, listed[0]!.revision);
  }

  async *#pages<Data>(name: string): AsyncGenerator<{ data: Data; revision: bigint }[]> {
    for (let from = 0n; ;) {
      const page = await this.#page<Data>(name, from);
      if (page.length === 0) return;
      yield page;
      from = page.at(-1)!.revision + 1n;
    }
  }

  async #page<Data>(name: string, fromRevision: bigint): Promise<{ data: Data; revision: bigint }[]> {
    const options = { fromRevision, maxCount: pageSize, requiresLeader: true };
    const found = await this.#connection.call(({ client, collect }) => collect(client.readStream(name, options)));
    return found.flatMap(({ event }) =>
      event ? [{ data: event.data as unknown as Data, revision: event.revision }] : [],
    );
  }

  /** Unless an entry has come meanwhile. */
  async #delete(hour: string, last: bigint): Promise<void> {
    this.#listed.delete(hour);
    await this.#connection
      .call(({ client, timeoutMs: deadline }) =>
        client.deleteStream(this.#nameOf(hour), { expectedRevision: last, deadline, requiresLeader: true }),
      )
      .catch((error: unknown) => {
        if (getActualVersion(error) === undefined) throw error;
      });
  }

  async #truncate(before: bigint, first: bigint): Promise<void> {
    if (before === first) return;
    await this.#connection.call(({ client, timeoutMs: deadline }) =>
      client.setStreamMetadata(this.#listName, { truncateBefore: Number(before) }, { deadline, requiresLeader: true }),
    );
  }

  /** Wherever the stream stands: entries have no order, and one that is there twice does no harm. */
  async #append(name: string, entries: readonly object[]): Promise<void> {
    const events = entries.map((data) => jsonEvent({ id: randomUUID(), type: 'AnswerListed', data: { ...data } }));
    await this.#connection.call(({ client, timeoutMs: deadline }) =>
      client.appendToStream(name, events, { expectedRevision: ANY, deadline, requiresLeader: true }),
    );
  }

  get #listName(): string {
    return this.#streams.toInternalName('answers');
  }

  #nameOf(hour: string): string {
    return this.#streams.toInternalName(`answers-${hour}`);
  }
}

const hourOf = (time: number): string => new Date(time - (time % hourMs)).toISOString();
const isOver = (hour: string, time: number): boolean => Date.parse(hour) + hourMs <= time;
