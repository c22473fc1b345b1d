import { deserialize, type Document, ObjectId, serialize } from 'bson';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FakeMongodbData, MongodbCommandError, duplicateKeyError } from './fake-mongodb-server.data.js';

/** What happens to a command instead of, or besides, being answered. */
export type Fault =
  /** The connection is cut: before the command is applied, or after it but before the answer. */
  | { readonly disconnect: 'before' | 'after' }
  | { readonly errorCode: number }
  /** An update of rows, none of them applied: as if somebody else had just inserted each. */
  | { readonly hasDuplicateKeys: true }
  /** Applied and answered after this; for as long as it takes. */
  | { readonly delayUntil: Promise<unknown> };

const electionId = new ObjectId();

const opReply = 1;
const opQuery = 2004;
const opMsg = 2013;

/**
 * A server in this process that speaks MongoDB's protocol over real sockets: the commands that the storage of views uses, and no
 * others. What it holds outlives a restart.
 */
export class FakeMongodbServer {
  private readonly data: FakeMongodbData;
  private readonly sockets = new Set<Socket>();
  private readonly faults: { readonly command: string; readonly fault: Fault }[] = [];
  private server: Server | undefined;
  private port = 0;
  /** Names of the commands that came, but for those of the driver's own. */
  readonly receivedCommands: string[] = [];

  private constructor(
    private readonly replicaSet: boolean,
    scans: boolean,
  ) {
    this.data = new FakeMongodbData(scans);
  }

  /**
   * `replicaSet`: it says that it is one, with itself as the only member; otherwise it stands alone. Without `scans`, it answers
   * nothing that it has no index for.
   */
  static async start({ replicaSet = true, scans = true } = {}): Promise<FakeMongodbServer> {
    const server = new FakeMongodbServer(replicaSet, scans);
    await server.start();
    return server;
  }

  /** The driver is told not to repeat writes by itself: what fails is to be seen. */
  url(database = 'views'): string {
    return `mongodb://127.0.0.1:${this.port}/${database}?retryWrites=false`;
  }

  /** Again on the same port, when it was stopped. */
  async start(): Promise<void> {
    this.server = createServer((socket) => this.serve(socket));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Cuts all connections. */
  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** What happens to the next such command; may be said several times. */
  injectFault(command: string, fault: Fault): void {
    this.faults.push({ command, fault });
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (some) => {
      received = received.length === 0 ? some : Buffer.concat([received, some]);
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const length = received.readInt32LE(0);
        void this.take(socket, received.subarray(0, length));
        received = received.subarray(length);
      }
    });
  }

  private member(): Document {
    const me = `127.0.0.1:${this.port}`;
    return { setName: 'played', hosts: [me], primary: me, me, setVersion: 1, electionId };
  }

  private async take(socket: Socket, message: Buffer): Promise<void> {
    const [id, opcode] = [message.readInt32LE(4), message.readInt32LE(12)];
    const command = opcode === opQuery ? commandInQuery(message) : commandInMsg(message);
    const answer = await this.answer(command);
    if (!answer) socket.destroy();
    else if (!socket.destroyed) socket.write(opcode === opQuery ? reply(id, answer) : msg(id, answer));
  }

  /** Undefined: the connection is cut. */
  private async answer(command: Document): Promise<Document | undefined> {
    const name = Object.keys(command)[0]!;
    if (!/^(hello|ismaster|endSessions)$/i.test(name)) this.receivedCommands.push(name);
    const at = this.faults.findIndex((each) => each.command === name);
    const fault = at < 0 ? undefined : this.faults.splice(at, 1)[0]!.fault;
    if (fault && 'delayUntil' in fault) await fault.delayUntil;
    if (fault && 'disconnect' in fault && fault.disconnect === 'before') return undefined;
    try {
      if (fault && 'errorCode' in fault) throw new MongodbCommandError(fault.errorCode, 'refused as asked');
      const answer = fault && 'hasDuplicateKeys' in fault ? allTaken(command) : this.data.run(name, command);
      const told = /^(hello|ismaster)$/i.test(name) && this.replicaSet ? { ...answer, ...this.member() } : answer;
      return fault && 'disconnect' in fault ? undefined : { ...told, ok: 1 };
    } catch (error) {
      const code = error instanceof MongodbCommandError ? error.code : 8;
      return { ok: 0, code, codeName: `Code${code}`, errmsg: String((error as Error).message) };
    }
  }
}

const allTaken = ({ updates }: Document): Document => ({
  n: 0,
  nModified: 0,
  writeErrors: (updates as readonly unknown[]).map((_, index) => duplicateKeyError(index)),
});

/** Of a command before the driver knows what the server speaks. */
function commandInQuery(message: Buffer): Document {
  const name = message.indexOf(0, 20);
  return deserialize(message.subarray(name + 9));
}

/** A document, and beside it the long lists of what to write. */
function commandInMsg(message: Buffer): Document {
  let command: Document = {};
  const lists: Document = {};
  for (let at = 20; at < message.length;) {
    const kind = message[at++];
    const end = at + message.readInt32LE(at);
    if (kind === 0) command = deserialize(message.subarray(at, end));
    else {
      const nameEnd = message.indexOf(0, at + 4);
      const list: Document[] = (lists[message.toString('utf8', at + 4, nameEnd)] = []);
      for (let next = nameEnd + 1; next < end; next += message.readInt32LE(next))
        list.push(deserialize(message.subarray(next, next + message.readInt32LE(next))));
    }
    at = end;
  }
  return { ...command, ...lists };
}

const msg = (to: number, answer: Document): Buffer => {
  const body = serialize(answer, { ignoreUndefined: true });
  // No flags; one section of kind 0.
  return Buffer.concat([header(opMsg, to, 5 + body.length), Buffer.alloc(5), body]);
};

const reply = (to: number, answer: Document): Buffer => {
  const body = serialize(answer, { ignoreUndefined: true });
  // No flags, no cursor, from the first one on, one document.
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
