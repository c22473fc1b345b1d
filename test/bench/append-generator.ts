import { agentStream } from '#commands/ids';
import { agentDecider, type Agent, type AgentCommand } from '#domain/agent/agent.decide';
import type { AgentEvent } from '#domain/agent/agent.events';
import { agentCount, agentId, dayMs, generateContactHistory, type DatasetOptions } from './contact-generator.js';
import { StreamBuilder, type Append } from './stream-builder.js';

/** A contact that is brought to an end comes back, now and then. */
const leadsPerContact = 1.17;

/** Everything that happens in a world of (about) so many leads, in the order in which it happens: lives go on side by side. */
export function* generateAppends(world: DatasetOptions, leads: number): Generator<Append> {
  const { begin, end } = world;
  for (let nth = 0; nth < agentCount; nth++) yield joining(world, nth, begin - 30 * dayMs + nth);
  const contacts = Math.ceil(leads / leadsPerContact);
  const coming = new Coming();
  for (let nr = 1; nr <= contacts; nr++) {
    // The shop grows: the second half of the time brings three quarters of the contacts.
    const at = Math.floor(begin + (end - begin) * Math.sqrt(nr / (contacts + 1)));
    yield* coming.until(at);
    for (const append of generateContactHistory(world, nr, at).appends) coming.add(append);
  }
  yield* coming.until(Infinity);
}

function joining(world: DatasetOptions, nth: number, at: number): Append {
  const id = agentId(nth);
  const stream = new StreamBuilder<Agent, AgentCommand, AgentEvent>(
    agentDecider,
    world.org,
    agentStream(world.org, id),
  );
  const command = { agentId: id, name: `Agent ${nth + 1}`, email: null, capacity: null };
  stream.execute({ type: 'RegisterAgent', ...command }, at, { type: 'service', id: 'bench' });
  return stream.appends[0]!;
}

/** An append that is to come: what it holds as one text, for millions of objects in waiting would keep the collector busy. */
interface Held extends Omit<Append, 'events'> {
  readonly events: string;
}

/** A heap of what will happen, by time; of one moment, by stream and version. */
class Coming {
  private readonly held: Held[] = [];

  *until(at: number): Generator<Append> {
    while (this.held.length > 0 && this.held[0]!.at <= at) {
      const next = this.take();
      yield { ...next, events: JSON.parse(next.events) as Append['events'] };
    }
  }

  add(what: Append): void {
    const append: Held = { ...what, events: JSON.stringify(what.events) };
    const { held } = this;
    let at = held.push(append) - 1;
    for (let up = (at - 1) >> 1; at > 0 && isBefore(append, held[up]!); at = up, up = (at - 1) >> 1)
      held[at] = held[up]!;
    held[at] = append;
  }

  private take(): Held {
    const { held } = this;
    const [first, last] = [held[0]!, held.pop()!];
    if (held.length === 0) return first;
    let at = 0;
    for (let down = 1; down < held.length; down = 2 * at + 1) {
      if (down + 1 < held.length && isBefore(held[down + 1]!, held[down]!)) down += 1;
      if (!isBefore(held[down]!, last)) break;
      held[at] = held[down]!;
      at = down;
    }
    held[at] = last;
    return first;
  }
}

const isBefore = (a: Held, b: Held): boolean =>
  a.at !== b.at ? a.at < b.at : a.stream !== b.stream ? a.stream < b.stream : a.expectedVersion < b.expectedVersion;
