import { randomUUID } from 'node:crypto';
import { ANY, jsonEvent } from '@eventstore/db-client';
import type { EventStoreDbConnection } from './connection.js';
import { getActualVersion } from './failures.js';
import type { StreamNames } from './stream-names.js';

const hourMs = 3_600_000;
const pageSize = 500;

/** Stored: what the streams of the index hold. */
interface ResponseEntry {
  readonly commandId: string;
  /** Milliseconds since 1970. */
  readonly keptAt: number;
}
interface HourEntry {
  readonly hour: string;
}

/**
 * Lists which responses were stored when: one stream per hour, named after it, and one stream that lists the hours.
 * An entry may occur twice, or exist without its response, but a response never exists without its entry.
 */
export class ResponseIndex {
  private readonly listedHours = new Set<string>();
  /** By hour, the entries that wait while earlier ones are written. They share one append. */
  private readonly waiting = new Map<string, { entries: ResponseEntry[]; written: Promise<void> }>();
  private readonly writing = new Map<string, Promise<void>>();

  constructor(
    private readonly connection: EventStoreDbConnection,
    private readonly streams: StreamNames,
  ) {}

  add(commandId: string, keptAt: number): Promise<void> {
    const hour = hourOf(keptAt);
    let group = this.waiting.get(hour);
    if (!group) {
      const entries: ResponseEntry[] = [];
      group = { entries, written: this.writeAfterPrevious(hour, entries) };
      this.waiting.set(hour, group);
    }
    group.entries.push({ commandId, keptAt });
    return group.written;
  }

  private async writeAfterPrevious(hour: string, entries: ResponseEntry[]): Promise<void> {
    await this.writing.get(hour)?.catch(() => undefined);
    const writing = this.write(hour, entries);
    this.writing.set(hour, writing);
    try {
      await writing;
    } finally {
      if (this.writing.get(hour) === writing) this.writing.delete(hour);
    }
  }

  private async write(hour: string, entries: ResponseEntry[]): Promise<void> {
    try {
      if (!this.listedHours.has(hour)) await this.append(this.hoursStream, [{ hour }]);
      this.listedHours.add(hour);
    } finally {
      // From now on, new entries wait for the next append.
      this.waiting.delete(hour);
    }
    await this.append(this.streamOf(hour), entries);
  }

  /**
   * Pages of the commands whose responses were stored before a time. The list of an hour is deleted after its last page, if all of
   * the hour is before that time.
   */
  async *commandIdsBefore(time: number): AsyncGenerator<string[]> {
    const listed: { hour: string; revision: bigint }[] = [];
    for await (const page of this.pages<HourEntry>(this.hoursStream))
      for (const { data, revision } of page) listed.push({ hour: data.hour, revision });
    for (const hour of new Set(listed.map((entry) => entry.hour))) {
      if (Date.parse(hour) >= time) continue;
      let lastRevision: bigint | undefined;
      for await (const page of this.pages<ResponseEntry>(this.streamOf(hour))) {
        yield page.flatMap(({ data: { commandId, keptAt } }) => (keptAt < time ? [commandId] : []));
        lastRevision = page.at(-1)!.revision;
      }
      if (isOver(hour, time) && lastRevision !== undefined) await this.deleteHour(hour, lastRevision);
    }
    // Hours are listed roughly in their order, so those that are over come first.
    const firstOpen = listed.find(({ hour }) => !isOver(hour, time));
    if (listed.length > 0)
      await this.truncateHours(firstOpen?.revision ?? listed.at(-1)!.revision + 1n, listed[0]!.revision);
  }

  private async *pages<Data>(name: string): AsyncGenerator<{ data: Data; revision: bigint }[]> {
    for (let from = 0n; ;) {
      const page = await this.readPage<Data>(name, from);
      if (page.length === 0) return;
      yield page;
      from = page.at(-1)!.revision + 1n;
    }
  }

  private async readPage<Data>(name: string, fromRevision: bigint): Promise<{ data: Data; revision: bigint }[]> {
    const options = { fromRevision, maxCount: pageSize, requiresLeader: true };
    const events = await this.connection.call(({ client, collect }) => collect(client.readStream(name, options)));
    return events.flatMap(({ event }) =>
      event ? [{ data: event.data as unknown as Data, revision: event.revision }] : [],
    );
  }

  /** Does nothing if an entry was added after `lastRevision`. */
  private async deleteHour(hour: string, lastRevision: bigint): Promise<void> {
    this.listedHours.delete(hour);
    await this.connection
      .call(({ client, timeoutMs: deadline }) =>
        client.deleteStream(this.streamOf(hour), { expectedRevision: lastRevision, deadline, requiresLeader: true }),
      )
      .catch((error: unknown) => {
        if (getActualVersion(error) === undefined) throw error;
      });
  }

  private async truncateHours(before: bigint, first: bigint): Promise<void> {
    if (before === first) return;
    await this.connection.call(({ client, timeoutMs: deadline }) =>
      client.setStreamMetadata(
        this.hoursStream,
        { truncateBefore: Number(before) },
        { deadline, requiresLeader: true },
      ),
    );
  }

  /** With any expected revision: entries have no order, and an entry that occurs twice does no harm. */
  private async append(name: string, entries: readonly object[]): Promise<void> {
    const events = entries.map((data) => jsonEvent({ id: randomUUID(), type: 'AnswerListed', data: { ...data } }));
    await this.connection.call(({ client, timeoutMs: deadline }) =>
      client.appendToStream(name, events, { expectedRevision: ANY, deadline, requiresLeader: true }),
    );
  }

  private get hoursStream(): string {
    return this.streams.toInternalName('answers');
  }

  private streamOf(hour: string): string {
    return this.streams.toInternalName(`answers-${hour}`);
  }
}

const hourOf = (time: number): string => new Date(time - (time % hourMs)).toISOString();
const isOver = (hour: string, time: number): boolean => Date.parse(hour) + hourMs <= time;
