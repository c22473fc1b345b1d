import { connect } from 'node:net';

/** What came back over a bare socket; null when the connection was closed without an answer. */
export type RawResponse = { readonly status: number; readonly head: string; readonly body: string } | null;

/** Bytes as they are, with pauses between the pieces where there are several; resolves when the other side closes. @throws on a hang */
export async function sendRaw(
  url: string,
  pieces: readonly (Buffer | string)[],
  patienceMs = 30_000,
): Promise<RawResponse> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const heard: Buffer[] = [];
  socket.on('data', (chunk) => heard.push(chunk)).on('error', () => undefined);
  const closed = new Promise<boolean>((resolve) => {
    socket.once('close', () => resolve(true));
    setTimeout(() => resolve(false), patienceMs).unref();
  });
  for (const [nth, piece] of pieces.entries()) {
    if (nth > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    if (socket.writable) socket.write(piece);
  }
  if (!(await closed)) {
    socket.destroy();
    throw new Error(`No answer within ${patienceMs} ms`);
  }
  return answerIn(Buffer.concat(heard).toString('utf8'));
}

/** Bytes of a request that never ends: the connection is broken off after them. */
export async function sendAndReset(url: string, bytes: Buffer | string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  socket.resetAndDestroy();
}

/** The last answer: interim ones (100 Continue) come before it. */
function answerIn(text: string): RawResponse {
  const from = text.replace(/^HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/, '');
  const status = /^HTTP\/1\.1 (\d{3})/.exec(from)?.[1];
  if (status === undefined) return null;
  const end = from.indexOf('\r\n\r\n');
  return { status: Number(status), head: from.slice(0, end).toLowerCase(), body: from.slice(end + 4) };
}
