import { MissingEvents } from './event-store.js';

/** @throws MissingEvents unless the versions follow `afterVersion` without a gap. */
export function checkComplete(
  stream: string,
  afterVersion: number,
  events: readonly { readonly version: number }[],
): void {
  let expected = afterVersion;
  for (const { version } of events) {
    expected += 1;
    if (version !== expected) throw new MissingEvents(stream, expected);
  }
}
