import type { Collection } from 'mongodb';
import type { Position } from '#domain/event-envelope';
import { pollUntil } from '#timing/poll';
import { type ProjectionFailure, type ViewState, ViewsUnavailable, writePause } from '../view-store.js';
import type { MongodbAccess, MongodbConnection, StoredDocument } from './connection.js';
import { isCollectionMissing, isDuplicateKey } from './failures.js';
import { checkpointCollection, type MongodbViewSchema } from './schema.js';

/** `_id` is `<view>.v<version>.g<number>`, which also begins the names of the generation's collections. */
interface GenerationDocument extends StoredDocument {
  readonly columns: string;
  readonly checkpoint: Position | null;
  /** Rows may have been written up to here. It is beyond the checkpoint during a batch, and after one that failed. */
  readonly announced?: Position | null;
  readonly stopped: string | null;
  /** The indexes that it was built with. */
  readonly built: string | null;
  /** When it was retired, in milliseconds since 1970; null if it was not. */
  readonly closed: number | null;
  /** Until when its writers are paused so that a candidate can catch up. In milliseconds since 1970. */
  readonly held: number;
}

/** No query runs for so long, and no clocks differ by so much. */
const retentionMs = 600_000;
const pauseCheckIntervalMs = 20;

/** Generation numbers are padded, so that ids sort by number. */
const numberDigits = 6;

export interface LiveGeneration extends ViewState {
  readonly id: string;
  /** No row is ahead of the checkpoint. */
  readonly isConsistent: boolean;
}

/**
 * The generations of one version of a view: one document each, with its checkpoint. The first one that is not retired is live, the
 * next one is the candidate. So retiring a document promotes the candidate, and each reader sees it with its next query. Documents
 * are never removed: a number is used only once, and a writer of a retired generation notices.
 */
export class MongodbGenerations {
  constructor(
    private readonly connection: MongodbAccess,
    private readonly schema: MongodbViewSchema,
  ) {}

  /** @throws ViewsUnavailable when the database has other columns than the code */
  async live(): Promise<LiveGeneration | undefined> {
    const [live] = await this.notRetired();
    if (!live) return undefined;
    const { announced = null, checkpoint } = live;
    const isConsistent = announced === null || (checkpoint !== null && announced <= checkpoint);
    return { id: live._id, isConsistent, ...this.stateOf(this.checkSchema(live)) };
  }

  async candidateState(): Promise<ViewState | undefined> {
    const [, candidate] = await this.notRetired();
    return candidate && this.stateOf(candidate);
  }

  /** Undefined when the generation is retired. */
  async state(id: string): Promise<ViewState | undefined> {
    const stored = await this.withCheckpoints((checkpoints) =>
      checkpoints.findOne<GenerationDocument>({ _id: id, closed: null }, this.connection.queryOptions()),
    );
    return stored ? this.stateOf(stored) : undefined;
  }

  /** Returns the id of the generation to write to. Creates it if it is missing. A candidate with other columns is replaced. */
  async ensureGeneration(isCandidate: boolean): Promise<string> {
    const [live, candidate] = await this.notRetired();
    const existing = live && isCandidate ? candidate : live;
    if (existing && (existing === live || existing.columns === this.schema.columns))
      return this.checkSchema(existing)._id;
    if (existing) await this.retire(existing._id);
    const all = await this.find({});
    const number = Number(all.at(-1)?._id.slice(-numberDigits) ?? 0) + 1;
    const _id = this.idPrefix + String(number).padStart(numberDigits, '0');
    const { columns } = this.schema;
    const created = { _id, columns, checkpoint: null, stopped: null, built: null, closed: null, held: 0 };
    try {
      await this.connection.write(checkpointCollection, (checkpoints, options) =>
        checkpoints.insertOne(created, options),
      );
      return _id;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return this.ensureGeneration(isCandidate);
    }
  }

  /**
   * Call it before writing rows up to `to`: a snapshot then knows that rows may be ahead of the checkpoint. Returns false if the
   * checkpoint is not at `from`, or the generation is retired.
   */
  async recordWriteIntent(id: string, from: Position | null, to: Position): Promise<boolean> {
    const expected = { _id: id, closed: null, checkpoint: from };
    const found = await this.connection.write(checkpointCollection, (checkpoints, options) =>
      checkpoints.findOneAndUpdate(expected, { $max: { announced: to } }, options),
    );
    return found !== null;
  }

  /** Waits while writers are paused. Returns false if the checkpoint is not at `from`, or the generation is retired. */
  async moveCheckpoint(id: string, from: Position | null, to: Position): Promise<boolean> {
    const expected = { _id: id, closed: null, checkpoint: from };
    if (await this.update({ ...expected, held: { $lte: Date.now() } }, { checkpoint: to })) return true;
    const isPauseOver = async (): Promise<boolean> => {
      const paused = { ...expected, held: { $gt: Date.now() } };
      return !(await this.withCheckpoints((checkpoints) =>
        checkpoints.findOne(paused, this.connection.queryOptions()),
      ));
    };
    // A pause is ignored after its full length, so that a wrong clock cannot block writing.
    await pollUntil(isPauseOver, { intervalMs: pauseCheckIntervalMs, timeoutMs: writePause.durationMs });
    return this.update(expected, { checkpoint: to });
  }

