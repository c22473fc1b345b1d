import type { MessagePort } from 'node:worker_threads';
import type { CommandResponse } from '#commands/command-response';
import type { CommandInputs, CommandKind, CommandDispatcher } from '#commands/command-dispatcher';
import type { CommandContext } from '#commands/command-context';
import { refuse, type Refusal } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';
import type { ScorerCall } from './worker.js';

/** What a worker's thread says to the thread that takes commands, and hears from it. */
export interface DispatchRequest<Name extends CommandKind = CommandKind> {
  readonly id: number;
  readonly name: Name;
  readonly command: CommandInputs[Name];
  readonly context: CommandContext;
}
/** What it says besides: the figures of a process are in the thread that takes commands. */
export interface ScorerCallMessage {
  readonly scorerCall: ScorerCall;
}
export type ParentMessage =
  | { readonly stop: true }
  | { readonly id: number; readonly response: CommandResponse }
  | { readonly id: number; readonly refused: Pick<Refusal, 'code' | 'details'> }
  | { readonly id: number; readonly failed: string; readonly isTransient: boolean };

/** Asks for commands where the log's one writer is: in the parent thread. */
export function createThreadDispatcher(port: MessagePort): CommandDispatcher {
  const waiting = new Map<number, { resolve(answer: CommandResponse): void; reject(error: Error): void }>();
  let asked = 0;
  port.on('message', (told: ParentMessage) => {
    if (!('id' in told)) return;
    const waiter = waiting.get(told.id);
    waiting.delete(told.id);
    if ('response' in told) waiter?.resolve(told.response);
    else if ('refused' in told) waiter?.reject(refuse(told.refused.code, told.refused.details));
    else waiter?.reject(told.isTransient ? new Unavailable(told.failed) : new Error(told.failed));
  });
  return (name, ask, envelope) =>
    new Promise((resolve, reject) => {
      const n = asked++;
      waiting.set(n, { resolve, reject });
      port.postMessage({ id: n, name, command: ask, context: envelope } satisfies DispatchRequest<typeof name>);
    });
}
