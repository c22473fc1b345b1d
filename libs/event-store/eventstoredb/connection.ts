import { setMaxListeners } from 'node:events';
import type { EventStoreDBClient, StreamingRead } from '@eventstore/db-client';
import { type BackoffRange, backoffMs } from '#timing/backoff';
import { currentDeadline, enableDeadlines } from '#timing/deadline';
import { sleep } from '#timing/sleep';
import { Unavailable } from '../event-store.js';
import { type LogAddress, openClient } from './client.js';
import {
  isDiscoveryFailure,
  isMissingStream,
  isTimeout,
  isTransient,
  NoResponse,
  translateClientError,
} from './failures.js';
import { closeClient } from './patched-client.js';

/** A call consists of attempts. */
const attemptTimeoutMs = 1_900;
const callTimeoutMs = 4_000;
/** A call gets at least this long, even if its caller's deadline comes earlier: it may still succeed. */
const minCallTimeoutMs = 500;
/** While the server is down, one call per interval probes it, and may take that long. */
const probeIntervalMs = 1_000;
const backoff: BackoffRange = { firstMs: 100, maxMs: 500 };
/** More concurrent calls would only wait elsewhere, while their time runs out. */
const maxConcurrentCalls = 128;

export interface CallAttempt {
  readonly client: EventStoreDBClient;
  /** For the client's `deadline` option. The attempt is abandoned shortly after. */
  readonly timeoutMs: number;
  /** Reads to the end. Returns nothing if the stream does not exist. */
  readonly collect: <T>(read: StreamingRead<T>) => Promise<T[]>;
}

/**
 * The client with what it lacks: a time limit for every call, and retries while the server is away for a moment.
 * If the server is away for longer, one call a second probes it and all others are rejected at once, so that calls do not pile up.
 */
export class EventStoreDbConnection {
  private readonly closing = new AbortController();
  private readonly callsInFlight = new Set<Promise<unknown>>();
  private currentClient: EventStoreDBClient;
  private freeSlots = maxConcurrentCalls;
  private readonly waitingForSlot: (() => void)[] = [];
  /** The times are those of `performance.now()`. */
  private lastResponseAt = 0;
  private isDown = false;
  private nextProbeAt = 0;
  private closed: Promise<void> | undefined;

  /**
   * @throws TypeError if the URL cannot be used.
   * @throws IncompatibleClient
   */
  constructor(private readonly address: LogAddress) {
    enableDeadlines();
    // Every view and automation has a follower that listens, which Node.js would take for a leak.
    setMaxListeners(0, this.closing.signal);
    this.currentClient = openClient(address);
  }

  /** Aborts when followers must end. */
  get closeSignal(): AbortSignal {
    return this.closing.signal;
  }

  /** For subscriptions, which do not end with a response. */
  get client(): EventStoreDBClient {
    return this.currentClient;
  }

  /**
   * Runs `operation`, again after a transient failure, until it succeeds, 4 seconds have passed or the caller's deadline comes.
   * An attempt that seemed to fail may have succeeded on the server.
   * @throws Unavailable
   */
  call<T>(operation: (attempt: CallAttempt) => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(createClosedError());
    const call = this.runWithRetries(operation);
    const tracked = call.catch(() => undefined).finally(() => this.callsInFlight.delete(tracked));
    this.callsInFlight.add(tracked);
    return call;
  }

  private async runWithRetries<T>(operation: (attempt: CallAttempt) => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const endsAt = Math.min(
      startedAt + this.reserveCallTime(startedAt),
      Math.max(currentDeadline(), startedAt + minCallTimeoutMs),
    );
    for (let failures = 0; ; failures++) {
      try {
        return await this.withSlot(() =>
          this.attempt(operation, Math.min(attemptTimeoutMs, endsAt - performance.now())),
        );
      } catch (error) {
        if (!isTransient(error)) throw translateClientError(error);
        const delayMs = backoffMs(failures, backoff);
        if (performance.now() + delayMs >= endsAt) {
          // If other calls got a response meanwhile, the server is not down; it or this process is overloaded.
          if (this.lastResponseAt < startedAt) this.markDown();
          throw translateClientError(error);
        }
        await sleep(delayMs);
      }
    }
  }

