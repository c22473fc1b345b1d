import { LRUCache } from 'lru-cache';
import { defaultPolicy, type Decider, type Policy } from '#domain/decider';
import { withPosition, currentSchemaVersion } from '#domain/event-codec';
import type { DomainEvent, RecordedEvent } from '#domain/event';
import type { NewEvent, Position, StoredEvent } from '#domain/event-envelope';
import { isRefusal, Refusal, refuse } from '#domain/refusal';
import { ConcurrencyError, MissingEvents, Unavailable, type EventStore } from '#event-store/event-store';
import { currentDeadline } from '#timing/deadline';
import { sleep } from '#timing/sleep';
import type { CommandContext } from './command-context.js';
import { deriveId, createIdFactory } from './ids.js';
import { KeyedQueue } from './keyed-queue.js';

export interface DecisionResult<State> {
  readonly before: State;
  readonly after: State;
  /** Empty if the state was already as requested. */
  readonly events: readonly DomainEvent[];
  readonly position: Position;
  readonly versions: VersionRange;
}

/** The versions of the stream before and after a command; equal if it appended nothing. */
export interface VersionRange {
  readonly from: number;
  readonly to: number;
}

/** What a command would do. `already_done`: this very command, by its id, has been executed before. */
export interface CommandPreview<State> {
  readonly state: State;
  readonly effect: 'change' | 'none' | 'already_done';
}

/**
 * The fold of a stream up to a version, which saves reading the stream. It may be behind: the append checks the version, and
 * a decision without events is repeated on the current state.
 */
interface CachedStream {
  readonly state: unknown;
  readonly version: number;
  readonly position: Position;
  /**
   * Commands with an Idempotency-Key, by id. All cached versions of a stream share this map and add to it in place: an entry
   * is true of the log, whichever version it is read through.
   */
  readonly commands: Map<string, CommandEvents>;
}

/** The versions of the first and last event of a command. */
interface CommandEvents {
  readonly first: number;
  readonly last: number;
  readonly requestHash: string | undefined;
}

const maxLostRaces = 10;
/** How long a command may wait for other commands of its stream, so that the queue is bounded while the log is unreachable. */
const maxWaitMs = 3_500;
const pageSize = 1_000;

/** The log is available, but other commands on the same stream are not finished. Nothing was done. */
export class StreamBusy extends Unavailable {}

/** For one item of several: other items may have been recorded, so a lost race fails the whole request, which is then retried. */
export async function retryableConflict<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isRefusal(error) || error.code !== 'conflict') throw error;
    throw new StreamBusy('Other requests kept changing the same resource. Retry the request.', { cause: error });
  }
}

/**
 * Executes commands: reads the stream, folds it, asks the decider, and appends once at the version read. If another process
 * appended first, it decides again.
 */
export class DeciderService {
  private readonly queue = new KeyedQueue();
  private readonly cachedStreams: LRUCache<string, CachedStream>;

  /**
   * `clock` returns the time as RFC 3339. `policyOf` returns an organization's policy; it is optional for read-only use.
   * `maxCachedEvents`: how many events all cached streams may have together.
   */
  constructor(
    private readonly store: EventStore,
    readonly clock: () => string,
    private readonly policyOf: (org: string) => Policy = () => defaultPolicy,
    maxCachedEvents = 200_000,
  ) {
    this.cachedStreams = new LRUCache({ maxSize: maxCachedEvents, sizeCalculation: ({ version }) => version + 1 });
  }

