/**
 * Every kind of stream of the log. `append` rejects any other kind, because no follower of an EventStoreDB would see it:
 * a server may hold streams of other applications, so a subscription names the kinds that it wants.
 */
export const streamKinds = ['agent', 'broadcast', 'bulk', 'contact', 'export', 'message'] as const;

/** `<kind>-<organization>-<id>` */
export type StreamName = `${(typeof streamKinds)[number]}-${string}`;

const prefixes = streamKinds.map((kind) => `${kind}-`);

export const isStreamName = (name: string): name is StreamName => prefixes.some((prefix) => name.startsWith(prefix));

/** @throws TypeError unless `name` is the name of a stream of the log. */
export function checkStreamName(name: string): asserts name is StreamName {
  if (!isStreamName(name))
    throw new TypeError(`"${name}" is not a stream of the log. Add its kind to libs/event-store/stream-name.ts.`);
}
