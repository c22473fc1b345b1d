import { parentPort } from 'node:worker_threads';
import { ViewBeingBuilt, ViewsUnavailable } from '../view-store.js';
import { FileReader } from './file.reader.js';
import type { ToThread } from './thread.client.js';

// The thread that reads views: one question at a time, of any view of its store.
const files = new Map<string, FileReader>();
const port = parentPort!;

port.on('message', ({ id, stem, shape, question }: ToThread) => {
  if (question === null) {
    for (const file of files.values()) file.close();
    port.close();
    return;
  }
  try {
    if (shape) files.set(stem, new FileReader(stem, shape));
    port.postMessage({ id, answer: files.get(stem)!.answer(question) });
  } catch (error) {
    const { message, cause } = error as Error;
    const because = cause instanceof Error ? cause.message : undefined;
    const view = error instanceof ViewBeingBuilt ? error.view : undefined;
    const unavailable = error instanceof ViewsUnavailable;
    port.postMessage({ id, error: { message, cause: because, unavailable, beingBuilt: view } });
  }
});
