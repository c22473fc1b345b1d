import { CheckpointMoved, type ViewStore, type ViewWriter, type RowWrite } from '#read-model/view-store';
import type { Table, View } from '#read-model/view';
import type { DeadLetter } from './reactor.js';

const parked: Table<DeadLetter> = {
  on: {},
  columns: { since: (row) => row.since },
  indexes: [{ prefix: [], sort: 'since' }],
};

/**
 * Stores an automation's dead letters and, if it reads events, its checkpoint. No projection fills this view. If it is lost,
 * everything is handled again, which has no further effect. Stored names: the prefix `reaction-` and the table `parked`.
 */
export const createAutomationView = ({ name }: { readonly name: string }): View => ({
  name: `reaction-${name}`,
  version: 1,
  tables: { parked },
});

export const toDeadLetterWrite = (deadLetter: DeadLetter): RowWrite => ({
  table: 'parked',
  key: deadLetter.eventId,
  row: deadLetter,
  position: deadLetter.position,
  columns: { since: deadLetter.since },
});

/** The dead letters of an automation without a checkpoint. A method that throws `ViewsUnavailable` may be called again. */
export class DeadLetters {
  private writer: Promise<ViewWriter> | undefined;

  constructor(
    private readonly automation: { readonly name: string },
    private readonly views: Pick<ViewStore, 'openForWriting'>,
  ) {}

  async has(eventId: string): Promise<boolean> {
    return this.withWriter(async (writer) => (await writer.load('parked', [eventId])).has(eventId));
  }

  async add(deadLetter: DeadLetter): Promise<void> {
    await this.withWriter(async (writer) => {
      for (;;) {
        const { checkpoint } = await writer.state();
        try {
          return await writer.save([toDeadLetterWrite(deadLetter)], checkpoint, checkpoint ?? deadLetter.position);
        } catch (error) {
          // Another worker adds a dead letter at the same time.
          if (!(error instanceof CheckpointMoved)) throw error;
        }
      }
    });
  }

  async close(): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    await writer?.then((opened) => opened.close()).catch(() => undefined);
  }

  /** Concurrent calls share one writer. */
  private async withWriter<T>(work: (writer: ViewWriter) => Promise<T>): Promise<T> {
    const writer = (this.writer ??= this.open());
    try {
      return await work(await writer);
    } catch (error) {
      // A new writer may succeed where this one has failed.
      if (this.writer === writer) await this.close();
      throw error;
    }
  }

  private async open(): Promise<ViewWriter> {
    const writer = await this.views.openForWriting(createAutomationView(this.automation));
    if (!(await writer.state()).built) await writer.finishBuild();
    return writer;
  }
}
