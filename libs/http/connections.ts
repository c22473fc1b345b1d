import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { sleep } from '#timing/sleep';

/** Requests of a connection that wait for the one in progress. A client that pipelines more is disconnected after them. */
const maxWaitingRequests = 16;

type Exchange = readonly [request: IncomingMessage, response: ServerResponse];

interface Connection {
  readonly socket: Socket;
  readonly waiting: Exchange[];
  current: ServerResponse | undefined;
  /** Whether nothing more is read from the client, and the connection closes after the last response. */
  isEnding: boolean;
}

/**
 * The connections of a process. Each has at most one request in progress: by itself, Node starts every request that it has read from
 * a socket, however many a client pipelines, and keeps all their responses in memory.
 */
export class Connections {
  private readonly connections = new Map<Socket, Connection>();
  private stopping = false;

  get isStopping(): boolean {
    return this.stopping;
  }

  createServer(handler: RequestListener): Server {
    const server = createServer((request, response) => this.receive(handler, request, response));
    server.on('connection', (socket) => {
      this.connections.set(socket, { socket, waiting: [], current: undefined, isEnding: false });
      socket.once('close', () => this.connections.delete(socket));
    });
    return server;
  }

  /** Whether a response to this client has begun, so that nothing else must be written to the socket. */
  isResponding(socket: Socket): boolean {
    return this.connections.get(socket)?.current?.headersSent ?? false;
  }

  /** Closes a connection after the responses to the requests that have been read. Returns false if there are none. */
  endAfterResponses(socket: Socket): boolean {
    const connection = this.connections.get(socket);
    if (!connection?.current?.req.complete) return false;
    end(connection);
    return true;
  }

  /**
   * Closes every connection that has no request in progress, also those that were never used, which Node leaves open. The others
   * close after their response. Clients get a moment for a request that they have just sent; its response says that the
   * connection closes.
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    if (this.connections.size > 0) await sleep(graceMs);
    for (const { socket, current } of this.connections.values()) if (!current) socket.destroySoon();
  }

  destroyAll(): void {
    for (const socket of this.connections.keys()) socket.destroy();
  }

  private receive(handler: RequestListener, request: IncomingMessage, response: ServerResponse): void {
    const connection = this.connections.get(request.socket);
    if (!connection || connection.isEnding) return;
    if (!connection.current) this.start(connection, handler, [request, response]);
    else if (connection.waiting.length < maxWaitingRequests) connection.waiting.push([request, response]);
    else end(connection);
  }

  private start(connection: Connection, handler: RequestListener, [request, response]: Exchange): void {
    connection.current = response;
    response.once('close', () => {
      connection.current = undefined;
      const next = connection.socket.destroyed ? undefined : connection.waiting.shift();
      if (next) this.start(connection, handler, next);
      else if (this.stopping || connection.isEnding) connection.socket.destroySoon();
    });
    handler(request, response);
  }
}

function end(connection: Connection): void {
  connection.isEnding = true;
  connection.socket.pause();
  const last = connection.waiting.at(-1)?.[1] ?? connection.current;
  if (last) last.shouldKeepAlive = false;
}
