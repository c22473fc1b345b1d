import type { App, ApiResponse, QueryParams } from './app.js';

/** One block of the stream of server-sent events. */
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

/** Reads `GET /v1/stream` as a browser's EventSource does, and keeps all received events. */
export class SseClient {
  readonly events: ReceivedEvent[] = [];
  /** Also updated by blocks that have an id but no event. */
  lastEventId = '';
  retry = '';
  comments = 0;
  hasEnded = false;
  /** The connection broke before the response was complete. */
  wasCut = false;
  private reading: Promise<void> | undefined;
  private wake = (): void => undefined;

  private constructor(
    readonly response: Omit<ApiResponse, 'text' | 'body'>,
    private readonly stream: ReadableStream<Uint8Array>,
    private readonly abort: AbortController,
  ) {}

  /**
   * A `slow` client reads nothing until `readAll` is called.
   * @throws if the response is not 200
   */
  static async connect(
    app: App,
    query: QueryParams = {},
    lastEventId?: string,
    { slow = false } = {},
  ): Promise<SseClient> {
    const params = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    const abort = new AbortController();
    const response = await fetch(`${app.url}/v1/stream?${new URLSearchParams(params).toString()}`, {
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      signal: abort.signal,
    });
    if (response.status !== 200) throw new Error(`Unexpected response ${response.status}: ${await response.text()}`);
    const client = new SseClient(response, response.body!, abort);
    if (!slow) client.reading = client.readAll();
    return client;
  }

  /** Resolves once the events satisfy the condition. @throws if the stream ends before */
  async waitFor(isEnough: (events: readonly ReceivedEvent[]) => boolean): Promise<readonly ReceivedEvent[]> {
    while (!isEnough(this.events)) {
      if (this.hasEnded) throw new Error(`The stream ended after ${this.events.length} events.`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.events;
  }

  /** Resolves when the server ends the stream. */
  async waitForEnd(): Promise<void> {
    await this.reading;
  }

  async disconnect(): Promise<void> {
    this.abort.abort();
    await this.reading;
  }

  /** Reads until the stream ends or breaks. */
  async readAll(): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const bytes of this.stream) {
        text += decoder.decode(bytes, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) this.addBlock(block);
        this.wake();
      }
    } catch {
      this.wasCut = true;
    }
    this.hasEnded = true;
    this.wake();
  }

  private addBlock(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
      if (name === '') this.comments++;
      else fields.set(name, value);
    }
    this.lastEventId = fields.get('id') ?? this.lastEventId;
    this.retry = fields.get('retry') ?? this.retry;
    const data = fields.get('data');
    if (data === undefined) return;
    this.events.push({
      id: this.lastEventId,
      event: fields.get('event') ?? '',
      data: JSON.parse(data) as ReceivedEvent['data'],
    });
  }
}
