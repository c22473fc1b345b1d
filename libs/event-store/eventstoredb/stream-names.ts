import { checkStreamName, streamKinds } from '../stream-name.js';

/**
 * Names of streams on the server. Several logs may share a server. One of them may have no name; the streams of the others
 * start with `<log name>.`.
 */
export class StreamNames {
  private readonly logPrefix: string;
  /** What the server's names of the log's streams start with. */
  readonly prefixes: readonly string[];

  constructor(logName: string) {
    this.logPrefix = logName && `${logName}.`;
    this.prefixes = streamKinds.map((kind) => `${this.logPrefix}${kind}-`);
  }

  /** @throws TypeError if the stream is not one of the log. */
  toServerName(stream: string): string {
    checkStreamName(stream);
    return this.logPrefix + stream;
  }

  /** The server's name of a stream that this adapter keeps beside the log. No follower sees it. */
  toInternalName(stream: string): string {
    return this.logPrefix + stream;
  }

  fromServerName(name: string): string {
    return name.slice(this.logPrefix.length);
  }

  isLogStream(name: string): boolean {
    return this.prefixes.some((prefix) => name.startsWith(prefix));
  }
}
