import { UnreadableEvent } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import type { EventStore } from '#event-store/event-store';

export interface VerificationResult {
  readonly events: number;
  readonly streams: number;
  /** At most `mostProblems`: with so many the reading ends. */
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

/** How many ids and streams are remembered at once, some 100 bytes each; when there are more, the log is read several times. */
const mostRemembered = 2_000_000;

/**
 * Reads the log from its start to `head`, and checks that every event can be read, positions grow, versions have no gap within
 * a stream, ids are unique, and no contact has two active leads.
 * @param tell Told after each batch: how many events pass number `pass` of `of` has read; there may turn out to be more passes.
 */
export async function verifyLog(
  log: Pick<EventStore, 'start' | 'follow'>,
  head: Position,
  tell: (pass: number, events: number, of: number) => void = () => undefined,
  remembered = mostRemembered,
): Promise<VerificationResult> {
  const problems = new Map<string, LogProblem>();
  let events = 0;
  let streams = 0;
  let passes = 1;
  for (let pass = 0; pass < passes && problems.size < maxProblems; pass++) {
    const checks = new Checks(passes, pass, problems);
    for await (const found of everyEvent(log, head)) {
      if (found instanceof UnreadableEvent) checks.unreadable(found);
      else for (const event of found) checks.take(event);
      if (pass === 0 && checks.remembered > remembered) checks.halve();
      tell(pass, checks.events, checks.of);
      if (problems.size >= maxProblems) break;
    }
    passes = checks.of;
    if (pass === 0) events = checks.events;
    streams += checks.streams;
  }
  return { events, streams, problems: [...problems.values()].slice(0, maxProblems) };
}

/** In batches; an event that can't be read comes by itself, in its place. */
async function* everyEvent(
  log: Pick<EventStore, 'start' | 'follow'>,
  head: Position,
): AsyncGenerator<readonly RecordedEvent[] | UnreadableEvent> {
  const { signal } = new AbortController();
  for (let at = log.start; at < head;) {
    try {
      for await (const { events, position } of log.follow(at, { signal })) {
        yield position > head ? events.filter((event) => event.position <= head) : events;
        at = position;
        if (at >= head) return;
      }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      yield error;
      at = error.location.position;
    }
  }
}

interface Stream {
  version: number;
  activeLead: string | null;
}

/** One pass over the log: it looks at one share of the streams and ids, so that what it remembers fits into memory. */
class Checks {
  events = 0;
  private position: Position = '';
  private readonly ids = new Set<string>();
  private readonly known = new Map<string, Stream>();

  /** The share of number `nth` of as many as `of`, a power of 2. */
  constructor(
    public of: number,
    private readonly nth: number,
    private readonly problems: Map<string, LogProblem>,
  ) {}

  get streams(): number {
    return this.known.size;
  }

  get remembered(): number {
    return this.known.size + this.ids.size;
  }

  /** From here on half as much is looked at; what is left out is for a later pass. */
  halve(): void {
    this.of *= 2;
    for (const id of this.ids) if (!this.isMine(id)) this.ids.delete(id);
    for (const name of this.known.keys()) if (!this.isMine(name)) this.known.delete(name);
  }

  take(event: RecordedEvent): void {
    this.place(event, event.id);
    if (this.isMine(event.id)) {
      if (this.ids.has(event.id)) this.say(event, event.id, 'its id is that of an event before it');
      this.ids.add(event.id);
    }
    const stream = this.known.get(event.stream);
    if (stream) this.fold(stream, event);
  }

  unreadable({ location: place, eventId, reason }: UnreadableEvent): void {
    this.say(place, eventId, `it can't be read: ${reason}`);
    this.place(place, eventId);
  }

  private place(at: Omit<LogProblem, 'eventId' | 'what'>, eventId: string | null): void {
    this.events += 1;
    if (at.position <= this.position) this.say(at, eventId, `its position is not behind ${this.position}`);
    this.position = at.position;
    if (!this.isMine(at.stream)) return;
    const stream = this.known.get(at.stream) ?? { version: 0, activeLead: null };
    if (at.version !== stream.version + 1)
      this.say(at, eventId, `its version is ${at.version} where ${stream.version + 1} was due`);
    stream.version = at.version;
    this.known.set(at.stream, stream);
  }

  /** Which lead of a contact is active, and that no other one is. */
  private fold(stream: Stream, event: RecordedEvent): void {
    if (event.type !== 'LeadOpened' && event.type !== 'LeadStatusChanged') return;
    const { leadId } = event.data;
    if (event.type === 'LeadStatusChanged' && isFinal(event.data.to)) {
      if (stream.activeLead === leadId) stream.activeLead = null;
      return;
    }
    if (stream.activeLead !== null && stream.activeLead !== leadId)
      this.say(event, event.id, `lead ${leadId} is active while lead ${stream.activeLead} is`);
    stream.activeLead = leadId;
  }

  private say(
    { stream, version, position }: Omit<LogProblem, 'eventId' | 'what'>,
    eventId: string | null,
    what: string,
  ): void {
    // By place and words: another pass may find the same again.
    this.problems.set(`${position} ${what}`, { stream, version, position, eventId, what });
  }

  private isMine(name: string): boolean {
    return this.of === 1 || hashOf(name) % this.of === this.nth;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
