import { agentStream } from '#commands/ids';
import { agentDecider, type Agent, type AgentCommand } from '#domain/agent/agent.decide';
import type { AgentEvent } from '#domain/agent/agent.events';
import { agentCount, agentId, dayMs, generateContactHistory, type DatasetOptions } from './contact-generator.js';
import { StreamBuilder, type Append } from './stream-builder.js';

/** Some contacts return after their lead is closed, and get another one. */
const leadsPerContact = 1.17;

/** All appends of a data set of about `leads` leads, in order of time, so the histories of contacts interleave. */
export function* generateAppends(options: DatasetOptions, leads: number): Generator<Append> {
  const { begin, end } = options;
  for (let index = 0; index < agentCount; index++) yield registerAgent(options, index, begin - 30 * dayMs + index);
  const contacts = Math.ceil(leads / leadsPerContact);
  const queue = new AppendQueue();
  for (let number = 1; number <= contacts; number++) {
    // The shop grows: three quarters of the contacts first write in the second half of the time.
    const at = Math.floor(begin + (end - begin) * Math.sqrt(number / (contacts + 1)));
    yield* queue.takeUntil(at);
    for (const append of generateContactHistory(options, number, at).appends) queue.add(append);
  }
  yield* queue.takeUntil(Infinity);
}

function registerAgent(options: DatasetOptions, index: number, at: number): Append {
  const id = agentId(index);
  const stream = new StreamBuilder<Agent, AgentCommand, AgentEvent>(
    agentDecider,
    options.org,
    agentStream(options.org, id),
  );
  const command = { agentId: id, name: `Agent ${index + 1}`, email: null, capacity: null };
  stream.execute({ type: 'RegisterAgent', ...command }, at, { type: 'service', id: 'bench' });
  return stream.appends[0]!;
}

/** The events are kept as one string, because millions of waiting objects would keep the garbage collector busy. */
interface QueuedAppend extends Omit<Append, 'events'> {
  readonly events: string;
}

/** A binary heap ordered by time, then by stream and version. */
class AppendQueue {
  private readonly heap: QueuedAppend[] = [];

  *takeUntil(at: number): Generator<Append> {
    while (this.heap.length > 0 && this.heap[0]!.at <= at) {
      const next = this.takeFirst();
      yield { ...next, events: JSON.parse(next.events) as Append['events'] };
    }
  }

  add(append: Append): void {
    const added: QueuedAppend = { ...append, events: JSON.stringify(append.events) };
    const { heap } = this;
    let index = heap.push(added) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(added, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = added;
  }

  private takeFirst(): QueuedAppend {
    const { heap } = this;
    const [first, last] = [heap[0]!, heap.pop()!];
    if (heap.length === 0) return first;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: QueuedAppend, b: QueuedAppend): boolean {
  if (a.at !== b.at) return a.at < b.at;
  if (a.stream !== b.stream) return a.stream < b.stream;
  return a.expectedVersion < b.expectedVersion;
}
