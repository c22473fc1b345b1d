import { CheckpointMoved, type ViewStore, type ViewWriter, type Write } from '#read-model/view-store';
import type { Table, View } from '#read-model/view';
import type { Parked } from './reaction.js';

const parkedColumns: Table<Parked>['columns'] = { since: (row) => row.since };

/**
 * Where an automation keeps what it parked and, if it goes by events, its checkpoint. It lies beside the views, but no event fills
 * it: losing it means that everything is tried again, which changes nothing.
 */
export const viewOf = ({ name }: { readonly name: string }): View => ({
  name: `reaction-${name}`,
  version: 1,
  tables: {
    parked: {
      keys: {},
      evolve: (row?: Parked) => row,
      columns: parkedColumns,
      indexes: [{ equal: [], sort: 'since' }],
    },
  },
});

export const writeOf = (parked: Parked): Write => ({
  table: 'parked',
  key: parked.eventId,
  row: parked,
  position: parked.position,
  columns: { since: parked.since },
});

/** What an automation without a checkpoint has parked. Both methods throw `ViewsUnavailable`, and may then be called again. */
export class ParkingPlace {
  private writer: ViewWriter | undefined;

  constructor(
    private readonly of: { readonly name: string },
    private readonly views: Pick<ViewStore, 'openForWriting'>,
  ) {}

  async has(eventId: string): Promise<boolean> {
    return this.with(async (writer) => (await writer.load('parked', [eventId])).has(eventId));
  }

  async put(parked: Parked): Promise<void> {
    await this.with(async (writer) => {
      for (;;) {
        const { checkpoint } = await writer.state();
        try {
          return await writer.save([writeOf(parked)], checkpoint, checkpoint ?? parked.position);
        } catch (error) {
          // Another worker parks something too.
          if (!(error instanceof CheckpointMoved)) throw error;
        }
      }
    });
  }

  async close(): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    await writer?.close().catch(() => undefined);
  }

  private async with<T>(work: (writer: ViewWriter) => Promise<T>): Promise<T> {
    try {
      return await work((this.writer ??= await this.opened()));
    } catch (error) {
      // A fresh writer may do what this one can't any more.
      await this.close();
      throw error;
    }
  }

  private async opened(): Promise<ViewWriter> {
    const writer = await this.views.openForWriting(viewOf(this.of));
    if (!(await writer.state()).built) await writer.build();
    return writer;
  }
}
