import { setTimeout } from 'node:timers/promises';
import type { Position } from '#domain/event-envelope';
import { writePause, type ProjectionFailure, ViewsUnavailable, type ViewState } from '../view-store.js';
import type { MongodbConnection, StoredDocument, MongodbAccess } from './connection.js';
import { isDuplicateKey, isCollectionMissing } from './failures.js';
import { checkpointCollection, type MongodbViewSchema } from './schema.js';

/** `_id`: `<view>.v<version>.g<number>`, which begins the names of the generation's collections. */
interface Stored extends StoredDocument {
  readonly columns: string;
  readonly checkpoint: Position | null;
  /** Up to which position rows may have been written: beyond the checkpoint while a batch is, or was left half-written. */
  readonly announced?: Position | null;
  readonly stopped: string | null;
  /** The indexes that it was built with. */
  readonly built: string | null;
  /** When another one took over, in milliseconds since 1970; null: not yet. */
  readonly closed: number | null;
  /** Until when its writers are held up, so that another one can reach it and take over; in milliseconds since 1970. */
  readonly held: number;
}

/** In milliseconds. No question runs so long, and no clocks differ by so much. */
const grace = 600_000;

/** So that they sort. */
const digits = 6;

/**
 * The generations of a view and version, a document for each with its checkpoint. The first that is not closed serves, the next
 * one is built beside it: so closing a document is the switch, and each reader learns of it with his next question. Documents are
 * never removed: a number is given away once, and who writes to a closed one finds that.
 */
export class MongodbGenerations {
  constructor(
    private readonly connection: MongodbAccess,
    private readonly shape: MongodbViewSchema,
  ) {}

  /**
   * `whole`: no row may be ahead of the checkpoint.
   * @throws ViewsUnavailable when what is stored has other columns than the code's
   */
  async live(): Promise<(ViewState & { readonly id: string; readonly whole: boolean }) | undefined> {
    const [serving] = await this.open();
    if (!serving) return undefined;
    const { announced = null, checkpoint } = serving;
    const isConsistent = announced === null || (checkpoint !== null && announced <= checkpoint);
    return { id: serving._id, whole: isConsistent, ...this.stateOf(this.checked(serving)) };
  }

  async candidateState(): Promise<ViewState | undefined> {
    const [, next] = await this.open();
    return next && this.stateOf(next);
  }

  /** Of one of them; undefined when it is closed. */
  async state(id: string): Promise<ViewState | undefined> {
    const found = await this.with((documents) => documents.findOne<Stored>({ _id: id, closed: null }));
    return found ? this.stateOf(found) : undefined;
  }

  /** The one to write to, made if it is missing. */
  async ensureGeneration(beside: boolean): Promise<string> {
    const [serving, next] = await this.open();
    const wanted = serving && beside ? next : serving;
    if (wanted && (wanted === serving || wanted.columns === this.shape.columns)) return this.checked(wanted)._id;
    if (wanted) await this.close(wanted._id);
    const all = await this.find({});
    const number = Number(all.at(-1)?._id.slice(-digits) ?? 0) + 1;
    const _id = this.first + String(number).padStart(digits, '0');
    const { columns } = this.shape;
    const made = { _id, columns, checkpoint: null, stopped: null, built: null, closed: null, held: 0 };
    try {
      await this.with((documents) => documents.insertOne(made));
      return _id;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return this.ensureGeneration(beside);
    }
  }

  /**
   * Before rows up to `to` are written: whoever wants rows and checkpoint of one moment then knows that these may be ahead of it.
   * False: the checkpoint is not at `from`, or it is closed.
   */
  async recordWriteIntent(id: string, from: Position | null, to: Position): Promise<boolean> {
    const there = { _id: id, closed: null, checkpoint: from };
    const found = await this.with((documents) => documents.findOneAndUpdate(there, { $max: { announced: to } }));
    return found !== null;
  }

  /** False: it was not at `from`, or is closed. */
  async moveCheckpoint(id: string, from: Position | null, to: Position): Promise<boolean> {
    const there = { _id: id, closed: null, checkpoint: from };
    if (await this.set({ ...there, held: { $lte: Date.now() } }, { checkpoint: to })) return true;
    // Never waits for long, whatever the clocks say.
    for (const until = performance.now() + writePause.durationMs; performance.now() < until; await setTimeout(20)) {
      const held = { ...there, held: { $gt: Date.now() } };
      if (!(await this.with((documents) => documents.findOne(held)))) break;
    }
    return this.set(there, { checkpoint: to });
  }

