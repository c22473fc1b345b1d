import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { defaultPolicy, type Decider, type Policy } from '#domain/decider';
import { withPosition, currentSchemaVersion } from '#domain/event-codec';
import type { DomainEvent, RecordedEvent } from '#domain/event';
import type { NewEvent, Position, StoredEvent } from '#domain/event-envelope';
import { Refusal, refuse } from '#domain/refusal';
import { ConcurrencyError, Unavailable, type EventStore } from '#event-store/event-store';
import type { CommandContext } from './command-context.js';
import { deriveId, createIdFactory } from './ids.js';
import { KeyedQueue } from './keyed-queue.js';

/** What came of a command: the state it met, what it did, and what is so now. */
export interface DecisionResult<State> {
  readonly before: State;
  readonly after: State;
  /** None: things were already as asked. */
  readonly events: readonly DomainEvent[];
  readonly position: Position;
}

/** What a command would meet and do. `be done already`: this very command was carried out before. */
export interface CommandPreview<State> {
  readonly state: State;
  readonly effect: 'change' | 'change nothing' | 'be done already';
}

/** A stream folded up to a version: a baseline that saves reading. The append, or a read of what came since, has the last word. */
interface Fold {
  readonly state: unknown;
  readonly version: number;
  readonly position: Position;
  /**
   * Commands with a caller's key, and the versions of the first and last event that each made. Shared by all folds of the
   * stream and added to in place: what it says is true of the log whichever fold is asked.
   */
  readonly commands: Map<string, Span>;
}
interface Span {
  readonly first: number;
  readonly last: number;
  readonly request: string | undefined;
}

const attempts = 10;
/** A command waits its turn no longer than this: with the log out of reach, a queue must not grow without end. */
const longestWaitMs = 3_500;
const pageSize = 1_000;

/** Carries commands to decisions: read, fold, decide, one append at the version read; a lost race is decided again. */
export class DeciderService {
  private readonly queue = new KeyedQueue();
  private readonly folds: LRUCache<string, Fold>;

  /**
   * `clock` tells the time, RFC 3339. `policyOf`: of an organization; who only reads needs none. `cacheEvents`: how many events
   * the folds kept in memory may stand for, all together.
   */
  constructor(
    private readonly store: EventStore,
    readonly clock: () => string,
    private readonly policyOf: (org: string) => Policy = () => defaultPolicy,
    cacheEvents = 200_000,
  ) {
    this.folds = new LRUCache({ maxSize: cacheEvents, sizeCalculation: (fold) => fold.version + 1 });
  }

