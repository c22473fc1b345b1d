import type { App, Answer, Query } from './app.js';

/** What was said in one block of server-sent events. */
export interface Heard {
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
export class Listener {
  readonly heard: Heard[] = [];
  /** Of blocks without an event, too. */
  lastId = '';
  retry = '';
  comments = 0;
  ended = false;
  /** The connection was cut, not ended. */
  cut = false;
  private readonly leaving = new AbortController();
  private reading: Promise<void> | undefined;
  private wake = (): void => undefined;

  private constructor(readonly answer: Omit<Answer, 'text' | 'body'>) {}

  /** @throws when it is refused */
  static async of(app: App, query: Query = {}, lastEventId?: string, { slow = false } = {}): Promise<Listener> {
    const asked = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    const leaving = new AbortController();
    const response = await fetch(`${app.url}/v1/stream?${new URLSearchParams(asked).toString()}`, {
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      signal: leaving.signal,
    });
    if (response.status !== 200) throw new Error(`Refused with ${response.status}: ${await response.text()}`);
    const listener = new Listener(response);
    leaving.signal.throwIfAborted();
    listener.leaving.signal.addEventListener('abort', () => leaving.abort());
    const read = (): Promise<void> => listener.read(response.body!);
    if (slow) listener.listen = read;
    else listener.reading = read();
    return listener;
  }

  /** Of a slow one: takes what waits for it, to the end. */
  listen = async (): Promise<void> => undefined;

  /** Until it has heard enough. @throws when it is told no more */
  async until(enough: (heard: readonly Heard[]) => boolean): Promise<readonly Heard[]> {
    while (!enough(this.heard)) {
      if (this.ended) throw new Error(`The stream ended after ${this.heard.length} events.`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.heard;
  }

  /** Until the other side ends it. */
  async end(): Promise<void> {
    await this.reading;
  }

  async leave(): Promise<void> {
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
      this.cut = true;
    }
    this.ended = true;
    this.wake();
  }

  private hear(block: string): void {
    const said = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
      if (name === '') this.comments++;
      else said.set(name, value);
    }
    this.lastId = said.get('id') ?? this.lastId;
    this.retry = said.get('retry') ?? this.retry;
    const data = said.get('data');
    if (data !== undefined)
      this.heard.push({ id: this.lastId, event: said.get('event') ?? '', data: JSON.parse(data) as Heard['data'] });
  }
}
