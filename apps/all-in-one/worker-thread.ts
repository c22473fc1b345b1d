import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Companion } from '#wiring/serve';

const pauseMs = 1_000;

/** Runs the worker app in a thread of its own, and again when it ends by itself: views must not stand still in silence. */
export class WorkerThread implements Companion {
  private worker: Worker | undefined;
  private stopping = false;

  constructor(private readonly logger: Logger) {
    this.start();
  }

  /** Lets the batch under way finish. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { worker } = this;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('stop');
    await ended;
  }

  private start(): void {
    const worker = new Worker(new URL('../worker/main.js', import.meta.url));
    this.worker = worker;
    worker.on('error', (error) => this.logger.error({ err: error }, 'worker failed'));
    worker.once('exit', (code) => {
      this.worker = undefined;
      if (this.stopping) return;
      this.logger.error({ code }, 'worker ended; it is started again');
      setTimeout(() => !this.stopping && this.start(), pauseMs).unref();
    });
  }
}