  /**
   * Commands of one stream run one after another in this process; only other processes are raced.
   * `versionOf` gives the version that If-Match speaks of, undefined when there is nothing yet.
   * @throws Refusal, Unavailable
   */
  handle<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    command: Command,
    envelope: CommandContext,
    versionOf: (state: State) => number | undefined,
  ): Promise<DecisionResult<State>> {
    const latest = performance.now() + longestWaitMs;
    return this.queue.serialize(stream, async () => {
      if (performance.now() > latest) throw new Unavailable('earlier commands of the same stream take too long');
      let fold = this.folds.get(stream);
      let fresh = fold === undefined;
      fold ??= await this.catchUp(decider, stream);
      for (let attempt = 1; ; attempt++) {
        const done = fold.commands.get(envelope.commandId);
        if (done) {
          if (
            envelope.requestHash !== null &&
            done.request !== undefined &&
            done.request !== markOf(envelope.requestHash)
          )
            throw refuse('idempotency_key_reused', {});
          return this.asItWas(decider, stream, done);
        }
        const state = fold.state as State;
        let drafts: readonly NewEvent<Event>[] = [];
        let refusal: Refusal | undefined;
        try {
          drafts = this.decide(decider, command, state, stream, envelope, versionOf);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          refusal = error;
        }
        if (drafts.length > 0) {
          const stored = drafts.map((draft, nth) => this.seal(draft, `${stream} ${nth}`, envelope));
          try {
            const { version, position } = await this.store.append(stream, fold.version, stored);
            const first = fold.version + 1;
            const recorded = stored.map((event, nth) =>
              withPosition(event, { stream, version: first + nth, position }),
            );
            fold = this.keep(stream, advance(decider, fold, recorded));
            if (fold.version !== version) this.folds.delete(stream);
            return { before: state, after: fold.state as State, events: recorded as unknown as Event[], position };
          } catch (error) {
            this.folds.delete(stream);
            if (!(error instanceof ConcurrencyError)) throw error;
            if (attempt >= attempts) throw refuse('conflict', {});
            await sleep(Math.random() * 2 ** Math.min(attempt, 6));
          }
        } else if (fresh) {
          if (refusal) throw refusal;
          return { before: state, after: state, events: [], position: fold.position };
        }
        // The baseline may be behind: nothing is refused, or left undone, but on what is so now.
        fold = await this.catchUp(decider, stream, fold);
        fresh = true;
      }
    });
  }

  /**
   * What a command would do to the stream as it is now; nothing is appended.
   * @throws Refusal, Unavailable
   */
  async preview<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    command: Command,
    envelope: CommandContext,
    versionOf: (state: State) => number | undefined,
  ): Promise<CommandPreview<State>> {
    const fold = await this.catchUp(decider, stream, this.folds.peek(stream));
    const state = fold.state as State;
    if (fold.commands.has(envelope.commandId)) return { state, effect: 'be done already' };
    const drafts = this.decide(decider, command, state, stream, envelope, versionOf);
    return { state, effect: drafts.length > 0 ? 'change' : 'change nothing' };
  }

  /** Streams with commands that wait or are being carried out. */
  get pendingStreams(): number {
    return this.queue.size;
  }

  /** What a stream says now. */
  async read<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
  ): Promise<State> {
    return (await this.catchUp(decider, stream, this.folds.peek(stream))).state as State;
  }

  /** What a stream said when it was last looked at: for what may be a little old, such as a name. */
  async readCached<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
  ): Promise<State> {
    return (this.folds.get(stream)?.state as State | undefined) ?? this.read(decider, stream);
  }

  private decide<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    command: Command,
    state: State,
    stream: string,
    envelope: CommandContext,
    versionOf: (state: State) => number | undefined,
  ): readonly NewEvent<Event>[] {
    const { now, backdated, actor, org, expectedVersion } = envelope;
    const version = versionOf(state);
    if (expectedVersion !== null && version !== undefined && version !== expectedVersion)
      throw refuse('version_mismatch', { version });
    const given = { now, backdated, actor, policy: this.policyOf(org), stableId: createIdFactory(stream) };
    return decider.decide(command, state, given);
  }

  private seal(draft: NewEvent<DomainEvent>, what: string, envelope: CommandContext): StoredEvent {
    const { type, data, occurredAt = envelope.now, actor = envelope.actor, causation = envelope.causation } = draft;
    const { commandId, correlation, org, requestHash: request } = envelope;
    const id = draft.id ?? deriveId(commandId, what);
    const v = currentSchemaVersion(type);
    const made = { actor, correlation, causation, commandId };
    const when = { occurredAt, recordedAt: this.clock() };
    const meta = request === null ? { ...made, ...when } : { ...made, request: markOf(request), ...when };
    return 'personal' in draft
      ? { id, type, v, org, data, personal: draft.personal, meta }
      : { id, type, v, org, data, meta };
  }

  /** Reads what came after `from` (the beginning, if left out) and keeps the fold. */
  private async catchUp<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    from?: Fold,
    upTo = Infinity,
  ): Promise<Fold> {
    let fold = from ?? { state: decider.initialState, version: 0, position: this.store.start, commands: new Map() };
    for (;;) {
      const limit = Math.min(pageSize, upTo - fold.version);
      const events = limit > 0 ? await this.store.read(stream, fold.version, limit) : [];
      if (events.length > 0) fold = advance(decider, fold, events);
      if (events.length < limit || fold.version >= upTo) break;
    }
    return upTo === Infinity && fold.version > 0 ? this.keep(stream, fold) : fold;
  }

  /** A command that was carried out before (its answer was not kept): what it met and did then. */
  private async asItWas<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    { first, last }: Span,
  ): Promise<DecisionResult<State>> {
    const before = await this.catchUp(decider, stream, undefined, first - 1);
    const events = await this.store.read(stream, first - 1, last - first + 1);
    const after = advance(decider, before, events);
    return { before: before.state as State, after: after.state as State, events, position: after.position };
  }

  private keep(stream: string, fold: Fold): Fold {
    if ((this.folds.peek(stream)?.version ?? 0) <= fold.version) this.folds.set(stream, fold);
    return fold;
  }
}

function advance<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  from: Fold,
  events: readonly RecordedEvent[],
): Fold {
  let state = from.state as State;
  let { version, position } = from;
  for (const event of events) {
    state = decider.evolve(state, event as unknown as Event & { id: string });
    ({ version, position } = event);
    const { commandId } = event.meta;
    if (isKeyed(commandId))
      from.commands.set(commandId, {
        first: from.commands.get(commandId)?.first ?? version,
        last: version,
        request: event.meta.request,
      });
  }
  return { state, version, position, commands: from.commands };
}

/** Enough of a request's SHA-256 to tell it from another. */
const markOf = (request: string): string => request.slice(0, 32);

/** UUIDv5: the caller gave a key. A random id never comes again, so it need not be remembered. */
const isKeyed = (commandId: string): boolean => commandId.charAt(14) === '5';
