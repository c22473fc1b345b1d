import { connect } from 'node:net';

/** The response on a bare socket; null if the server closed the connection without one. */
export type RawResponse = { readonly status: number; readonly head: string; readonly body: string } | null;

/**
 * Sends the bytes unchanged, with 5 ms between the pieces, and resolves when the server closes the connection.
 * @throws if it is still open after `timeoutMs`
 */
export async function sendRaw(
  url: string,
  pieces: readonly (Buffer | string)[],
  timeoutMs = 30_000,
): Promise<RawResponse> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk)).on('error', () => undefined);
  const closed = new Promise<boolean>((resolve) => {
    socket.once('close', () => resolve(true));
    setTimeout(() => resolve(false), timeoutMs).unref();
  });
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    if (socket.writable) socket.write(piece);
  }
  if (!(await closed)) {
    socket.destroy();
    throw new Error(`The server did not close the connection within ${timeoutMs} ms`);
  }
  return parseResponse(Buffer.concat(received).toString('utf8'));
}

/** Sends the beginning of a request, then resets the connection. */
export async function sendAndReset(url: string, bytes: Buffer | string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  socket.resetAndDestroy();
}

/** Skips an interim response (100 Continue). */
function parseResponse(text: string): RawResponse {
  const response = text.replace(/^HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/, '');
  const status = /^HTTP\/1\.1 (\d{3})/.exec(response)?.[1];
  if (status === undefined) return null;
  const end = response.indexOf('\r\n\r\n');
  return { status: Number(status), head: response.slice(0, end).toLowerCase(), body: response.slice(end + 4) };
}