  /** How long a call may take, in milliseconds. While the server is down, rejects all calls between two probes. */
  private reserveCallTime(now: number): number {
    if (!this.isDown) return callTimeoutMs;
    if (now < this.nextProbeAt)
      throw new Unavailable('the event log is unavailable: its server was unreachable a moment ago');
    this.nextProbeAt = now + probeIntervalMs;
    return probeIntervalMs;
  }

  private markDown(): void {
    this.isDown = true;
    this.nextProbeAt = performance.now() + probeIntervalMs;
  }

  private markUp(): void {
    this.isDown = false;
    this.lastResponseAt = performance.now();
  }

  private async withSlot<T>(work: () => Promise<T>): Promise<T> {
    if (this.freeSlots > 0) this.freeSlots -= 1;
    else await new Promise<void>((resolve) => this.waitingForSlot.push(resolve));
    try {
      return await work();
    } finally {
      const passSlotOn = this.waitingForSlot.shift();
      if (passSlotOn) passSlotOn();
      else this.freeSlots += 1;
    }
  }

  private async attempt<T>(operation: (attempt: CallAttempt) => Promise<T>, timeoutMs: number): Promise<T> {
    if (timeoutMs <= 0) throw new NoResponse('too many calls were waiting');
    const startedAt = performance.now();
    const client = this.currentClient;
    const openReads = new Set<StreamingRead<unknown>>();
    const collect = async <E>(read: StreamingRead<E>): Promise<E[]> => {
      openReads.add(read);
      const events = await readToEnd(read);
      // A read also ends without an error when its connection is closed.
      if (client !== this.currentClient) throw new NoResponse('the connection was replaced during the read');
      openReads.delete(read);
      return events;
    };
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      // Later than the client's own deadline, which also ends the call on the server, where the client has one.
      timer = setTimeout(() => reject(new NoResponse('no response came in time')), timeoutMs + 50);
    });
    try {
      const result = await Promise.race([operation({ client, timeoutMs, collect }), timeout]);
      this.markUp();
      return result;
    } catch (error) {
      if (!isTransient(error)) this.markUp();
      else if (isDiscoveryFailure(error) || (isTimeout(error) && this.lastResponseAt < startedAt))
        this.replaceClient(client);
      throw error;
    } finally {
      clearTimeout(timer);
      for (const read of openReads) void read.cancel().catch(() => undefined);
    }
  }

  /** Nothing came over the client's connection. A new client may find another server, or another way to this one. */
  private replaceClient(client: EventStoreDBClient): void {
    if (client !== this.currentClient || this.closeSignal.aborted) return;
    this.currentClient = openClient(this.address);
    void closeClient(client).catch(() => undefined);
  }

  /** Waits for the calls in flight, then ends all followers. */
  close(): Promise<void> {
    this.closed ??= this.finishAndClose();
    return this.closed;
  }

  private async finishAndClose(): Promise<void> {
    await Promise.allSettled(this.callsInFlight);
    this.closing.abort();
    const isDone = new AbortController();
    // A client without a connection first tries to connect, which may take long.
    await Promise.race([closeClient(this.currentClient).catch(() => undefined), sleep(1_000, isDone.signal)]);
    isDone.abort();
  }
}

export const createClosedError = (): Unavailable => new Unavailable('the event log is closed');

/** With event listeners: an iterated read of a missing stream throws where no handler is, and one that is left early stays open. */
function readToEnd<T>(read: StreamingRead<T>): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const events: T[] = [];
    read.on('data', (event: T) => events.push(event));
    read.on('error', (error: Error) => (isMissingStream(error) ? resolve([]) : reject(error)));
    read.on('end', () => resolve(events));
  });
}
