import { EventStoreDBClient } from '@eventstore/db-client';

/** What the client keeps to itself, and we must mend. */
interface Inside {
  supports: () => Promise<boolean>;
  handleError: (...args: unknown[]) => Promise<void>;
  getChannel: () => Promise<Channel>;
  execute: <T>(service: unknown, name: string, action: (stub: Stub) => Promise<T>) => Promise<T>;
}

interface Stub {
  getChannel(): Channel;
}

interface Channel {
  close(): void;
  getConnectivityState(tryToConnect: false): number;
}

/** Of gRPC's states of a connection. */
const shutDown = 4;

/** Said in the URL unless it says otherwise: a silent server is noticed after 13 s, a cluster without one after 10. */
const defaults = { keepAliveTimeout: '3000', gossipTimeout: '2', maxDiscoverAttempts: '2' };

/**
 * What a URL may set. Not `tlsVerifyCert`, which the client does not heed, nor `throwOnAppendFailure`, without which a conflict
 * would look as if all had been stored. Of any other word the client warns on standard error, with the URL and its password.
 */
const options = [
  ...['tls', 'tlsCAFile', 'userCertFile', 'userKeyFile', 'nodePreference', 'connectionName', 'defaultDeadline'],
  ...['discoveryInterval', 'gossipTimeout', 'maxDiscoverAttempts', 'keepAliveInterval', 'keepAliveTimeout'],
];

/** The URL of the event log cannot be used; the message does not repeat it. */
export class InvalidLogUrl extends TypeError {
  override readonly name = 'InvalidLogUrl';
}

/** Where the log is: the server, and the log's own name on it. */
export interface LogAddress {
  readonly connectionString: string;
  readonly logName: string;
}

/**
 * `esdb://user:password@host:2113?tls=true#name`, or several hosts, or `esdb+discover://`; behind `#` the log's own name, where
 * several share a server.
 * @throws InvalidLogUrl that does not repeat the URL: it may hold a password
 */
export function parseLogUrl(url: string): LogAddress {
  const [connection = '', logName = '', ...rest] = url.split('#');
  if (!/^esdb(\+discover)?:\/\/./.test(connection)) throw new InvalidLogUrl('the URL of the event log is not esdb://…');
  if (rest.length > 0 || !/^[a-z0-9]*$/.test(logName))
    throw new InvalidLogUrl('the name behind # in the URL of the event log must be of small letters and digits');
  return { connectionString: connection, logName };
}

/**
 * @throws InvalidLogUrl that does not repeat the URL
 */
export function openClient({ connectionString: connection }: LogAddress): EventStoreDBClient {
  let full = connection.replace(/\/+$/, '');
  const given = optionsIn(full);
  if (!given.every((it) => options.some((option) => option.toLowerCase() === it)))
    throw new InvalidLogUrl(`an option in the URL of the event log is none of ${options.join(', ')}`);
  for (const [key, value] of Object.entries(defaults))
    if (!given.includes(key.toLowerCase())) full += `${full.includes('?') ? '&' : '?'}${key}=${value}`;
  let client: EventStoreDBClient;
  try {
    client = EventStoreDBClient.connectionString(full);
  } catch (error) {
    // What the client says of a mistake repeats what follows it, password and all, and so would a cause: none is handed on.
    const { message } = error as Error;
    const why = /certificate|userCert/.test(message) ? `: ${message}` : '';
    // eslint-disable-next-line preserve-caught-error
    throw new InvalidLogUrl(`the URL of the event log can't be used${why}`);
  }
  const inside = client as unknown as Inside;
  // Batch appends ignore deadlines, and wait in one map for all clients of the process: an error of one rejects those of others,
  // and a late reply throws where nobody catches it. Without them every append is a call of its own, with the URL's credentials.
  inside.supports = async () => false;
  // It looks at the next connection, whose failure then was nobody's: that ends the process.
  const handleError = inside.handleError;
  inside.handleError = (...args) => handleError(...args).catch(() => undefined);
  // An append over a connection that another call's failure closed throws where nobody catches it: that ends the process too.
  const execute = inside.execute;
  inside.execute = (service, name, action) =>
    execute(service, name, (stub) => {
      if (stub.getChannel().getConnectivityState(false) === shutDown) throw new Error('Channel has been shut down');
      return action(stub);
    });
  return client;
}

/** As the client reads them: `tls_ca_file` is `tlsCAFile`. */
const optionsIn = (connection: string): string[] =>
  (/\?([^?]+)$/.exec(connection)?.[1] ?? '').split('&').flatMap((pair) => {
    const [key = ''] = pair.split('=');
    return key === '' ? [] : key.trim().toLowerCase().replace(/[_-]/g, '');
  });

/** Ends all calls. `dispose` alone leaves the connection open. */
export async function closeClient(client: EventStoreDBClient): Promise<void> {
  await client.dispose();
  const channel = await (client as unknown as Inside).getChannel();
  channel.close();
}
