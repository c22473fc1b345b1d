import { deriveContactKey, contactStream } from '#commands/ids';
import { UnreadableEvent } from '#domain/event-codec';
import type { Position, StoredEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { ConcurrencyError, type EventStore } from '#event-store/event-store';
import { CliError } from './cli-error.js';

/** One append: an EventStoreDB takes 1 MiB, and what is larger than this by itself goes alone. */
const most = { events: 200, bytes: 400_000 };

/** Told how many events are done with, again and again. */
type Tell = (events: number) => void;

/** How far two logs hold the very same events in the same order. */
export interface LogComparison {
  readonly events: number;
  /** The last of them in the first log. */
  readonly position: Position;
}

/**
 * Reads both logs side by side, the first one up to `head`, until one of them ends.
 * @throws Trouble at the first event that the second log holds otherwise, or beyond the first one's end
 */
export async function compareLogs(
  one: EventStore,
  head: Position,
  other: EventStore,
  tell: Tell,
): Promise<LogComparison> {
  const theirs = eventsIn(other, await other.head());
  let [events, position] = [0, one.start];
  for await (const event of eventsIn(one, head)) {
    const same = (await theirs.next()).value;
    if (!same) return { events, position };
    const part = partsOf(event).find((it) => JSON.stringify(event[it]) !== JSON.stringify(same[it]));
    if (part || partsOf(same).length !== partsOf(event).length)
      throw new CliError(
        `Event number ${events + 1} of the target, ${same.id} at ${same.stream}@${same.version}, is not that of the source, ` +
          `${event.id} at ${event.stream}@${event.version}: ${part ?? 'it has more parts'} differs. The target holds another log.`,
      );
    position = event.position;
    tell(++events);
  }
  const more = (await theirs.next()).value;
  if (!more) return { events, position };
  throw new CliError(
    `The target holds more than the source: event ${more.id} at ${more.stream}@${more.version} is not there.`,
  );
}

/** Appends to the other log what stands behind `after`, up to `head`, in the same order and at the same versions; how many. */
export async function copyEvents(
  one: EventStore,
  after: Position,
  head: Position,
  other: EventStore,
  tell: Tell,
): Promise<number> {
  let copied = 0;
  // One after another: side by side they could come to stand in another order, and a gap would not be told from an end.
  for await (const events of appendsIn(eventsIn(one, head, after))) {
    const { stream, version } = events[0]!;
    try {
      await other.append(stream, version - 1, events.map(stored));
    } catch (error) {
      if (!(error instanceof ConcurrencyError)) throw error;
      throw new CliError(`Somebody else writes to the target: ${error.message}.`, { cause: error });
    }
    tell((copied += events.length));
  }
  return copied;
}

/** Whether contacts were keyed with this secret; true for a log without contacts. */
export async function isIdKeyOfLog(log: EventStore, secret: string): Promise<boolean> {
  for await (const event of eventsIn(log, await log.head()))
    if (event.type === 'ContactRegistered')
      return event.stream === contactStream(event.org, deriveContactKey(secret, event.org, event.personal.contactId));
  return true;
}

/** Neighbours of one stream, as many as one append may hold. */
async function* appendsIn(events: AsyncIterable<RecordedEvent>): AsyncGenerator<readonly RecordedEvent[]> {
  let [next, bytes]: [RecordedEvent[], number] = [[], 0];
  for await (const event of events) {
    const size = Buffer.byteLength(JSON.stringify(event));
    const last = next.at(-1);
    if (last && (last.stream !== event.stream || next.length >= most.events || bytes + size > most.bytes)) {
      yield next;
      [next, bytes] = [[], 0];
    }
    next.push(event);
    bytes += size;
  }
  if (next.length > 0) yield next;
}

async function* eventsIn(log: EventStore, head: Position, after = log.start): AsyncGenerator<RecordedEvent, undefined> {
  if (after >= head) return;
  try {
    for await (const { events } of log.follow(after, { signal: new AbortController().signal }))
      for (const event of events) {
        if (event.position > head) return;
        yield event;
        if (event.position === head) return;
      }
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error;
    throw new CliError(`${error.message}. See what verify says of that log.`, { cause: error });
  }
}

/** An event without its place: streams and versions are given with the append, positions are each log's own. */
function stored({ stream: _, version: __, position: ___, ...event }: RecordedEvent): StoredEvent {
  return event as unknown as StoredEvent;
}

/** All but its position. */
const partsOf = (event: RecordedEvent): (keyof RecordedEvent)[] =>
  (Object.keys(event) as (keyof RecordedEvent)[]).filter((part) => part !== 'position');
