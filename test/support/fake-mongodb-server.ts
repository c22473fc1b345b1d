import { Binary, deserialize, type Document, Long, ObjectId, serialize, type Timestamp } from 'bson';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { duplicateKeyError, FakeMongodbData, MongodbCommandError } from './fake-mongodb-server.data.js';

/** A fault of one command. */
export type Fault =
  /** The connection is closed before the command is applied, or after it but before the response. */
  | { readonly disconnect: 'before' | 'after' }
  | { readonly errorCode: number }
  /**
   * A read is answered from this earlier moment (see `takeSnapshot`), as by a primary that was just elected, or by another shard. A
   * read that requires a later moment (`afterClusterTime`) is not.
   */
  | { readonly staleSince: Timestamp }
  /** No update is applied. The updates fail with these codes, in this order. */
  | { readonly writeErrorCodes: readonly number[] }
  /** The command is applied when this has resolved. */
  | { readonly delayUntil: Promise<unknown> }
  /** The same for a command that satisfies `only`. */
  | { readonly delayUntil: Promise<unknown>; readonly only: (command: Document) => boolean };

const electionId = new ObjectId();

/** Errors after which a real server asks the driver to repeat a write. */
const retryableCodes: ReadonlySet<number> = new Set([6, 7, 89, 91, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435]);

const opReply = 1;
const opQuery = 2004;
const opMsg = 2013;

/**
 * A server in this process that speaks MongoDB's protocol over real sockets. It knows only the commands that the view store uses.
 * Its data survives a restart.
 */
export class FakeMongodbServer {
  private readonly data: FakeMongodbData;
  private readonly sockets = new Set<Socket>();
  private readonly faults: { readonly command: string; readonly fault: Fault }[] = [];
  private server: Server | undefined;
  private port = 0;
  /** The last write of each session. A write that the driver repeats has the same number, and is not applied again. */
  private readonly lastWrites = new Map<string, { readonly number: bigint; readonly response: Document }>();
  /** Names of the received commands, without those that the driver sends by itself. */
  readonly receivedCommands: string[] = [];

  private constructor(
    private readonly replicaSet: boolean,
    scans: boolean,
  ) {
    this.data = new FakeMongodbData(scans);
  }

  /**
   * With `replicaSet` it is one, with itself as the only member; otherwise it is a standalone server. Without `scans`, it rejects
   * queries that have no suitable index.
   */
  static async start({ replicaSet = true, scans = true } = {}): Promise<FakeMongodbServer> {
    const server = new FakeMongodbServer(replicaSet, scans);
    await server.start();
    return server;
  }

  /** As in production, the driver repeats a failed write once: see `injectWriteFault`. */
  url(database = 'views'): string {
    return `mongodb://127.0.0.1:${this.port}/${database}`;
  }

