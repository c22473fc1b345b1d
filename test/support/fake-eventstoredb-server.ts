import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import gossip from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossipMessages from '@eventstore/db-client/generated/gossip_pb.js';
import serverFeatures from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import serverFeaturesMessages from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import service from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type {
  AppendReq,
  AppendResp,
  DeleteReq,
  DeleteResp,
  ReadReq,
  ReadResp,
} from '@eventstore/db-client/generated/streams_pb.js';
import messages from '@eventstore/db-client/generated/streams_pb.js';
import {
  type ExpectedRevision,
  type ProposedEvent,
  type StoredRecord,
  StoredLog,
  WrongVersion,
} from './fake-eventstoredb-server.log.js';

/** How a call fails before anything was done. */
export type Fault = 'unavailable' | 'not ready' | 'not leader' | 'denied';

type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

/**
 * A server in this process that speaks EventStoreDB's protocol over real sockets, as far as the adapter uses it, and can be made
 * to fail. What it stored it still has after a restart.
 */
export class FakeEventStoreDbServer {
  readonly log = new StoredLog();
  /** Reads and subscriptions that nobody has ended. */
  openReadCount = 0;
  appendCount = 0;
  /** Events that subscriptions were sent. */
  eventsSent = 0;
  /** False: an append is answered without a position. */
  returnsPositions = true;
  /** The client's other way to append, which the adapter must not take. */
  batchAppendCount = 0;
  /** How many events of all streams were looked through backwards. */
  eventsScanned = 0;
  /** Where "not leader" sends the client. */
  leaderPort = 0;
  /** How many milliseconds an answer to an append takes. */
  appendDelayMs = 0;
  /** Events after which a subscription is dropped, each time. */
  dropAfterEvents = Infinity;
  readonly #faults: Fault[] = [];
  readonly #subscriptions = new Set<ReadCall>();
  readonly #followers = new Set<() => void>();
  #unanswered = 0;
  #frozen = false;
  #port = 0;
  #server: Server | undefined;

  static async start(): Promise<FakeEventStoreDbServer> {
    const server = new FakeEventStoreDbServer();
    await server.start();
    return server;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.#port}?tls=false`;
  }

  get port(): number {
    return this.#port;
  }

  /** On the port that it had before. */
  async start(): Promise<void> {
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(service.StreamsService, {
      read: (call: ReadCall) => void this.#read(call),
      append: (call: ServerReadableStream<AppendReq, AppendResp>, answer: sendUnaryData<AppendResp>) =>
        void this.#append(call, answer),
      delete: (call: ServerUnaryCall<DeleteReq, DeleteResp>, answer: sendUnaryData<DeleteResp>) =>
        this.#delete(call.request, answer),
      tombstone: (_: unknown, answer: sendUnaryData<never>) => answer({ code: status.UNIMPLEMENTED }),
      batchAppend: (call: ReadCall) => {
        this.batchAppendCount += 1;
        call.emit('error', { code: status.UNIMPLEMENTED });
      },
    });
    server.addService(serverFeatures.ServerFeaturesService, {
      getSupportedMethods: (_: unknown, answer: sendUnaryData<object>) => answer(null, supported()),
    });
    server.addService(gossip.GossipService, {
      read: (_: unknown, answer: sendUnaryData<object>) => answer(null, this.#members()),
    });
    this.#port = await new Promise<number>((resolve, reject) => {
      const address = `127.0.0.1:${this.#port}`;
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    this.#server = server;
  }

  /** Breaks all connections off. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#subscriptions.clear();
    this.openReadCount = 0;
  }

  /** The next calls fail so, one after another. */
  failNext(...faults: Fault[]): void {
    this.#faults.push(...faults);
  }

  /** The next appends are done, and nobody is told. */
  dropResponses(appends: number): void {
    this.#unanswered = appends;
  }

  /** Takes calls and does nothing about them. */
  freeze(): void {
    this.#frozen = true;
  }

  /** What came meanwhile stays without an answer. */
  thaw(): void {
    this.#frozen = false;
    this.#wake();
  }

  dropSubscriptions(): void {
    for (const call of this.#subscriptions) call.emit('error', { code: status.ABORTED, details: 'Consumer too slow' });
  }

  /** Events of somebody else's. */
  appendForeign(stream: string, count: number): void {
    const data = Buffer.from('{}');
    for (let i = 0; i < count; i++)
      this.log.append(stream, 'any', [
        { id: crypto.randomUUID(), type: 'Foreign', contentType: 'application/json', data },
      ]);
    this.#wake();
  }

  /** Undefined: go on. False: say nothing, ever. */
  #fault(): { code: status; details: string; metadata: Metadata } | false | undefined {
    if (this.#frozen) return false;
    const fault = this.#faults.shift();
    const metadata = new Metadata();
    switch (fault) {
      case undefined:
        return undefined;
      case 'unavailable':
        return { code: status.UNAVAILABLE, details: 'gone', metadata };
      case 'not ready':
        return { code: status.UNKNOWN, details: 'Server Is Not Ready', metadata };
      case 'denied':
        metadata.set('exception', 'access-denied');
        return { code: status.PERMISSION_DENIED, details: 'Access Denied', metadata };
      case 'not leader':
        metadata.set('exception', 'not-leader');
        metadata.set('leader-endpoint-host', '127.0.0.1');
        metadata.set('leader-endpoint-port', String(this.leaderPort));
        return { code: status.NOT_FOUND, details: 'Leader info available', metadata };
    }
  }

  async #append(call: ServerReadableStream<AppendReq, AppendResp>, answer: sendUnaryData<AppendResp>): Promise<void> {
    this.appendCount += 1;
    const fault = this.#fault();
    const requests: AppendReq[] = [];
    call.on('error', () => undefined);
    await new Promise<void>((resolve) => call.on('data', (it: AppendReq) => requests.push(it)).on('end', resolve));
    // Given up by the client: only a part may have come.
    if (fault === false || call.cancelled) return;
    if (fault) return answer(fault);
    const options = requests[0]!.getOptions()!;
    const stream = nameOf(options.getStreamIdentifier()!);
    const events = requests.slice(1).map((request) => proposed(request.getProposedMessage()!));
    const wrong = events.find(({ id, type }) => !/^[0-9a-f-]{36}$/.test(id) || !type);
    if (wrong) return answer({ code: status.UNKNOWN, details: 'Unexpected exception' });
    const expected = options.hasAny() ? 'any' : options.hasNoStream() ? -1n : BigInt(options.getRevision());
    const done = this.log.append(stream, expected, events);
    this.#wake();
    if (this.#unanswered > 0) {
      this.#unanswered -= 1;
      return;
    }
    if (this.appendDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.appendDelayMs));
    answer(null, appended(done, expected, this.returnsPositions));
  }