  async reportFailure(id: string, failure: ProjectionFailure): Promise<void> {
    await this.update({ _id: id }, { stopped: JSON.stringify(failure) });
  }

  async markBuilt(id: string): Promise<void> {
    await this.update({ _id: id }, { built: this.schema.indexes });
  }

  /** Retires all generations older than `id`. Returns false if one of them is ahead of `checkpoint`; its writers are then paused. */
  async retireBefore(id: string, checkpoint: Position | null): Promise<boolean> {
    const notAhead = { $or: [{ checkpoint: null }, { checkpoint: { $lte: checkpoint } }] };
    for (const generation of await this.notRetired())
      if (generation._id < id) await this.retire(generation._id, notAhead);
    const ahead = (await this.notRetired()).filter(({ _id }) => _id < id);
    const now = Date.now();
    const pausedUntil = now + writePause.durationMs;
    for (const { _id } of ahead)
      await this.update({ _id, held: { $lt: now - writePause.minIntervalMs } }, { held: pausedUntil });
    return ahead.length === 0;
  }

  async retireAll(): Promise<void> {
    // The newest first, so that the candidate never becomes live in between.
    for (const { _id } of (await this.notRetired()).reverse()) await this.retire(_id);
  }

  /** Removes the rows of generations retired before a time in milliseconds since 1970. */
  async removeRetired(before = Date.now() - retentionMs): Promise<void> {
    const retired = (await this.find({})).filter(({ closed }) => closed !== null && closed <= before);
    if (retired.length === 0) return;
    const filter = { name: new RegExp(`^${this.idPrefix.replaceAll('.', '\\.')}`) };
    const collections = await this.connection.withDatabase((database) =>
      database.listCollections(filter, { nameOnly: true, ...this.connection.queryOptions() }).toArray(),
    );
    for (const { name } of collections)
      if (retired.some(({ _id }) => name.startsWith(`${_id}.`)))
        await this.connection.write(name, (collection, options) =>
          collection.drop(options).catch((error: unknown) => {
            if (!isCollectionMissing(error)) throw error;
          }),
        );
  }

  private get idPrefix(): string {
    return `${this.schema.id}.g`;
  }

  /** In order. */
  private notRetired(): Promise<GenerationDocument[]> {
    return this.find({ closed: null });
  }

  private find(filter: object): Promise<GenerationDocument[]> {
    const ids = { $gte: this.idPrefix, $lt: `${this.schema.id}.h` };
    return this.withCheckpoints((checkpoints) =>
      checkpoints
        .find<GenerationDocument>({ _id: ids, ...filter }, { sort: { _id: 1 }, ...this.connection.queryOptions() })
        .toArray(),
    );
  }

  private async retire(id: string, condition: object = {}): Promise<void> {
    await this.update({ _id: id, closed: null, ...condition }, { closed: Date.now() });
  }

  private async update(filter: object, fields: Partial<GenerationDocument>): Promise<boolean> {
    const { matchedCount } = await this.connection.write(checkpointCollection, (checkpoints, options) =>
      checkpoints.updateOne(filter, { $set: fields }, options),
    );
    return matchedCount > 0;
  }

  private checkSchema(stored: GenerationDocument): GenerationDocument {
    if (stored.columns === this.schema.columns) return stored;
    throw new ViewsUnavailable(
      `The database has other tables or columns than ${this.schema.id}. Raise the view's version, or rebuild the view.`,
    );
  }

  private stateOf({ checkpoint, stopped, built }: GenerationDocument): ViewState {
    const failure = stopped === null ? null : (JSON.parse(stopped) as ProjectionFailure);
    const isPassed = failure && checkpoint !== null && checkpoint >= failure.position;
    return { checkpoint, stopped: isPassed ? null : failure, built: built === this.schema.indexes };
  }

  private withCheckpoints<T>(work: (checkpoints: Collection<StoredDocument>) => Promise<T>): Promise<T> {
    return this.connection.withCollection(checkpointCollection, work);
  }
}

export async function listStoredVersions(connection: MongodbConnection, view: string): Promise<readonly number[]> {
  const ids = { $gte: `${view}.v`, $lt: `${view}.w` };
  const stored = await connection.withCollection(checkpointCollection, (checkpoints) =>
    checkpoints.find({ _id: ids, closed: null }, connection.queryOptions()).toArray(),
  );
  const versions = stored.map(({ _id }) => Number(/^([1-9]\d*)\.g/.exec(_id.slice(view.length + 2))?.[1] ?? 0));
  return [...new Set(versions)].filter((version) => version > 0).sort((a, b) => a - b);
}