  /** Uses the same port again after a stop. */
  async start(): Promise<void> {
    this.server = createServer((socket) => this.serve(socket));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Closes all connections. */
  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Applies to the next such command. Several faults apply to one command each. */
  injectFault(command: string, fault: Fault): void {
    this.faults.push({ command, fault });
  }

  /** A fault that the driver cannot solve by repeating the write. */
  injectWriteFault(command: string, fault: Fault): void {
    this.injectFault(command, fault);
    this.injectFault(command, fault);
  }

  /** The present moment, for `staleSince`. */
  takeSnapshot(): Timestamp {
    return this.data.takeSnapshot().time;
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const length = received.readInt32LE(0);
        void this.handle(socket, received.subarray(0, length));
        received = received.subarray(length);
      }
    });
  }

  private replicaSetInfo(): Document {
    const me = `127.0.0.1:${this.port}`;
    return { setName: 'fake', hosts: [me], primary: me, me, setVersion: 1, electionId };
  }

  private async handle(socket: Socket, message: Buffer): Promise<void> {
    const [id, opcode] = [message.readInt32LE(4), message.readInt32LE(12)];
    const command = opcode === opQuery ? parseQuery(message) : parseMsg(message);
    const response = await this.respond(command);
    if (!response) socket.destroy();
    else if (!socket.destroyed) socket.write(opcode === opQuery ? formatReply(id, response) : formatMsg(id, response));
  }

  /** Undefined: the connection must be closed. */
  private async respond(command: Document): Promise<Document | undefined> {
    const name = Object.keys(command)[0]!;
    if (!/^(hello|ismaster|endSessions)$/i.test(name)) this.receivedCommands.push(name);
    const faultIndex = this.faults.findIndex(
      ({ command: faulty, fault: waiting }) => faulty === name && (!('only' in waiting) || waiting.only(command)),
    );
    const fault = faultIndex < 0 ? undefined : this.faults.splice(faultIndex, 1)[0]!.fault;
    if (fault && 'delayUntil' in fault) await fault.delayUntil;
    if (fault && 'disconnect' in fault && fault.disconnect === 'before') return undefined;
    try {
      if (fault && 'errorCode' in fault) throw new MongodbCommandError(fault.errorCode, 'injected error');
      const apply = (): Document =>
        fault && 'writeErrorCodes' in fault
          ? failWrites(fault.writeErrorCodes)
          : this.data.run(name, fault ? asOf(fault, command) : command);
      const result = this.applyOnce(command, apply);
      if (fault && 'disconnect' in fault) return undefined;
      const isHello = /^(hello|ismaster)$/i.test(name);
      return { ...result, ...(isHello && this.replicaSet ? this.replicaSetInfo() : {}), ...this.times(), ok: 1 };
    } catch (error) {
      const code = error instanceof MongodbCommandError ? error.code : 8;
      const isRetryable = retryableCodes.has(code) && command['txnNumber'] !== undefined;
      return {
        ok: 0,
        code,
        codeName: `Code${code}`,
        errmsg: String((error as Error).message),
        ...(isRetryable ? { errorLabels: ['RetryableWriteError'] } : {}),
        ...this.times(),
      };
    }
  }

  /** @throws MongodbCommandError when the session has sent a later write */
  private applyOnce({ lsid, txnNumber }: Document, apply: () => Document): Document {
    if (txnNumber === undefined) return apply();
    const session = (lsid as { readonly id: Binary }).id.toString('hex');
    const number = BigInt(String(txnNumber));
    const last = this.lastWrites.get(session);
    if (last?.number === number) return last.response;
    if (last && last.number > number) throw new MongodbCommandError(225, 'a later write of this session was received');
    const response = apply();
    this.lastWrites.set(session, { number, response });
    return response;
  }

  /** A standalone server does not send them. */
  private times(): Document {
    if (!this.replicaSet) return {};
    const { operationTime } = this.data;
    const signature = { hash: new Binary(Buffer.alloc(20)), keyId: Long.ZERO };
    return { operationTime, $clusterTime: { clusterTime: operationTime, signature } };
  }
}

function asOf(fault: Fault, command: Document): Document {
  if (!('staleSince' in fault)) return command;
  const { afterClusterTime } = (command['readConcern'] ?? {}) as { readonly afterClusterTime?: Timestamp };
  if (afterClusterTime?.greaterThan(fault.staleSince)) return command;
  return { ...command, readConcern: { level: 'snapshot', atClusterTime: fault.staleSince } };
}

const failWrites = (codes: readonly number[]): Document => ({
  n: 0,
  nModified: 0,
  writeErrors: codes.map((code, index) => ({ ...duplicateKeyError(index), code })),
});

/** The driver sends its first command like this, before it knows the server's version. */
function parseQuery(message: Buffer): Document {
  const name = message.indexOf(0, 20);
  return deserialize(message.subarray(name + 9));
}

/** A command document, followed by its long lists in sections of their own. */
function parseMsg(message: Buffer): Document {
  let command: Document = {};
  const lists: Document = {};
  for (let offset = 20; offset < message.length;) {
    const kind = message[offset++];
    const end = offset + message.readInt32LE(offset);
    if (kind === 0) command = deserialize(message.subarray(offset, end));
    else {
      const nameEnd = message.indexOf(0, offset + 4);
      const list: Document[] = (lists[message.toString('utf8', offset + 4, nameEnd)] = []);
      for (let next = nameEnd + 1; next < end; next += message.readInt32LE(next))
        list.push(deserialize(message.subarray(next, next + message.readInt32LE(next))));
    }
    offset = end;
  }
  return { ...command, ...lists };
}

const formatMsg = (to: number, response: Document): Buffer => {
  const body = serialize(response, { ignoreUndefined: true });
  // No flags; one section of kind 0.
  return Buffer.concat([header(opMsg, to, 5 + body.length), Buffer.alloc(5), body]);
};

const formatReply = (to: number, response: Document): Buffer => {
  const body = serialize(response, { ignoreUndefined: true });
  // No flags, no cursor, starting at the first document, one document.
  const fields = Buffer.alloc(20);
  fields.writeInt32LE(1, 16);
  return Buffer.concat([header(opReply, to, fields.length + body.length), fields, body]);
};

function header(opcode: number, to: number, length: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(16 + length, 0);
  bytes.writeInt32LE(to, 8);
  bytes.writeInt32LE(opcode, 12);
  return bytes;
}