  async reportFailure(id: string, stopped: ProjectionFailure): Promise<void> {
    await this.set({ _id: id }, { stopped: JSON.stringify(stopped) });
  }

  async markBuilt(id: string): Promise<void> {
    await this.set({ _id: id }, { built: this.shape.indexes });
  }

  /** Closes all that are older and not ahead of `checkpoint`. False: one of them is ahead. */
  async retireBefore(id: string, checkpoint: Position | null): Promise<boolean> {
    const notAhead = { $or: [{ checkpoint: null }, { checkpoint: { $lte: checkpoint } }] };
    for (const older of await this.open()) if (older._id < id) await this.close(older._id, notAhead);
    const older = (await this.open()).filter(({ _id }) => _id < id);
    const now = Date.now();
    for (const { _id } of older)
      await this.set({ _id, held: { $lt: now - writePause.minIntervalMs } }, { held: now + writePause.durationMs });
    return older.length === 0;
  }

  async retireAll(): Promise<void> {
    // What is built beside must not come to serve in between.
    for (const { _id } of (await this.open()).reverse()) await this.close(_id);
  }

  /** Removes the rows of those closed long ago; of all closed ones where nobody's reading matters. */
  async removeRetired(since = Date.now() - grace): Promise<void> {
    const closed = (await this.find({})).filter((it) => it.closed !== null && it.closed <= since).map(({ _id }) => _id);
    if (closed.length === 0) return;
    await this.connection.withDatabase(async (database) => {
      const name = new RegExp(`^${this.first.replaceAll('.', '\\.')}`);
      for (const collection of await database.listCollections({ name }, { nameOnly: true }).toArray())
        if (closed.some((id) => collection.name.startsWith(`${id}.`)))
          await database.dropCollection(collection.name).catch((error: unknown) => {
            if (!isCollectionMissing(error)) throw error;
          });
    });
  }

  private get first(): string {
    return `${this.shape.id}.g`;
  }

  private open(): Promise<Stored[]> {
    return this.find({ closed: null });
  }

  private find(which: object): Promise<Stored[]> {
    const ids = { $gte: this.first, $lt: `${this.shape.id}.h` };
    const options = { sort: { _id: 1 }, ...this.connection.queryOptions() } as const;
    return this.with((documents) => documents.find<Stored>({ _id: ids, ...which }, options).toArray());
  }

  private async close(id: string, only: object = {}): Promise<void> {
    await this.set({ _id: id, closed: null, ...only }, { closed: Date.now() });
  }

  private async set(which: object, fields: Partial<Stored>): Promise<boolean> {
    const { matchedCount } = await this.with((documents) => documents.updateOne(which, { $set: fields }));
    return matchedCount > 0;
  }

  private checked(stored: Stored): Stored {
    if (stored.columns === this.shape.columns) return stored;
    throw new ViewsUnavailable(
      `The database holds other tables or columns than ${this.shape.id} has: raise the version or rebuild the view.`,
    );
  }

  private stateOf({ checkpoint, stopped, built }: Stored): ViewState {
    const report = stopped === null ? null : (JSON.parse(stopped) as ProjectionFailure);
    const passed = report && checkpoint !== null && checkpoint >= report.position;
    return { checkpoint, stopped: passed ? null : report, built: built === this.shape.indexes };
  }

  private with = <T>(work: Parameters<typeof this.connection.withCollection<T>>[1]): Promise<T> =>
    this.connection.withCollection(checkpointCollection, work);
}

/** The versions of a view that something is stored of. */
export async function listStoredVersions(connection: MongodbConnection, view: string): Promise<readonly number[]> {
  const ids = { $gte: `${view}.v`, $lt: `${view}.w` };
  const found = await connection.withCollection(checkpointCollection, (documents) =>
    documents.find({ _id: ids, closed: null }).toArray(),
  );
  const versions = found.map(({ _id }) => Number(/^([1-9]\d*)\.g/.exec(_id.slice(view.length + 2))?.[1] ?? 0));
  return [...new Set(versions)].filter((version) => version > 0).sort((a, b) => a - b);
}
