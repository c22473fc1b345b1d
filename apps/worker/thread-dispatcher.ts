import type { MessagePort } from 'node:worker_threads';
import type { CommandContext } from '#commands/command-context';
import type { CommandDispatcher, CommandInputs, CommandKind } from '#commands/command-dispatcher';
import type { CommandResponse } from '#commands/command-response';
import { refuse, type Refusal } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';
import type { ScorerCall } from './worker.js';

/** Sent by the worker thread to the parent thread, which executes commands. */
export interface DispatchRequest<Kind extends CommandKind = CommandKind> {
  readonly id: number;
  readonly kind: Kind;
  readonly command: CommandInputs[Kind];
  readonly context: CommandContext;
}
/** Sent by the worker thread to the parent thread, which collects the metrics of the process. */
export interface ScorerCallMessage {
  readonly scorerCall: ScorerCall;
}
/** Sent by the parent thread to the worker thread. */
export type ParentMessage =
  | { readonly stop: true }
  | { readonly id: number; readonly response: CommandResponse }
  | { readonly id: number; readonly refused: Pick<Refusal, 'code' | 'details'> }
  | { readonly id: number; readonly failed: string; readonly isTransient: boolean };

/** Sends commands to the parent thread, which has the log's only writer. */
export function createThreadDispatcher(port: MessagePort): CommandDispatcher {
  const pending = new Map<number, { resolve(response: CommandResponse): void; reject(error: Error): void }>();
  let nextId = 0;
  port.on('message', (message: ParentMessage) => {
    if (!('id' in message)) return;
    const call = pending.get(message.id);
    pending.delete(message.id);
    if ('response' in message) call?.resolve(message.response);
    else if ('refused' in message) call?.reject(refuse(message.refused.code, message.refused.details));
    else call?.reject(message.isTransient ? new Unavailable(message.failed) : new Error(message.failed));
  });
  return (kind, command, context) =>
    new Promise((resolve, reject) => {
      const id = nextId;
      nextId += 1;
      pending.set(id, { resolve, reject });
      port.postMessage({ id, kind, command, context } satisfies DispatchRequest<typeof kind>);
    });
}
