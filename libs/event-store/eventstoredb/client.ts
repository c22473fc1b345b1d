import { EventStoreDBClient } from '@eventstore/db-client';
import { patchClient } from './patched-client.js';

/** Added to the URL unless it sets them. A silent server is detected after 13 s, a cluster without a reachable node after 10 s. */
const defaultOptions = { keepAliveTimeout: '3000', gossipTimeout: '2', maxDiscoverAttempts: '2' };

/**
 * The options that a URL may set. Not allowed are `tlsVerifyCert`, which the client ignores, and `throwOnAppendFailure`: without
 * it a conflict would look like a successful append. The client prints a warning about any other option to standard error,
 * together with the URL and its password.
 */
const allowedOptions = [
  'tls',
  'tlsCAFile',
  'userCertFile',
  'userKeyFile',
  'nodePreference',
  'connectionName',
  'defaultDeadline',
  'discoveryInterval',
  'gossipTimeout',
  'maxDiscoverAttempts',
  'keepAliveInterval',
  'keepAliveTimeout',
];

/** The URL of the event log cannot be used. The message does not repeat the URL, because it may contain a password. */
export class InvalidLogUrl extends TypeError {
  override readonly name = 'InvalidLogUrl';
}

/** A server, and the log on it: several logs may share a server. */
export interface LogAddress {
  readonly connectionString: string;
  readonly logName: string;
}

/** EventStoreDB is called KurrentDB since version 25. Its URLs have other schemes and the same grammar. */
const serverScheme = /^(?:esdb|kurrentdb|kurrent|kdb)(\+discover)?:\/\/(?=.)/;

/**
 * Parses `esdb://user:password@host:2113?tls=true#name`. There may be several hosts, or `esdb+discover://`. The
 * schemes `kurrentdb`, `kurrent` and `kdb` mean the same. `#name` is the log's
 * name, needed only if several logs share a server.
 * @throws InvalidLogUrl
 */
export function parseLogUrl(url: string): LogAddress {
  const [connectionString = '', logName = '', ...rest] = url.split('#');
  if (!serverScheme.test(connectionString))
    throw new InvalidLogUrl(
      'the URL of the event log must start with esdb://, kurrentdb://, kurrent:// or kdb://, or one of these with +discover',
    );
  if (rest.length > 0 || !/^[a-z0-9]*$/.test(logName))
    throw new InvalidLogUrl(
      'the name after # in the URL of the event log must consist of lower-case letters and digits only',
    );
  return { connectionString: connectionString.replace(serverScheme, 'esdb$1://'), logName };
}

/**
 * @throws InvalidLogUrl
 * @throws IncompatibleClient
 */
export function openClient({ connectionString }: LogAddress): EventStoreDBClient {
  const client = connect(withDefaultOptions(connectionString.replace(/\/+$/, '')));
  patchClient(client);
  return client;
}

function withDefaultOptions(connectionString: string): string {
  const options = optionNamesIn(connectionString);
  const allowed = new Set(allowedOptions.map((option) => option.toLowerCase()));
  if (!options.every((option) => allowed.has(option)))
    throw new InvalidLogUrl(
      `the URL of the event log has an unsupported option; the supported options are ${allowedOptions.join(', ')}`,
    );
  // Every read and append needs the leader. A client that prefers another node would drop all subscriptions to move there.
  if (/[?&]\s*node[_-]?preference\s*=(?!\s*leader\s*(&|$))/i.test(connectionString))
    throw new InvalidLogUrl('the URL of the event log sets nodePreference; only the value leader is supported');
  let url = connectionString;
  for (const [option, value] of Object.entries(defaultOptions))
    if (!options.includes(option.toLowerCase())) url += `${url.includes('?') ? '&' : '?'}${option}=${value}`;
  return url;
}

/** The names as the client understands them: `tls_ca_file` is `tlsCAFile`. */
const optionNamesIn = (connectionString: string): string[] =>
  (/\?([^?]+)$/.exec(connectionString)?.[1] ?? '').split('&').flatMap((pair) => {
    const [name = ''] = pair.split('=');
    return name === '' ? [] : name.trim().toLowerCase().replace(/[_-]/g, '');
  });

function connect(connectionString: string): EventStoreDBClient {
  try {
    return EventStoreDBClient.connectionString(connectionString);
  } catch (error) {
    // The client's messages about a wrong URL quote it, with the password. So only those about certificate files are repeated,
    // and the error is not passed on as the cause.
    const { message } = error as Error;
    const reason = /certificate|userCert/.test(message) ? `: ${message}` : '';
    throw new InvalidLogUrl(`the URL of the event log cannot be used${reason}`);
  }
}
