import { parentPort } from 'node:worker_threads';
import { ViewBeingBuilt, ViewsUnavailable } from '../view-store.js';
import type { ReaderThreadMessage } from './reader-thread.client.js';
import { ViewFileReader } from './view-file.reader.js';

// The thread that reads views. It handles one request at a time, for any view of its store.
const readers = new Map<string, ViewFileReader>();
const port = parentPort!;

port.on('message', ({ id, basePath, schema, request }: ReaderThreadMessage) => {
  if (request === null) {
    for (const reader of readers.values()) reader.close();
    port.close();
    return;
  }
  try {
    if (schema) readers.set(basePath, new ViewFileReader(basePath, schema));
    port.postMessage({ id, response: readers.get(basePath)!.handle(request) });
  } catch (error) {
    const { message, cause } = error as Error;
    port.postMessage({
      id,
      error: {
        message,
        cause: cause instanceof Error ? cause.message : undefined,
        isUnavailable: error instanceof ViewsUnavailable,
        viewBeingBuilt: error instanceof ViewBeingBuilt ? error.view : undefined,
      },
    });
  }
});
