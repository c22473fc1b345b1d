import { Worker } from 'node:worker_threads';
import type { CommandBus } from '@nestjs/cqrs';
import type { Logger } from 'pino';
import type { DispatchRequest, ScorerCallMessage, ParentMessage } from '#apps/worker/thread-dispatcher';
import { createCommandMessage, type CommandKind } from '#commands/command-dispatcher';
import { isRefusal } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';

const pauseMs = 1_000;

/**
 * Runs the worker in a thread of its own, and again when it ends by itself: views must not stand still in silence. What its
 * automations ask for is done here, where the log's writer is.
 */
export class WorkerThread {
  private worker: Worker | undefined;
  private stopping = false;

  constructor(
    private readonly logger: Logger,
    private readonly hear: (heard: ScorerCallMessage) => void,
  ) {}

  start(bus: CommandBus): void {
    const worker = new Worker(new URL('../worker/worker.thread.js', import.meta.url));
    this.worker = worker;
    worker.on('message', <Name extends CommandKind>(said: DispatchRequest<Name> | ScorerCallMessage) => {
      if ('scorerCall' in said) return this.hear(said);
      const { id: n, name, command: ask, context: envelope } = said;
      const tell = (told: ParentMessage): void => worker.postMessage(told);
      bus.execute(createCommandMessage(name, ask, envelope)).then(
        ({ response }) => tell({ id: n, response }),
        (error: unknown) => {
          if (isRefusal(error)) tell({ id: n, refused: { code: error.code, details: error.details } });
          else tell({ id: n, failed: String(error), isTransient: error instanceof Unavailable });
        },
      );
    });
    worker.on('error', (error) => this.logger.error({ err: error }, 'worker failed'));
    worker.once('exit', (code) => {
      this.worker = undefined;
      if (this.stopping) return;
      this.logger.error({ code }, 'worker ended; it is started again');
      setTimeout(() => !this.stopping && this.start(bus), pauseMs).unref();
    });
  }

  /** Lets the batch under way finish. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { worker } = this;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ stop: true } satisfies ParentMessage);
    await ended;
  }
}
