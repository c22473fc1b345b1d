import { CheckpointMoved, type ViewStore, type ViewWriter, type RowWrite } from '#read-model/view-store';
import type { Table, View } from '#read-model/view';
import type { DeadLetter } from './reactor.js';

const parked: Table<DeadLetter> = {
  on: {},
  columns: { since: (row) => row.since },
  indexes: [{ prefix: [], sort: 'since' }],
};

/**
 * Where an automation keeps what it parked and, if it goes by events, its checkpoint. It lies beside the views, but no event fills
 * it: losing it means that everything is tried again, which changes nothing.
 */
export const createAutomationView = ({ name }: { readonly name: string }): View => ({
  name: `reaction-${name}`,
  version: 1,
  tables: { parked },
});

export const toDeadLetterWrite = (parked: DeadLetter): RowWrite => ({
  table: 'parked',
  key: parked.eventId,
  row: parked,
  position: parked.position,
  columns: { since: parked.since },
});

/** What an automation without a checkpoint has parked. Both methods throw `ViewsUnavailable`, and may then be called again. */
export class DeadLetters {
  private writer: ViewWriter | undefined;

  constructor(
    private readonly of: { readonly name: string },
    private readonly views: Pick<ViewStore, 'openForWriting'>,
  ) {}

  async has(eventId: string): Promise<boolean> {
    return this.with(async (writer) => (await writer.load('parked', [eventId])).has(eventId));
  }

  async add(parked: DeadLetter): Promise<void> {
    await this.with(async (writer) => {
      for (;;) {
        const { checkpoint } = await writer.state();
        try {
          return await writer.save([toDeadLetterWrite(parked)], checkpoint, checkpoint ?? parked.position);
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
    const writer = await this.views.openForWriting(createAutomationView(this.of));
    if (!(await writer.state()).built) await writer.finishBuild();
    return writer;
  }
}
