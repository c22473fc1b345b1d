import { Injectable } from '@nestjs/common';
import type { Position } from '#domain/event-envelope';
import { EventStore } from '#event-store/event-store';
import { ViewStore, type ViewReader } from '#read-model/view-store';
import type { View } from '#read-model/view';
import { waitForPosition } from '#read-model/wait-for-position';
import { sleep } from '#timing/sleep';
import type { HttpContext } from './http-context.js';
import { parseInstant } from './instant.js';
import { parseFreshness, type ViewQuery } from './paging.js';
import { invalidInput, Problem } from './problem.js';

/** A past state: a time selects the events that had occurred by then, a position those that had been recorded. */
export type AsOf = { readonly time: string } | { readonly position: Position };

const pollIntervalMs = 20;

/** Readers of views that are as fresh as the caller requests. */
@Injectable()
export class ViewReaders {
  private readonly readers = new Map<View, Promise<ViewReader>>();
  private readonly builtViews = new Set<View>();

  constructor(
    private readonly viewStore: ViewStore,
    private readonly log: EventStore,
  ) {}

  getReader(view: View): Promise<ViewReader> {
    const reader = this.readers.get(view) ?? this.viewStore.openForReading(view);
    this.readers.set(view, reader);
    return reader;
  }

  /**
   * Returns the view's reader once the view has reached the position in the query.
   * @throws Problem `validation_failed` if that is not a position of this log, `projection_behind` if the wait times out
   */
  async atLeast(view: View, query: ViewQuery): Promise<ViewReader> {
    const { after, waitMs } = parseFreshness(query);
    if (after !== null && !this.log.isPosition(after)) throw invalidPosition('after');
    const reader = await this.getReader(view);
    const deadline = Date.now() + waitMs;
    if (after !== null && !(await this.waitUntilReached(reader, after, deadline)))
      throw behind('The view has not reached that position yet. Retry, or increase `wait`.');
    if (!(await this.waitUntilBuilt(view, reader, deadline)))
      throw behind('The view is still being built. Retry later.');
    return reader;
  }

  /** @throws Problem `validation_failed` if it is not a position of this log */
  async checkPosition(field: string, text: string): Promise<void> {
    const known = this.log.isPosition(text) && text <= (await this.log.head());
    if (!known) throw invalidPosition(field);
  }

  /** @throws Problem `validation_failed` if it is neither a timestamp nor a position of this log */
  async parseAsOf(text: string): Promise<AsOf> {
    const time = parseInstant(text)?.at;
    if (time !== undefined) return { time };
    await this.checkPosition('asOf', text);
    return { position: text };
  }

  setPositionHeader({ reply }: HttpContext, checkpoint: Position | null): void {
    void reply.header('x-position', checkpoint ?? this.log.start);
  }

  /** A `not_found` response also reports how far the view has advanced. */
  async notFound(http: HttpContext, reader: ViewReader, detail: string): Promise<Problem> {
    this.setPositionHeader(http, (await reader.state()).checkpoint);
    return new Problem('not_found', detail);
  }

  /** Asks the log only about a position that the view has not reached, so that other reads work while the log is unavailable. */
  private async waitUntilReached(reader: ViewReader, after: Position, deadline: number): Promise<boolean> {
    if (after === this.log.start || (await waitForPosition(reader, after, 0))) return true;
    await this.checkPosition('after', after);
    return waitForPosition(reader, after, Math.max(0, deadline - Date.now()));
  }

  /** A view that was never built completely would return partial results. */
  private async waitUntilBuilt(view: View, reader: ViewReader, deadline: number): Promise<boolean> {
    while (!this.builtViews.has(view)) {
      if ((await reader.state()).built) this.builtViews.add(view);
      else if (Date.now() >= deadline) return false;
      else await sleep(pollIntervalMs);
    }
    return true;
  }
}

const behind = (detail: string): Problem => new Problem('projection_behind', detail, {}, { 'retry-after': '1' });

export const invalidPosition = (field: string): Problem =>
  invalidInput({ field, code: 'not_position', message: 'must be a position of this event log' });
