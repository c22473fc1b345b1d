import { Injectable } from '@nestjs/common';
import type { Position } from '#domain/event-envelope';
import { EventStore } from '#event-store/event-store';
import { ViewStore, type ViewReader } from '#read-model/view-store';
import type { View } from '#read-model/view';
import { waitForPosition } from '#read-model/wait-for-position';
import type { HttpContext } from './http-context.js';
import { parseInstant } from './instant.js';
import { parseFreshness, type ViewQuery } from './paging.js';
import { invalidInput, Problem } from './problem.js';

/** A moment of the past: a time goes by when things happened, a position by what had been recorded. */
export type AsOf = { readonly time: string } | { readonly position: Position };

/** Readers of views, as new as a caller asks for. */
@Injectable()
export class ViewReaders {
  private readonly readers = new Map<View, Promise<ViewReader>>();
  private readonly built = new Set<View>();

  constructor(
    private readonly views: ViewStore,
    private readonly log: EventStore,
  ) {}

  getReader(view: View): Promise<ViewReader> {
    const reader = this.readers.get(view) ?? this.views.openForReading(view);
    this.readers.set(view, reader);
    return reader;
  }

  /**
   * The view once it has reached the position that the query names.
   * @throws Problem validation_failed for what is no position of this log; projection_behind when the view doesn't get there in time
   */
  async atLeast(view: View, query: ViewQuery): Promise<ViewReader> {
    const { after, waitMs } = parseFreshness(query);
    if (after !== null) await this.checkPosition('after', after);
    const reader = await this.getReader(view);
    const until = Date.now() + waitMs;
    const reached = after === null || after === this.log.start || (await waitForPosition(reader, after, waitMs));
    if (!reached || !(await this.isBuilt(view, reader, until)))
      throw new Problem('projection_behind', 'The view has not got there yet.', {}, { 'retry-after': '1' });
    return reader;
  }

  /** @throws Problem validation_failed */
  async checkPosition(field: string, text: string): Promise<void> {
    const known = this.log.isPosition(text) && text <= (await this.log.head());
    if (!known) throw invalidPosition(field);
  }

  /** @throws Problem validation_failed for what is neither a time nor a position of this log */
  async parseAsOf(text: string): Promise<AsOf> {
    const time = parseInstant(text)?.at;
    if (time !== undefined) return { time };
    await this.checkPosition('asOf', text);
    return { position: text };
  }

  /** Says how far the view is. */
  setPositionHeader({ reply }: HttpContext, checkpoint: Position | null): void {
    void reply.header('x-position', checkpoint ?? this.log.start);
  }

  /** That something is not there says how far the view is, too. */
  async notFound(http: HttpContext, reader: ViewReader, detail: string): Promise<Problem> {
    this.setPositionHeader(http, (await reader.state()).checkpoint);
    return new Problem('not_found', detail);
  }

  /** A view that was never whole tells half of the story. */
  private async isBuilt(view: View, reader: ViewReader, until: number): Promise<boolean> {
    while (!this.built.has(view)) {
      if ((await reader.state()).built) this.built.add(view);
      else if (Date.now() >= until) return false;
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return true;
  }
}

export const invalidPosition = (field: string): Problem =>
  invalidInput({ field, code: 'not_position', message: 'must be a position of this log' });
