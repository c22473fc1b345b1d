import { randomUUID } from 'node:crypto';
import type { Position } from '#domain/event';
import { type Stopped, ViewsUnavailable, type ViewState } from '../view-store.js';
import type { Connection, Doc } from './connection.js';
import { isAlreadyThere } from './failures.js';
import { checkpoints, type ViewShape } from './schema.js';

interface Stored extends Doc {
  readonly columns: string;
  /** Another one after each wipe, so that nobody takes the checkpoint of a view wiped meanwhile for the one he knew. */
  readonly epoch: string;
  readonly checkpoint: Position | null;
  readonly stopped: string | null;
  /** The indexes that it was built with. */
  readonly built: string | null;
}

const nothing: ViewState = { checkpoint: null, stopped: null, built: false };

/** The document that says how far a view is. */
export class Checkpoint {
  constructor(
    private readonly connection: Connection,
    private readonly shape: ViewShape,
  ) {}

  /** @throws ViewsUnavailable when what is stored has other columns than the code's */
  async read(): Promise<ViewState & { readonly epoch: string | null }> {
    const stored = await this.with((documents) =>
      documents.findOne<Stored>({ _id: this.shape.id }, this.connection.bounded()),
    );
    if (!stored) return { ...nothing, epoch: null };
    if (stored.columns !== this.shape.columns)
      throw new ViewsUnavailable(
        `The database holds other tables or columns than ${this.shape.id} has: raise the version or wipe the view.`,
      );
    const { checkpoint, epoch } = stored;
    const report = stored.stopped === null ? null : (JSON.parse(stored.stopped) as Stopped);
    const passed = report && checkpoint !== null && checkpoint >= report.position;
    return { checkpoint, stopped: passed ? null : report, built: stored.built === this.shape.indexes, epoch };
  }

  /** Makes it if it is missing. */
  async make(): Promise<string> {
    const { epoch } = await this.read();
    if (epoch !== null) return epoch;
    try {
      await this.with((documents) => documents.insertOne({ _id: this.shape.id, ...this.beginning() }));
    } catch (error) {
      if (!isAlreadyThere(error)) throw error;
    }
    return this.make();
  }

  /** Back to the beginning, for all to see. */
  async reset(): Promise<void> {
    await this.with((documents) => documents.updateOne({ _id: this.shape.id }, { $set: this.beginning() }));
  }

  /** False: it was not at `from`, or the view was wiped since `epoch` was read. */
  async move(epoch: string, from: Position | null, to: Position): Promise<boolean> {
    return this.set({ epoch, checkpoint: from }, { checkpoint: to });
  }

  async report(stopped: Stopped): Promise<void> {
    await this.set({}, { stopped: JSON.stringify(stopped) });
  }

  async built(epoch: string): Promise<void> {
    await this.set({ epoch }, { built: this.shape.indexes });
  }

  private async set(expected: Partial<Stored>, fields: Partial<Stored>): Promise<boolean> {
    const { matchedCount } = await this.with((documents) =>
      documents.updateOne({ _id: this.shape.id, ...expected }, { $set: fields }),
    );
    return matchedCount > 0;
  }

  private beginning(): Omit<Stored, '_id'> {
    return { columns: this.shape.columns, epoch: randomUUID(), checkpoint: null, stopped: null, built: null };
  }

  private with = <T>(work: Parameters<typeof this.connection.with<T>>[1]): Promise<T> =>
    this.connection.with(checkpoints, work);
}
