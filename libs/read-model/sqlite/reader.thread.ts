import { parentPort } from 'node:worker_threads';
import { ViewsUnavailable } from '../view-store.js';
import { FileReader } from './file.reader.js';
import type { ToThread } from './thread.client.js';

// The thread that reads views: one question at a time, of any view of its store.
const files = new Map<string, FileReader>();
const port = parentPort!;

port.on('message', ({ id, path, shape, question }: ToThread) => {
  if (question === null) {
    for (const file of files.values()) file.close();
    port.close();
    return;
  }
  try {
    if (shape) files.set(path, new FileReader(path, shape));
    port.postMessage({ id, answer: files.get(path)!.answer(question) });
  } catch (error) {
    const { message, cause } = error as Error;
    const because = cause instanceof Error ? cause.message : undefined;
    port.postMessage({ id, error: { message, cause: because, unavailable: error instanceof ViewsUnavailable } });
  }
});
