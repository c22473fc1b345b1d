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
import { sleep } from '#timing/sleep';
import {
  type ExpectedRevision,
  type ProposedEvent,
  type StoredRecord,
  StoredLog,
  WrongVersion,
} from './fake-eventstoredb-server.log.js';

/** How a call fails before the server has done anything. */
export type Fault = 'unavailable' | 'not ready' | 'not leader' | 'denied';

type AppendCall = ServerReadableStream<AppendReq, AppendResp>;
type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

/**
 * An in-process server that speaks EventStoreDB's protocol over real sockets, as far as the adapter uses it, and that can be made
 * to fail. What it has stored survives a restart.
 */
export class FakeEventStoreDbServer {
  readonly log = new StoredLog();
  /** Reads and subscriptions that have not ended. */
  openReadCount = 0;
  appendCount = 0;
  /** Calls of the client's other way to append, which the adapter must not use. */
  batchAppendCount = 0;
  /** Events sent to subscriptions. */
  eventsSent = 0;
  /** Events that were read backwards from all streams. */
  eventsScanned = 0;
  /** False: the response to an append has no position. */
  returnsPositions = true;
  /** Where the fault "not leader" sends the client. */
  leaderPort = 0;
  appendDelayMs = 0;
  /** Every subscription is dropped after this many events. */
  dropAfterEvents = Infinity;
  private readonly faults: Fault[] = [];
  private readonly subscriptions = new Set<ReadCall>();
  private readonly waitingForEvents = new Set<() => void>();
  private responsesToDrop = 0;
  private isFrozen = false;
  private listeningPort = 0;
  private server: Server | undefined;