  /**
   * Commands on one stream run one after another in this process; they compete only with other processes.
   * `versionOf` returns the version that If-Match refers to, or undefined if nothing exists yet.
   * @throws Refusal, Unavailable
   */
  handle<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    command: Command,
    context: CommandContext,
    versionOf: (state: State) => number | undefined,
  ): Promise<DecisionResult<State>> {
    const deadline = Math.min(performance.now() + maxWaitMs, currentDeadline());
    return this.queue.serialize(stream, async () => {
      if (performance.now() > deadline)
        throw new StreamBusy('Earlier requests on the same resource take too long. Retry the request.');
      let lostRaces = 0;
      let cached = this.cachedStreams.get(stream);
      let isCurrent = cached === undefined;
      cached ??= await this.catchUp(decider, stream);
      for (let attempt = 1; ; attempt++) {
        const done = cached.commands.get(context.commandId);
        if (done) {
          requireSameRequest(done, context);
          return this.readResult(decider, stream, { from: done.first - 1, to: done.last });
        }
        const state = cached.state as State;
        let drafts: readonly NewEvent<Event>[] = [];
        let refusal: Refusal | undefined;
        let raceLostAt: number | undefined;
        try {
          drafts = this.decide(decider, command, state, stream, context, versionOf);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          refusal = error;
        }
        if (drafts.length > 0) {
          const stored = drafts.map((draft, index) => this.toStoredEvent(draft, `${stream} ${index}`, context));
          try {
            const { version, position } = await this.store.append(stream, cached.version, stored);
            const first = cached.version + 1;
            // Another process may have appended the same events for the same key just before, with its own times in them.
            const recorded =
              context.requestHash === null
                ? stored.map((event, index) => withPosition(event, { stream, version: first + index, position }))
                : await this.store.read(stream, cached.version, stored.length);
            cached = this.cache(stream, applyEvents(decider, cached, recorded));
            if (cached.version !== version) this.cachedStreams.delete(stream);
            return {
              before: state,
              after: cached.state as State,
              events: recorded as unknown as Event[],
              position,
              versions: { from: first - 1, to: first - 1 + recorded.length },
            };
          } catch (error) {
            this.cachedStreams.delete(stream);
            if (!(error instanceof ConcurrencyError)) throw error;
            raceLostAt = cached.version;
            await sleep(Math.random() * 2 ** Math.min(attempt, 6));
          }
        } else if (isCurrent) {
          if (refusal) throw refusal;
          const { version, position } = cached;
          return { before: state, after: state, events: [], position, versions: { from: version, to: version } };
        }
        // The cached state may be behind: only the current state may refuse a command or find nothing to do.
        cached = await this.catchUp(decider, stream, cached);
        isCurrent = true;
        if (raceLostAt === undefined) continue;
        // A server may reject an append because of another one that is not committed yet, and that reads do not show.
        if (cached.version > raceLostAt) lostRaces += 1;
        else if (performance.now() > deadline)
          throw new StreamBusy('Another change of the same resource is not committed yet. Retry the request.');
        if (lostRaces >= maxLostRaces) throw refuse('conflict', {});
      }
    });
  }

  /**
   * What a command would do to the stream's current state, without appending.
   * @throws Refusal, Unavailable
   */
  async preview<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    command: Command,
    context: CommandContext,
    versionOf: (state: State) => number | undefined,
  ): Promise<CommandPreview<State>> {
    const cached = await this.catchUp(decider, stream, this.cachedStreams.peek(stream));
    const state = cached.state as State;
    if (cached.commands.has(context.commandId)) return { state, effect: 'already_done' };
    const drafts = this.decide(decider, command, state, stream, context, versionOf);
    return { state, effect: drafts.length > 0 ? 'change' : 'none' };
  }

  /** How many streams have commands that wait or run. */
  get pendingStreams(): number {
    return this.queue.size;
  }

  /** The current state of a stream. */
  async read<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
  ): Promise<State> {
    return (await this.catchUp(decider, stream, this.cachedStreams.peek(stream))).state as State;
  }

  /** The cached state of a stream, which may be out of date, and its version; reads the stream if it is not cached. */
  async readCached<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
  ): Promise<{ readonly state: State; readonly version: number }> {
    const { state, version } = this.cachedStreams.get(stream) ?? (await this.catchUp(decider, stream));
    return { state: state as State, version };
  }

  /** The state of a stream at one of its versions. */
  async readVersion<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    version: number,
  ): Promise<State> {
    return (await this.readVersionCached(decider, stream, version)).state as State;
  }

  /** The result of a command that was executed before: its own events and the states around them. */
  async readResult<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    versions: VersionRange,
  ): Promise<DecisionResult<State>> {
    const { from, to } = versions;
    const before = await this.readVersionCached(decider, stream, from);
    const events = to > from ? await this.store.read(stream, from, to - from) : [];
    const after = applyEvents(decider, before, events);
    return { before: before.state as State, after: after.state as State, events, position: after.position, versions };
  }

  private decide<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    command: Command,
    state: State,
    stream: string,
    context: CommandContext,
    versionOf: (state: State) => number | undefined,
  ): readonly NewEvent<Event>[] {
    const { now, backdated, actor, org, expectedVersion } = context;
    const version = versionOf(state);
    if (expectedVersion !== null && version !== undefined && version !== expectedVersion)
      throw refuse('version_mismatch', { version });
    const given = { now, backdated, actor, policy: this.policyOf(org), stableId: createIdFactory(stream) };
    return decider.decide(command, state, given);
  }

  private toStoredEvent(draft: NewEvent<DomainEvent>, name: string, context: CommandContext): StoredEvent {
    const { type, data, occurredAt = context.now, actor = context.actor, causation = context.causation } = draft;
    const { commandId, correlation, org, requestHash } = context;
    const id = draft.id ?? deriveId(commandId, name);
    const v = currentSchemaVersion(type);
    const recordedAt = this.clock();
    const meta =
      requestHash === null
        ? { actor, correlation, causation, commandId, occurredAt, recordedAt }
        : { actor, correlation, causation, commandId, request: shorten(requestHash), occurredAt, recordedAt };
    return 'personal' in draft
      ? { id, type, v, org, data, personal: draft.personal, meta }
      : { id, type, v, org, data, meta };
  }

  /** Applies the events after `from` (by default all), up to version `upTo`. Caches the result unless `upTo` is given. */
  private async catchUp<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    from?: CachedStream,
    upTo = Infinity,
  ): Promise<CachedStream> {
    let cached = from ?? { state: decider.initialState, version: 0, position: this.store.start, commands: new Map() };
    // Page by page: `readStream` would cost a promise for each event.
    for (;;) {
      const limit = Math.min(pageSize, upTo - cached.version);
      const events = limit > 0 ? await this.store.read(stream, cached.version, limit) : [];
      if (events.length > 0) cached = applyEvents(decider, cached, events);
      if (events.length < limit || cached.version >= upTo) break;
    }
    return upTo === Infinity && cached.version > 0 ? this.cache(stream, cached) : cached;
  }

  /** @throws MissingEvents if the stream ends before the version */
  private async readVersionCached<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    version: number,
  ): Promise<CachedStream> {
    const cached = this.cachedStreams.peek(stream);
    const from = cached && cached.version <= version ? cached : undefined;
    const found = await this.catchUp(decider, stream, from, version);
    if (found.version < version) throw new MissingEvents(stream, found.version + 1);
    return found;
  }

  private cache(stream: string, cached: CachedStream): CachedStream {
    if ((this.cachedStreams.peek(stream)?.version ?? 0) <= cached.version) this.cachedStreams.set(stream, cached);
    return cached;
  }
}

function applyEvents<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  from: CachedStream,
  events: readonly RecordedEvent[],
): CachedStream {
  const { commands } = from;
  let state = from.state as State;
  let { version, position } = from;
  for (const event of events) {
    state = decider.evolve(state, event as unknown as Event & { id: string });
    ({ version, position } = event);
    const { commandId, request: requestHash } = event.meta;
    if (hasIdempotencyKey(commandId))
      commands.set(commandId, { first: commands.get(commandId)?.first ?? version, last: version, requestHash });
  }
  return { state, version, position, commands };
}

function requireSameRequest(done: CommandEvents, { requestHash }: CommandContext): void {
  if (requestHash === null || done.requestHash === undefined) return;
  if (done.requestHash !== shorten(requestHash)) throw refuse('idempotency_key_reused', {});
}

/** Half of the SHA-256 is stored with each event: enough to distinguish requests. */
const shorten = (requestHash: string): string => requestHash.slice(0, 32);

/** Derived ids are UUIDv5. Random ids (UUIDv4) never repeat, so they need not be remembered. */
const hasIdempotencyKey = (commandId: string): boolean => commandId.charAt(14) === '5';
