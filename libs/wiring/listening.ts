import { once } from 'node:events';
import { createServer } from 'node:net';
import { isSystemError } from './folders.js';
import { OperatorError } from './operator-error.js';
import type { Settings } from './settings.js';

type Address = Pick<Settings, 'host' | 'port'>;

/**
 * Checks that the port is free, before anything is written to the data folder.
 * @throws OperatorError
 */
export async function checkPortIsFree({ host, port }: Address): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw explainListenError(error, { host, port });
  }
  server.close();
  await once(server, 'close');
}

/** An OperatorError for an address that cannot be used; other errors unchanged. */
export function explainListenError(error: unknown, { host, port }: Address): unknown {
  const message = isSystemError(error) ? listenFailure(error, { host, port }) : undefined;
  return message === undefined ? error : new OperatorError(message, 1, { cause: error });
}

function listenFailure({ code }: NodeJS.ErrnoException, { host, port }: Address): string | undefined {
  if (code === 'EADDRINUSE')
    return `Port ${port} is in use, perhaps by Leadstream itself. Set PORT to a free port, or to 0 for any.`;
  if (code === 'EACCES') return `Port ${port} needs more permissions. Set PORT to a port above 1023.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `This machine does not have the address ${host}. Set HOST to 127.0.0.1.`;
  return undefined;
}