  static async start(): Promise<FakeEventStoreDbServer> {
    const server = new FakeEventStoreDbServer();
    await server.start();
    return server;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.listeningPort}?tls=false`;
  }

  get port(): number {
    return this.listeningPort;
  }

  /** Listens on the same port as before. */
  async start(): Promise<void> {
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(service.StreamsService, {
      read: (call: ReadCall) => void this.read(call),
      append: (call: AppendCall, respond: sendUnaryData<AppendResp>) => void this.append(call, respond),
      delete: (call: ServerUnaryCall<DeleteReq, DeleteResp>, respond: sendUnaryData<DeleteResp>) =>
        this.delete(call.request, respond),
      tombstone: (_: unknown, respond: sendUnaryData<never>) => respond({ code: status.UNIMPLEMENTED }),
      batchAppend: (call: ReadCall) => {
        this.batchAppendCount += 1;
        call.emit('error', { code: status.UNIMPLEMENTED });
      },
    });
    server.addService(serverFeatures.ServerFeaturesService, {
      getSupportedMethods: (_: unknown, respond: sendUnaryData<object>) => respond(null, supportedMethods()),
    });
    server.addService(gossip.GossipService, {
      read: (_: unknown, respond: sendUnaryData<object>) => respond(null, this.clusterInfo()),
    });
    this.listeningPort = await new Promise<number>((resolve, reject) => {
      const address = `127.0.0.1:${this.listeningPort}`;
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    this.server = server;
  }

  /** Breaks all connections. */
  stop(): void {
    this.server?.forceShutdown();
    this.server = undefined;
    this.subscriptions.clear();
    this.openReadCount = 0;
  }

  /** The next calls fail, one fault each. */
  failNext(...faults: Fault[]): void {
    this.faults.push(...faults);
  }

  /** The next appends are stored but get no response. */
  dropResponses(appends: number): void {
    this.responsesToDrop = appends;
  }

  /** From now on the server accepts calls but does nothing. */
  freeze(): void {
    this.isFrozen = true;
  }

  /** Calls that came while the server was frozen never get a response. */
  thaw(): void {
    this.isFrozen = false;
    this.wakeSubscriptions();
  }

  dropSubscriptions(): void {
    for (const call of this.subscriptions) call.emit('error', { code: status.ABORTED, details: 'Consumer too slow' });
  }

  /** Appends events of another application. */
  appendForeign(stream: string, count: number): void {
    const data = Buffer.from('{}');
    for (let i = 0; i < count; i++)
      this.log.append(stream, 'any', [
        { id: crypto.randomUUID(), type: 'Foreign', contentType: 'application/json', data },
      ]);
    this.wakeSubscriptions();
  }

  /** How the next call fails; 'silent' if it never gets a response, undefined if it succeeds. */
  private nextFailure(): { code: status; details: string; metadata: Metadata } | 'silent' | undefined {
    if (this.isFrozen) return 'silent';
    const fault = this.faults.shift();
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

  private async append(call: AppendCall, respond: sendUnaryData<AppendResp>): Promise<void> {
    this.appendCount += 1;
    const failure = this.nextFailure();
    const requests: AppendReq[] = [];
    call.on('error', () => undefined);
    await new Promise<void>((resolve) =>
      call.on('data', (request: AppendReq) => requests.push(request)).on('end', resolve),
    );
    // If the client has cancelled the call, only a part of it may have arrived.
    if (failure === 'silent' || call.cancelled) return;
    if (failure) return respond(failure);
    const options = requests[0]!.getOptions()!;
    const stream = streamNameOf(options.getStreamIdentifier()!);
    const events = requests.slice(1).map((request) => toProposedEvent(request.getProposedMessage()!));
    const isInvalid = events.some(({ id, type }) => !/^[0-9a-f-]{36}$/.test(id) || !type);
    if (isInvalid) return respond({ code: status.UNKNOWN, details: 'Unexpected exception' });
    const expected = options.hasAny() ? 'any' : options.hasNoStream() ? -1n : BigInt(options.getRevision());
    const result = this.log.append(stream, expected, events);
    this.wakeSubscriptions();
    if (this.responsesToDrop > 0) {
      this.responsesToDrop -= 1;
      return;
    }
    if (this.appendDelayMs > 0) await sleep(this.appendDelayMs);
    respond(null, toAppendResponse(result, expected, this.returnsPositions));
  }

  private delete(request: DeleteReq, respond: sendUnaryData<DeleteResp>): void {
    const failure = this.nextFailure();
    if (failure === 'silent') return;
    if (failure) return respond(failure);
    const options = request.getOptions()!;
    const stream = streamNameOf(options.getStreamIdentifier()!);
    const expected = options.hasAny() ? 'any' : BigInt(options.getRevision());
    const wrongVersion = this.log.delete(stream, expected);
    this.wakeSubscriptions();
    if (!wrongVersion) return respond(null, new messages.DeleteResp());
    const metadata = new Metadata();
    metadata.set('exception', 'wrong-expected-version');
    metadata.set('stream-name', stream);
    metadata.set('expected-version', String(expected));
    metadata.set('actual-version', String(wrongVersion.actual));
    respond({ code: status.FAILED_PRECONDITION, details: 'WrongExpectedVersion', metadata });
  }

  private async read(call: ReadCall): Promise<void> {
    const failure = this.nextFailure();
    this.openReadCount += 1;
    let isOpen = true;
    const closed = new Promise<void>((resolve) => {
      for (const event of ['cancelled', 'close', 'error', 'finish'])
        call.once(event, () => {
          // `stop` has already reset the count.
          if (isOpen && this.server) this.openReadCount -= 1;
          isOpen = false;
          resolve();
        });
    });
    if (failure === 'silent') return;
    if (failure) {
      call.emit('error', failure);
      return;
    }
    const options = call.request.getOptions()!;
    const write = async (response: ReadResp): Promise<void> => {
      if (!call.write(response)) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), closed]);
    };
    if (options.hasSubscription()) return this.subscribe(call, options, write, () => isOpen, closed);
    const events = options.hasStream() ? this.readStream(options) : this.readAllBackwards(options);
    if (!events) await write(createStreamNotFound(options));
    for (const event of events ?? []) {
      if (!isOpen) return;
      await write(toReadResponse(event));
    }
    call.end();
  }

  private readStream(options: ReadReq.Options): readonly StoredRecord[] | undefined {
    const streamOptions = options.getStream()!;
    const stored = this.log.read(streamNameOf(streamOptions.getStreamIdentifier()!));
    if (!stored) return undefined;
    const count = Number(options.getCount());
    if (Number(options.getReadDirection()) === backwards) return stored.toReversed().slice(0, count);
    const from = streamOptions.hasRevision() ? BigInt(streamOptions.getRevision()) : 0n;
    return stored.filter((event) => event.revision >= from).slice(0, count);
  }

  /** The adapter never reads forwards here. */
  private readAllBackwards(options: ReadReq.Options): readonly StoredRecord[] {
    const all = options.getAll()!;
    const before = all.hasPosition() ? BigInt(all.getPosition()!.getCommitPosition()) : undefined;
    const end = before === undefined ? this.log.all.length : indexAfter(this.log.all, before - 1n);
    const count = Number(options.getCount());
    const page = this.log.all.slice(Math.max(0, end - count), end).reverse();
    this.eventsScanned += page.length;
    return page;
  }

  private async subscribe(
    call: ReadCall,
    options: ReadReq.Options,
    write: (response: ReadResp) => Promise<void>,
    isOpen: () => boolean,
    closed: Promise<void>,
  ): Promise<void> {
    const from = options.getAll()!.getPosition()?.getCommitPosition();
    const after = from === undefined ? -1n : BigInt(from);
    if (after >= 0n && !this.log.all.some(({ commitPosition }) => commitPosition === after)) {
      call.emit('error', { code: status.INVALID_ARGUMENT, details: 'Trying to read from an invalid position.' });
      return;
    }
    this.subscriptions.add(call);
    void closed.then(() => this.subscriptions.delete(call));
    await write(new messages.ReadResp().setConfirmation(new messages.ReadResp.SubscriptionConfirmation()));
    const prefixes = options.getFilter()!.getStreamIdentifier()!.getPrefixList();
    let nextIndex = indexAfter(this.log.all, after);
    let sent = 0;
    while (isOpen()) {
      const event = this.isFrozen ? undefined : this.log.all[nextIndex];
      if (event) {
        nextIndex += 1;
        if (!prefixes.some((prefix) => event.stream.startsWith(prefix))) continue;
        this.eventsSent += 1;
        await write(toReadResponse(event));
        sent += 1;
        if (sent >= this.dropAfterEvents) {
          call.emit('error', { code: status.ABORTED, details: 'too slow' });
          return;
        }
      } else {
        // Sent repeatedly, and ahead of the events that the client has read, as by a real server.
        await write(new messages.ReadResp().setCaughtUp(new messages.ReadResp.CaughtUp()));
        await write(createCheckpoint(this.log.all.at(-1)?.commitPosition ?? 0n));
        if (this.log.all[nextIndex] && !this.isFrozen) continue;
        await Promise.race([closed, new Promise<void>((resolve) => this.waitingForEvents.add(resolve))]);
      }
    }
  }

  private wakeSubscriptions(): void {
    for (const wake of this.waitingForEvents) wake();
    this.waitingForEvents.clear();
  }

  private clusterInfo(): object {
    const endPoint = new gossipMessages.EndPoint()
      .setAddress('127.0.0.1')
      .setPort(this.leaderPort || this.listeningPort);
    const member = new gossipMessages.MemberInfo()
      .setInstanceId(new shared.UUID().setString('00000000-0000-0000-0000-000000000001'))
      .setTimeStamp('0')
      .setState(gossipMessages.MemberInfo.VNodeState.LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(endPoint);
    return new gossipMessages.ClusterInfo().setMembersList([member]);
  }
}

const backwards = 1;

const streamNameOf = (identifier: { getStreamName(): Uint8Array | string }): string =>
  Buffer.from(identifier.getStreamName() as Uint8Array).toString('utf8');

/** The index of the first record after a position. */
function indexAfter(records: readonly StoredRecord[], position: bigint): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle]!.commitPosition <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

const toProposedEvent = (message: AppendReq.ProposedMessage): ProposedEvent => ({
  id: message.getId()!.getString(),
  type: message.getMetadataMap().get('type') ?? '',
  contentType: message.getMetadataMap().get('content-type') ?? '',
  data: message.getData_asU8(),
});

function toAppendResponse(
  result: StoredRecord | WrongVersion,
  expected: ExpectedRevision,
  withPosition: boolean,
): AppendResp {
  if (result instanceof WrongVersion) return toConflictResponse(result, expected);
  const success = new messages.AppendResp.Success().setCurrentRevision(String(result.revision));
  if (withPosition) {
    const commit = String(result.commitPosition);
    success.setPosition(new messages.AppendResp.Position().setCommitPosition(commit).setPreparePosition(commit));
  } else {
    success.setNoPosition(new shared.Empty());
  }
  return new messages.AppendResp().setSuccess(success);
}

function toConflictResponse({ actual }: WrongVersion, expected: ExpectedRevision): AppendResp {
  const conflict = new messages.AppendResp.WrongExpectedVersion();
  if (actual < 0n) conflict.setCurrentNoStream(new shared.Empty());
  else conflict.setCurrentRevision(String(actual));
  if (expected === 'any') conflict.setExpectedAny(new shared.Empty());
  else if (expected < 0n) conflict.setExpectedNoStream(new shared.Empty());
  else conflict.setExpectedRevision(String(expected));
  return new messages.AppendResp().setWrongExpectedVersion(conflict);
}

function toReadResponse(event: StoredRecord): ReadResp {
  const commit = String(event.commitPosition);
  const recorded = new messages.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(event.id))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)))
    .setStreamRevision(String(event.revision))
    .setCommitPosition(commit)
    .setPreparePosition(commit)
    .setData(event.data);
  recorded.getMetadataMap().set('type', event.type).set('content-type', event.contentType).set('created', '0');
  return new messages.ReadResp().setEvent(
    new messages.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(commit),
  );
}

const createCheckpoint = (commit: bigint): ReadResp =>
  new messages.ReadResp().setCheckpoint(
    new messages.ReadResp.Checkpoint().setCommitPosition(String(commit)).setPreparePosition(String(commit)),
  );

const createStreamNotFound = (options: ReadReq.Options): ReadResp =>
  new messages.ReadResp().setStreamNotFound(
    new messages.ReadResp.StreamNotFound().setStreamIdentifier(options.getStream()!.getStreamIdentifier()),
  );

/** Includes batch append, as on a real server, so that the client would use it. */
const supportedMethods = (): object =>
  new serverFeaturesMessages.SupportedMethods()
    .setEventStoreServerVersion('24.2.0')
    .setMethodsList([
      new serverFeaturesMessages.SupportedMethod()
        .setServiceName('event_store.client.streams.streams')
        .setMethodName('batchappend'),
    ]);