  #delete(request: DeleteReq, answer: sendUnaryData<DeleteResp>): void {
    const fault = this.#fault();
    if (fault === false) return;
    if (fault) return answer(fault);
    const options = request.getOptions()!;
    const stream = nameOf(options.getStreamIdentifier()!);
    const expected = options.hasAny() ? 'any' : BigInt(options.getRevision());
    const wrong = this.log.delete(stream, expected);
    this.#wake();
    if (!wrong) return answer(null, new messages.DeleteResp());
    const metadata = new Metadata();
    metadata.set('exception', 'wrong-expected-version');
    metadata.set('stream-name', stream);
    metadata.set('expected-version', String(expected));
    metadata.set('actual-version', String(wrong.actual));
    answer({ code: status.FAILED_PRECONDITION, details: 'WrongExpectedVersion', metadata });
  }

  async #read(call: ReadCall): Promise<void> {
    const fault = this.#fault();
    this.openReadCount += 1;
    let open = true;
    const closed = new Promise<void>((resolve) => {
      for (const end of ['cancelled', 'close', 'error', 'finish'])
        call.once(end, () => {
          if (open) this.openReadCount -= this.#server ? 1 : 0;
          open = false;
          resolve();
        });
    });
    if (fault === false) return;
    if (fault) return void call.emit('error', fault);
    const options = call.request.getOptions()!;
    const write = async (response: ReadResp): Promise<void> => {
      if (!call.write(response)) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), closed]);
    };
    const isOpen = (): boolean => open;
    if (options.hasSubscription()) return this.#subscribe(call, options, write, isOpen, closed);
    const found = options.hasStream() ? this.#inStream(options) : this.#inAll(options);
    if (!found) await write(streamNotFound(options));
    for (const event of found ?? []) {
      if (!open) return;
      await write(read(event));
    }
    call.end();
  }

  #inStream(options: ReadReq.Options): readonly StoredRecord[] | undefined {
    const asked = options.getStream()!;
    const stored = this.log.read(nameOf(asked.getStreamIdentifier()!));
    if (!stored) return undefined;
    const count = Number(options.getCount());
    if (Number(options.getReadDirection()) === backwards) return stored.toReversed().slice(0, count);
    const from = asked.hasRevision() ? BigInt(asked.getRevision()) : 0n;
    return stored.filter((event) => event.revision >= from).slice(0, count);
  }

  /** Backwards only: the adapter reads no other way. */
  #inAll(options: ReadReq.Options): readonly StoredRecord[] {
    const all = options.getAll()!;
    const before = all.hasPosition() ? BigInt(all.getPosition()!.getCommitPosition()) : undefined;
    const end = before === undefined ? this.log.all.length : indexBehind(this.log.all, before - 1n);
    const count = Number(options.getCount());
    const page = this.log.all.slice(Math.max(0, end - count), end).reverse();
    this.eventsScanned += page.length;
    return page;
  }

  async #subscribe(
    call: ReadCall,
    options: ReadReq.Options,
    write: (response: ReadResp) => Promise<void>,
    isOpen: () => boolean,
    closed: Promise<void>,
  ): Promise<void> {
    const from = options.getAll()!.getPosition()?.getCommitPosition();
    const after = from === undefined ? -1n : BigInt(from);
    if (after >= 0n && !this.log.all.some(({ commitPosition: place }) => place === after))
      return void call.emit('error', {
        code: status.INVALID_ARGUMENT,
        details: 'Trying to read from an invalid position.',
      });
    this.#subscriptions.add(call);
    void closed.then(() => this.#subscriptions.delete(call));
    await write(new messages.ReadResp().setConfirmation(new messages.ReadResp.SubscriptionConfirmation()));
    const prefixes = options.getFilter()!.getStreamIdentifier()!.getPrefixList();
    let next = indexBehind(this.log.all, after);
    let sent = 0;
    while (isOpen()) {
      const event = this.#frozen ? undefined : this.log.all[next];
      if (event) {
        next += 1;
        if (!prefixes.some((prefix) => event.stream.startsWith(prefix))) continue;
        this.eventsSent += 1;
        await write(read(event));
        if (++sent >= this.dropAfterEvents)
          return void call.emit('error', { code: status.ABORTED, details: 'too slow' });
      } else {
        // Ahead of what the reader has got, and again and again: what a real server says too.
        await write(new messages.ReadResp().setCaughtUp(new messages.ReadResp.CaughtUp()));
        await write(checkpoint(this.log.all.at(-1)?.commitPosition ?? 0n));
        if (this.log.all[next] && !this.#frozen) continue;
        await Promise.race([closed, new Promise<void>((resolve) => this.#followers.add(resolve))]);
      }
    }
  }

  #wake(): void {
    for (const wake of this.#followers) wake();
    this.#followers.clear();
  }

  #members(): object {
    const member = new gossipMessages.MemberInfo()
      .setInstanceId(new shared.UUID().setString('00000000-0000-0000-0000-000000000001'))
      .setTimeStamp('0')
      .setState(gossipMessages.MemberInfo.VNodeState.LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(new gossipMessages.EndPoint().setAddress('127.0.0.1').setPort(this.leaderPort || this.#port));
    return new gossipMessages.ClusterInfo().setMembersList([member]);
  }
}

const backwards = 1;

const nameOf = (identifier: { getStreamName(): Uint8Array | string }): string =>
  Buffer.from(identifier.getStreamName() as Uint8Array).toString('utf8');

/** The index of the first event behind a place. */
function indexBehind(all: readonly StoredRecord[], place: bigint): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all[middle]!.commitPosition <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

const proposed = (message: AppendReq.ProposedMessage): ProposedEvent => ({
  id: message.getId()!.getString(),
  type: message.getMetadataMap().get('type') ?? '',
  contentType: message.getMetadataMap().get('content-type') ?? '',
  data: message.getData_asU8(),
});

function appended(done: StoredRecord | WrongVersion, expected: ExpectedRevision, givesPosition: boolean): AppendResp {
  if (done instanceof WrongVersion) {
    const wrong = new messages.AppendResp.WrongExpectedVersion();
    if (done.actual < 0n) wrong.setCurrentNoStream(new shared.Empty());
    else wrong.setCurrentRevision(String(done.actual));
    if (expected === 'any') wrong.setExpectedAny(new shared.Empty());
    else if (expected < 0n) wrong.setExpectedNoStream(new shared.Empty());
    else wrong.setExpectedRevision(String(expected));
    return new messages.AppendResp().setWrongExpectedVersion(wrong);
  }
  const place = String(done.commitPosition);
  const position = new messages.AppendResp.Position().setCommitPosition(place).setPreparePosition(place);
  const success = new messages.AppendResp.Success().setCurrentRevision(String(done.revision));
  if (givesPosition) success.setPosition(position);
  else success.setNoPosition(new shared.Empty());
  return new messages.AppendResp().setSuccess(success);
}

function read(event: StoredRecord): ReadResp {
  const place = String(event.commitPosition);
  const record = new messages.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(event.id))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)))
    .setStreamRevision(String(event.revision))
    .setCommitPosition(place)
    .setPreparePosition(place)
    .setData(event.data);
  record.getMetadataMap().set('type', event.type).set('content-type', event.contentType).set('created', '0');
  return new messages.ReadResp().setEvent(new messages.ReadResp.ReadEvent().setEvent(record).setCommitPosition(place));
}

const checkpoint = (place: bigint): ReadResp =>
  new messages.ReadResp().setCheckpoint(
    new messages.ReadResp.Checkpoint().setCommitPosition(String(place)).setPreparePosition(String(place)),
  );

const streamNotFound = (options: ReadReq.Options): ReadResp =>
  new messages.ReadResp().setStreamNotFound(
    new messages.ReadResp.StreamNotFound().setStreamIdentifier(options.getStream()!.getStreamIdentifier()),
  );

/** As a real server says: the client would take the batch path. */
const supported = (): object =>
  new serverFeaturesMessages.SupportedMethods()
    .setEventStoreServerVersion('24.2.0')
    .setMethodsList([
      new serverFeaturesMessages.SupportedMethod()
        .setServiceName('event_store.client.streams.streams')
        .setMethodName('batchappend'),
    ]);
