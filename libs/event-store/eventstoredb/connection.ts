import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStoreDBClient, StreamingRead } from '@eventstore/db-client';
import { Unavailable } from '../event-store.js';
import { enableDeadlines, currentDeadline } from '#timing/deadline';
import { type LogAddress, closeClient, openClient } from './client.js';
import {
  isDiscoveryFailure,
  isMissingStream,
  isTransient,
  isTimeout,
  NoResponse,
  translateClientError,
} from './failures.js';

/** In milliseconds. `last`: what a call is given even when its caller's patience is at its end, for it may do well. */
const patience = { attempt: 1_900, all: 4_000, whileDown: 1_000, last: 500 };
const backOff = { first: 50, longest: 500 };
/** Calls at once: more would only wait elsewhere, with their time running. */
const atOnce = 128;

/** One try of a call. */
export interface CallAttempt {
  readonly client: EventStoreDBClient;
  /** For the client's `deadline`; the whole attempt is given up soon after. */
  readonly timeoutMs: number;
  /** What a read gives in all; nothing if the stream does not exist. */
  readonly collect: <T>(read: StreamingRead<T>) => Promise<T[]>;
}

/**
 * The client, with what it lacks: a limit to the time that a call takes, and calls tried again while the server is away for a
 * moment. While it is away for longer, one call a second asks for it and all others are refused at once, so that nothing piles up.
 */
export class EventStoreDbConnection {
  readonly #address: LogAddress;
  private readonly closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();
  #client: EventStoreDBClient;
  #lastAnswer = 0;
  #free = atOnce;
  readonly #queue: (() => void)[] = [];
  #down = false;
  #nextTry = 0;
  #closing: Promise<void> | undefined;

  /** @throws TypeError when the URL can't be used */
  constructor(address: LogAddress) {
    enableDeadlines();
    // Each follower listens: a view and an automation each, so more than Node.js takes for a leak.
    setMaxListeners(0, this.closing.signal);
    this.#address = address;
    this.#client = openClient(address);
  }

  /** Aborts when followers must end. */
  get closeSignal(): AbortSignal {
    return this.closing.signal;
  }

  /** For subscriptions, which have no answer to wait for. */
  get client(): EventStoreDBClient {
    return this.#client;
  }

  /**
   * Tries `ask` until it has an answer or four seconds, or its caller's patience, are over. It may be done several times, also after it seemed to fail.
   * @throws Unavailable
   */
  call<T>(ask: (attempt: CallAttempt) => Promise<T>): Promise<T> {
    if (this.#closing) return Promise.reject(createClosedError());
    const asking = this.#call(ask);
    const tracked = asking.catch(() => undefined).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
    return asking;
  }

  async #call<T>(ask: (attempt: CallAttempt) => Promise<T>): Promise<T> {
    const started = performance.now();
    const end = Math.min(started + this.#patience(started), Math.max(currentDeadline(), started + patience.last));
    for (let tries = 1; ; tries++) {
      try {
        return await this.#inTurn(() => this.#attempt(ask, Math.min(patience.attempt, end - performance.now())));
      } catch (error) {
        if (!isTransient(error)) throw translateClientError(error);
        const pause = Math.min(backOff.first * 2 ** tries, backOff.longest) * (0.5 + Math.random() / 2);
        if (performance.now() + pause >= end) {
          // One that answers others is not away: it, or this process, has too much to do.
          if (this.#lastAnswer < started) {
            this.#down = true;
            this.#nextTry = performance.now() + patience.whileDown;
          }
          throw translateClientError(error);
        }
        await sleep(pause);
      }
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #patience(now: number): number {
    if (!this.#down) return patience.all;
    if (now < this.#nextTry) throw new Unavailable("the event log can't be used: its server was away just now");
    this.#nextTry = now + patience.whileDown;
    return patience.whileDown;
  }

  async #attempt<T>(ask: (attempt: CallAttempt) => Promise<T>, timeoutMs: number): Promise<T> {
    if (timeoutMs <= 0) throw new NoResponse('its turn did not come in time');
    const started = performance.now();
    const client = this.#client;
    const reads = new Set<StreamingRead<unknown>>();
    const collect = async <E>(read: StreamingRead<E>): Promise<E[]> => {
      reads.add(read);
      const found = await collected(read);
      // Its end may be that of the connection.
      if (client !== this.#client) throw new NoResponse('the connection was given up');
      reads.delete(read);
      return found;
    };
    const timer = new AbortController();
    try {
      // The client's own deadline comes first where it keeps one: it also ends the call.
      const tooLong = sleep(timeoutMs + 50, undefined, { signal: timer.signal }).then(() => {
        throw new NoResponse('no answer came in time');
      });
      const answer = await Promise.race([ask({ client, timeoutMs, collect }), tooLong]);
      this.#answered();
      return answer;
    } catch (error) {
      if (!isTransient(error)) this.#answered();
      else if (isDiscoveryFailure(error) || (isTimeout(error) && this.#lastAnswer < started)) this.#replace(client);
      throw error;
    } finally {
      timer.abort();
      for (const read of reads) void read.cancel().catch(() => undefined);
    }
  }

  #answered(): void {
    this.#lastAnswer = performance.now();
    this.#down = false;
  }

  /** A connection over which nothing came: another may find another server, or a way to this one. */
  #replace(client: EventStoreDBClient): void {
    if (client !== this.#client || this.closeSignal.aborted) return;
    this.#client = openClient(this.#address);
    void closeClient(client).catch(() => undefined);
  }

  /** Waits for the calls under way, then ends all followers. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    this.closing.abort();
    const quickly = new AbortController();
    // Asked for its connection, a client that has none looks for one.
    await Promise.race([
      closeClient(this.#client).catch(() => undefined),
      sleep(1_000, undefined, { signal: quickly.signal }).catch(() => undefined),
    ]);
    quickly.abort();
  }
}

export const createClosedError = (): Unavailable => new Unavailable('the event log is closed');

/** By events: iterated, a read of a missing stream throws where nobody catches it, and one left early is never closed. */
function collected<T>(read: StreamingRead<T>): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const events: T[] = [];
    read
      .on('data', (event: T) => void events.push(event))
      .on('error', (error: Error) => (isMissingStream(error) ? resolve([]) : reject(error)))
      .on('end', () => resolve(events));
  });
}
