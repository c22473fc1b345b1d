/** The streams that make up the log; whatever else lies on the server is foreign to it. */
const kinds = ['contact-', 'agent-', 'broadcast-', 'message-', 'export-', 'bulk-'];

/** Names on the server. Several logs may share one: each but one has a name of its own, which its streams' names begin with. */
export class StreamNames {
  readonly #before: string;
  /** What the names of the log's streams on the server begin with. */
  readonly prefixes: readonly string[];

  constructor(logName: string) {
    this.#before = logName && `${logName}.`;
    this.prefixes = kinds.map((kind) => this.#before + kind);
  }

  /** @throws TypeError for a stream that no follower would see */
  toServerName(stream: string): string {
    if (!kinds.some((kind) => stream.startsWith(kind))) throw new TypeError(`${stream} is not a stream of this log`);
    return this.#before + stream;
  }

  /** A name for what lies beside the log: no follower sees it. */
  toInternalName(stream: string): string {
    return this.#before + stream;
  }

  fromServerName(name: string): string {
    return name.slice(this.#before.length);
  }

  isLogStream(name: string): boolean {
    return this.prefixes.some((prefix) => name.startsWith(prefix));
  }
}
