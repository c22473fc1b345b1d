import type { EventStoreDBClient } from '@eventstore/db-client';

/** The version whose private members are patched here, and that package.json pins. Background: docs/explanation/decisions/0019-patched-eventstoredb-client.md. */
export const patchedVersion = '6.2.1';

/** The private members of the client that this file replaces or calls, as in its `dist/Client/index.js`. */
interface PrivateMembers {
  supports: (method: unknown, feature?: string) => Promise<boolean>;
  handleError: (stub: GrpcStub, error: Error) => Promise<void>;
  execute: <T>(stubClass: unknown, debugName: string, call: (stub: GrpcStub) => Promise<T>) => Promise<T>;
  getChannel: () => Promise<GrpcChannel>;
}

interface GrpcStub {
  getChannel(): GrpcChannel;
}

interface GrpcChannel {
  close(): void;
  getConnectivityState(tryToConnect: false): number;
}

/** gRPC's connectivity state of a closed channel. */
const shutdownState = 4;

const parameterCounts = {
  supports: 2,
  handleError: 2,
  execute: 3,
  getChannel: 0,
} satisfies Record<keyof PrivateMembers, number>;

/** The installed client is not the one that is patched here. */
export class IncompatibleClient extends Error {
  override readonly name = 'IncompatibleClient';
  constructor(member: string) {
    super(
      `the private member "${member}" of the installed @eventstore/db-client differs from version ${patchedVersion}, ` +
        'which Leadstream patches; run "npm ci" to install that version',
    );
  }
}

/**
 * Works around three faults of the client that end the process or hang calls.
 * @throws IncompatibleClient
 */
export function patchClient(client: EventStoreDBClient): void {
  const members = checkPrivateMembers(client);

  // Without credentials in the call, the client appends through one batch stream if the server supports it. Batch appends ignore
  // their deadline. They also wait in one map for all clients of the process: an error of one client rejects the appends of
  // others, and a late response throws where no handler is. If nothing is "supported", each append is a call of its own.
  members.supports = async () => false;

  // The client does not await handleError, which awaits the client's channel. If that is a new channel that failed to connect,
  // the rejection is unhandled, and Node.js ends the process. The failure itself reaches the calls that use the new channel.
  const handleError = members.handleError;
  members.handleError = (stub, error) => handleError(stub, error).catch(() => undefined);

  // An append makes its gRPC call in an async Promise executor. If another call's failure has closed the channel, the gRPC call
  // throws there: the append never settles, and the rejection is unhandled. So the channel is checked first.
  const execute = members.execute;
  members.execute = (stubClass, debugName, call) =>
    execute(stubClass, debugName, (stub) => {
      if (stub.getChannel().getConnectivityState(false) === shutdownState)
        throw new Error('Channel has been shut down');
      return call(stub);
    });
}

/** Ends all calls and closes the connection; the client's own `dispose` leaves the connection open. */
export async function closeClient(client: EventStoreDBClient): Promise<void> {
  await client.dispose();
  const channel = await (client as unknown as PrivateMembers).getChannel();
  channel.close();
}

/** Each must be a function bound to its instance (an own property), because the original is called without `this`. */
function checkPrivateMembers(client: EventStoreDBClient): PrivateMembers {
  for (const [name, parameterCount] of Object.entries(parameterCounts)) {
    const member: unknown = Object.getOwnPropertyDescriptor(client, name)?.value;
    if (typeof member !== 'function' || member.length !== parameterCount) throw new IncompatibleClient(name);
  }
  return client as unknown as PrivateMembers;
}
