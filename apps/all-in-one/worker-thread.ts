import { Worker } from 'node:worker_threads';
import type { CommandBus } from '@nestjs/cqrs';
import type { Logger } from 'pino';
import type { DispatchRequest, ParentMessage, ScorerCallMessage } from '#apps/worker/thread-dispatcher';
import { createCommandMessage, type CommandKind } from '#commands/command-dispatcher';
import { isRefusal } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';

const restartDelayMs = 1_000;

/**
 * Runs the worker in a thread, and restarts it if it ends unexpectedly. The commands of its automations are executed in this thread,
 * which has the log's only writer.
 */
export class WorkerThread {
  private worker: Worker | undefined;
  private isStopping = false;

  constructor(
    private readonly logger: Logger,
    private readonly onScorerCall: (message: ScorerCallMessage) => void,
  ) {}

  start(bus: CommandBus): void {
    const worker = new Worker(new URL('../worker/worker.thread.js', import.meta.url));
    this.worker = worker;
    worker.on('message', <Kind extends CommandKind>(message: DispatchRequest<Kind> | ScorerCallMessage) => {
      if ('scorerCall' in message) return this.onScorerCall(message);
      const { id, kind, command, context } = message;
      const reply = (response: ParentMessage): void => worker.postMessage(response);
      bus.execute(createCommandMessage(kind, command, context)).then(
        ({ response }) => reply({ id, response }),
        (error: unknown) => {
          if (isRefusal(error)) reply({ id, refused: { code: error.code, details: error.details } });
          else reply({ id, failed: String(error), isTransient: error instanceof Unavailable });
        },
      );
    });
    worker.on('error', (error) => this.logger.error({ err: error }, 'worker failed'));
    worker.once('exit', (code) => {
      this.worker = undefined;
      if (this.isStopping) return;
      this.logger.error({ code }, `worker ended; restarting in ${restartDelayMs} ms`);
      setTimeout(() => {
        if (!this.isStopping) this.start(bus);
      }, restartDelayMs).unref();
    });
  }

  /** Resolves when the current batch is finished and the thread has ended. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const { worker } = this;
    if (!worker) return;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ stop: true } satisfies ParentMessage);
    await exited;
  }
}
