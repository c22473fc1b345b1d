import type { MessagePort } from 'node:worker_threads';
import type { Answer } from '#commands/answer';
import type { Asks, DoorName, Doors } from '#commands/doors';
import type { Envelope } from '#commands/envelope';
import { refuse, type Refusal } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';
import type { Qualified } from './worker.js';

/** What a worker's thread says to the thread that takes commands, and hears from it. */
export interface Asked<Name extends DoorName = DoorName> {
  readonly n: number;
  readonly name: Name;
  readonly ask: Asks[Name];
  readonly envelope: Envelope;
}
/** What it says besides: the figures of a process are in the thread that takes commands. */
export interface Heard {
  readonly qualified: Qualified;
}
export type Told =
  | { readonly stop: true }
  | { readonly n: number; readonly answer: Answer }
  | { readonly n: number; readonly refused: Pick<Refusal, 'code' | 'details'> }
  | { readonly n: number; readonly failed: string; readonly passing: boolean };

/** Asks for commands where the log's one writer is: in the parent thread. */
export function threadDoor(port: MessagePort): Doors {
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  let asked = 0;
  port.on('message', (told: Told) => {
    if (!('n' in told)) return;
    const waiter = waiting.get(told.n);
    waiting.delete(told.n);
    if ('answer' in told) waiter?.resolve(told.answer);
    else if ('refused' in told) waiter?.reject(refuse(told.refused.code, told.refused.details));
    else waiter?.reject(told.passing ? new Unavailable(told.failed) : new Error(told.failed));
  });
  return (name, ask, envelope) =>
    new Promise((resolve, reject) => {
      const n = asked++;
      waiting.set(n, { resolve, reject });
      port.postMessage({ n, name, ask, envelope } satisfies Asked<typeof name>);
    });
}
