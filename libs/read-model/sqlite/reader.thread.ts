import { parentPort } from 'node:worker_threads';
import { ViewBeingBuilt, ViewsUnavailable } from '../view-store.js';
import { ViewFileReader } from './view-file.reader.js';
import type { ReaderThreadMessage } from './reader-thread.client.js';

// The thread that reads views: one question at a time, of any view of its store.
const files = new Map<string, ViewFileReader>();
const port = parentPort!;

port.on('message', ({ id, stem, schema: shape, request: question }: ReaderThreadMessage) => {
  if (question === null) {
    for (const file of files.values()) file.close();
    port.close();
    return;
  }
  try {
    if (shape) files.set(stem, new ViewFileReader(stem, shape));
    port.postMessage({ id, answer: files.get(stem)!.handle(question) });
  } catch (error) {
    const { message, cause } = error as Error;
    const because = cause instanceof Error ? cause.message : undefined;
    const view = error instanceof ViewBeingBuilt ? error.view : undefined;
    const unavailable = error instanceof ViewsUnavailable;
    port.postMessage({ id, error: { message, cause: because, unavailable, beingBuilt: view } });
  }
});
