import type { Position, StoredEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { UnreadableEvent } from '#domain/event-codec';
import { ConcurrencyError, type EventStore } from '#event-store/event-store';
import { OperatorError } from '#wiring/operator-error';

/** EventStoreDB accepts 1 MiB per append. An event larger than `maxBytes` is appended alone. */
const maxEvents = 200;
const maxBytes = 400_000;

/** Called repeatedly with the number of events processed so far. */
type OnProgress = (events: number) => void;

/** The common beginning of two logs. */
export interface LogComparison {
  readonly events: number;
  /** Position of the last common event in the first log. */
  readonly position: Position;
}

/**
 * Reads both logs in parallel, the source up to `head`, until one of them ends.
 * @throws OperatorError at the first event of the target that differs from the source's, or that the source does not have
 */
export async function compareLogs(
  source: EventStore,
  head: Position,
  target: EventStore,
  onProgress: OnProgress,
): Promise<LogComparison> {
  const targetEvents = readEvents(target, await target.head());
  let events = 0;
  let position = source.start;
  for await (const event of readEvents(source, head)) {
    const copy = (await targetEvents.next()).value;
    if (!copy) return { events, position };
    const fields = comparedFields(event);
    const field = fields.find((name) => JSON.stringify(event[name]) !== JSON.stringify(copy[name]));
    if (field || comparedFields(copy).length !== fields.length)
      throw new OperatorError(
        `Event number ${events + 1} of the target, ${copy.id} at ${copy.stream}@${copy.version}, differs from the source's, ` +
          `${event.id} at ${event.stream}@${event.version}, in ${field ?? 'its number of fields'}. The target contains another log. Set --to to an empty log.`,
      );
    position = event.position;
    events += 1;
    onProgress(events);
  }
  const extra = (await targetEvents.next()).value;
  if (!extra) return { events, position };
  throw new OperatorError(
    `The target contains more than the source: event ${extra.id} at ${extra.stream}@${extra.version} is not in the source. Set --to to an empty log.`,
  );
}

/** Appends the events from `after` to `head` in the same order and at the same versions. Returns how many. */
export async function copyEvents(
  source: EventStore,
  after: Position,
  head: Position,
  target: EventStore,
  onProgress: OnProgress,
): Promise<number> {
  let copied = 0;
  // Sequentially: concurrent appends could change the order, and after an interruption a gap would look like the end.
  for await (const events of groupIntoAppends(readEvents(source, head, after))) {
    const { stream, version } = events[0]!;
    try {
      await target.append(stream, version - 1, events.map(toStoredEvent));
    } catch (error) {
      if (!(error instanceof ConcurrencyError)) throw error;
      throw new OperatorError(
        `Another process writes to the target: ${error.message}. Stop it, and run migrate again.`,
        1,
        {
          cause: error,
        },
      );
    }
    copied += events.length;
    onProgress(copied);
  }
  return copied;
}

/** Groups consecutive events of one stream, as many as one append may hold. */
async function* groupIntoAppends(events: AsyncIterable<RecordedEvent>): AsyncGenerator<readonly RecordedEvent[]> {
  let group: RecordedEvent[] = [];
  let bytes = 0;
  for await (const event of events) {
    const size = Buffer.byteLength(JSON.stringify(event));
    const previous = group.at(-1);
    if (previous && (previous.stream !== event.stream || group.length >= maxEvents || bytes + size > maxBytes)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(event);
    bytes += size;
  }
  if (group.length > 0) yield group;
}

async function* readEvents(
  log: EventStore,
  head: Position,
  after = log.start,
): AsyncGenerator<RecordedEvent, undefined> {
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
    throw new OperatorError(`${error.message}. Run verify on that log.`, 1, { cause: error });
  }
}

/** Stream and version are arguments of the append, and each log assigns its own positions. */
function toStoredEvent({ stream: _, version: __, position: ___, ...event }: RecordedEvent): StoredEvent {
  return event as unknown as StoredEvent;
}

const comparedFields = (event: RecordedEvent): (keyof RecordedEvent)[] =>
  (Object.keys(event) as (keyof RecordedEvent)[]).filter((field) => field !== 'position');
