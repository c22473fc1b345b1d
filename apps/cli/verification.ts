import { UnreadableEvent } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import type { EventStore } from '#event-store/event-store';

export interface VerificationResult {
  readonly events: number;
  readonly streams: number;
  /** At most `maxProblems`. The verification stops when this number is reached. */
  readonly problems: readonly LogProblem[];
}

export interface LogProblem {
  readonly stream: string;
  readonly version: number;
  readonly position: Position;
  readonly eventId: string | null;
  readonly what: string;
}

export const maxProblems = 1_000;

/** How many ids and streams are kept in memory, about 100 bytes each. If there are more, the log is read in several passes. */
const defaultMaxRemembered = 2_000_000;

/**
 * Reads the log from its start to `head`. Checks that every event can be read, positions increase, versions have no gap within a
 * stream, ids are unique, no contact has two active leads, and each contact id has one key.
 * @param onProgress called after each batch with the pass (from 0), its events so far, and the number of passes, which may grow
 */
export async function verifyLog(
  log: Pick<EventStore, 'start' | 'follow'>,
  head: Position,
  onProgress: (pass: number, events: number, passes: number) => void = () => undefined,
  maxRemembered = defaultMaxRemembered,
): Promise<VerificationResult> {
  const problems = new Map<string, LogProblem>();
  let events = 0;
  let streams = 0;
  let passes = 1;
  for (let pass = 0; pass < passes && problems.size < maxProblems; pass++) {
    const checks = new VerificationPass(passes, pass, problems);
    for await (const batch of readBatches(log, head)) {
      if (batch instanceof UnreadableEvent) checks.checkUnreadable(batch);
      else for (const event of batch) checks.check(event);
      if (pass === 0 && checks.remembered > maxRemembered) checks.halve();
      onProgress(pass, checks.events, checks.partitions);
      if (problems.size >= maxProblems) break;
    }
    passes = checks.partitions;
    if (pass === 0) events = checks.events;
    streams += checks.streams;
  }
  return { events, streams, problems: [...problems.values()].slice(0, maxProblems) };
}

/** Yields batches of events in log order. An event that cannot be read is yielded separately. */
async function* readBatches(
  log: Pick<EventStore, 'start' | 'follow'>,
  head: Position,
): AsyncGenerator<readonly RecordedEvent[] | UnreadableEvent> {
  const { signal } = new AbortController();
  let after = log.start;
  while (after < head) {
    try {
      for await (const { events, position } of log.follow(after, { signal })) {
        yield position > head ? events.filter((event) => event.position <= head) : events;
        after = position;
        if (after >= head) return;
      }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      yield error;
      after = error.location.position;
    }
  }
}

interface Stream {
  version: number;
  activeLead: string | null;
}

type Location = Pick<LogProblem, 'stream' | 'version' | 'position'>;

/** One pass over the log. It checks one partition of the streams and ids, so that they fit into memory. */
class VerificationPass {
  events = 0;
  private position: Position = '';
  private readonly ids = new Set<string>();
  private readonly known = new Map<string, Stream>();
  /** The stream of each contact. */
  private readonly contacts = new Map<string, string>();

  /** `partition` is the index of the checked partition, from 0. `partitions`, their number, is a power of 2. */
  constructor(
    public partitions: number,
    private readonly partition: number,
    private readonly problems: Map<string, LogProblem>,
  ) {}

  get streams(): number {
    return this.known.size;
  }

  get remembered(): number {
    return this.known.size + this.ids.size + this.contacts.size;
  }

  /** Halves the partition. Later passes check the rest. */
  halve(): void {
    this.partitions *= 2;
    for (const id of this.ids) if (!this.isInPartition(id)) this.ids.delete(id);
    for (const name of this.known.keys()) if (!this.isInPartition(name)) this.known.delete(name);
    for (const contact of this.contacts.keys()) if (!this.isInPartition(contact)) this.contacts.delete(contact);
  }

  check(event: RecordedEvent): void {
    this.checkOrder(event, event.id);
    if (this.isInPartition(event.id)) {
      if (this.ids.has(event.id)) this.report(event, event.id, 'an earlier event has the same id');
      this.ids.add(event.id);
    }
    const stream = this.known.get(event.stream);
    if (stream) this.checkActiveLead(stream, event);
    if (event.type === 'ContactRegistered') this.checkContact(event);
  }

  checkUnreadable({ location, eventId, reason }: UnreadableEvent): void {
    this.report(location, eventId, `cannot be read: ${reason}`);
    this.checkOrder(location, eventId);
  }

  private checkOrder(location: Location, eventId: string | null): void {
    this.events += 1;
    if (location.position <= this.position)
      this.report(location, eventId, `its position is not after ${this.position}`);
    this.position = location.position;
    if (!this.isInPartition(location.stream)) return;
    const stream = this.known.get(location.stream) ?? { version: 0, activeLead: null };
    if (location.version !== stream.version + 1)
      this.report(location, eventId, `its version is ${location.version}, expected ${stream.version + 1}`);
    stream.version = location.version;
    this.known.set(location.stream, stream);
  }

  private checkActiveLead(stream: Stream, event: RecordedEvent): void {
    if (event.type !== 'LeadOpened' && event.type !== 'LeadStatusChanged') return;
    const { leadId } = event.data;
    if (event.type === 'LeadStatusChanged' && isFinal(event.data.to)) {
      if (stream.activeLead === leadId) stream.activeLead = null;
      return;
    }
    if (stream.activeLead !== null && stream.activeLead !== leadId)
      this.report(event, event.id, `lead ${leadId} is active while lead ${stream.activeLead} is active`);
    stream.activeLead = leadId;
  }

  /** A contact with two streams was written to under two keys. It may have an active lead in each. */
  private checkContact(event: RecordedEvent<'ContactRegistered'>): void {
    const contact = `${event.org}\u0000${event.personal.contactId}`;
    if (!this.isInPartition(contact)) return;
    const stream = this.contacts.get(contact) ?? event.stream;
    if (stream !== event.stream)
      this.report(event, event.id, `its contact has another key in ${stream}, so it may have two active leads`);
    this.contacts.set(contact, stream);
  }

  private report({ stream, version, position }: Location, eventId: string | null, what: string): void {
    // Keyed, because another pass may find the same problem.
    this.problems.set(`${position} ${what}`, { stream, version, position, eventId, what });
  }

  private isInPartition(name: string): boolean {
    return this.partitions === 1 || hash(name) % this.partitions === this.partition;
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
