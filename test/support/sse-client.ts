import type { App, ApiResponse, QueryParams } from './app.js';

/** What was said in one block of server-sent events. */
export interface ReceivedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: {
    readonly id: string;
    readonly type: string;
    readonly leadId: string | null;
    readonly contactId: string | null;
    readonly position: string;
    readonly data: { readonly text?: string };
  };
}

/** Who listens to `GET /v1/stream`, as browsers do: what it has heard, and the id that it would come back with. */
export class SseClient {
  readonly events: ReceivedEvent[] = [];
  /** Of blocks without an event, too. */
  lastEventId = '';
  retry = '';
  comments = 0;
  hasEnded = false;
  /** The connection was cut, not ended. */
  wasCut = false;
  private readonly leaving = new AbortController();
  private reading: Promise<void> | undefined;
  private wake = (): void => undefined;

  private constructor(readonly response: Omit<ApiResponse, 'text' | 'body'>) {}

  /** @throws when it is refused */
  static async connect(
    app: App,
    query: QueryParams = {},
    lastEventId?: string,
    { slow = false } = {},
  ): Promise<SseClient> {
    const asked = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    const leaving = new AbortController();
    const response = await fetch(`${app.url}/v1/stream?${new URLSearchParams(asked).toString()}`, {
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      signal: leaving.signal,
    });
    if (response.status !== 200) throw new Error(`Refused with ${response.status}: ${await response.text()}`);
    const listener = new SseClient(response);
    leaving.signal.throwIfAborted();
    listener.leaving.signal.addEventListener('abort', () => leaving.abort());
    const read = (): Promise<void> => listener.read(response.body!);
    if (slow) listener.readAll = read;
    else listener.reading = read();
    return listener;
  }

  /** Of a slow one: takes what waits for it, to the end. */
  readAll = async (): Promise<void> => undefined;

  /** Until it has heard enough. @throws when it is told no more */
  async waitFor(enough: (heard: readonly ReceivedEvent[]) => boolean): Promise<readonly ReceivedEvent[]> {
    while (!enough(this.events)) {
      if (this.hasEnded) throw new Error(`The stream ended after ${this.events.length} events.`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.events;
  }

  /** Until the other side ends it. */
  async waitForEnd(): Promise<void> {
    await this.reading;
  }

  async disconnect(): Promise<void> {
    this.leaving.abort();
    await this.reading;
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const bytes of body) {
        text += decoder.decode(bytes, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) this.hear(block);
        this.wake();
      }
    } catch {
      this.wasCut = true;
    }
    this.hasEnded = true;
    this.wake();
  }

  private hear(block: string): void {
    const said = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
      if (name === '') this.comments++;
      else said.set(name, value);
    }
    this.lastEventId = said.get('id') ?? this.lastEventId;
    this.retry = said.get('retry') ?? this.retry;
    const data = said.get('data');
    if (data !== undefined)
      this.events.push({
        id: this.lastEventId,
        event: said.get('event') ?? '',
        data: JSON.parse(data) as ReceivedEvent['data'],
      });
  }
}
