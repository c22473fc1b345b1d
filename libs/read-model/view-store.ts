import type { Position } from '#domain/event-envelope';
import type { Lease } from './lease.js';
import type { ColumnValue, View } from './view.js';

/**
 * Storage of views. Each version of a view has at most one live generation, from which everything is read. It has at most one
 * candidate, which replaces the live generation when it is promoted. All processes see the promotion at the same moment.
 *
 * Every method may throw `ViewsUnavailable`.
 */
export abstract class ViewStore {
  /**
   * For the worker. Opens the live generation or, with `candidate`, the one that will replace it. Creates what is missing. If there is
   * no live generation, the candidate is live at once. A candidate that is damaged or has outdated columns is replaced.
   */
  abstract openForWriting(view: View, options?: { readonly candidate?: boolean }): Promise<ViewWriter>;
  /** For queries. Readers never block writers. */
  abstract openForReading(view: View): Promise<ViewReader>;
  /** Undefined when there is no candidate. */
  abstract candidateState(view: View): Promise<ViewState | undefined>;
  /** Deletes everything stored for this version of the view. Open readers then see an unbuilt view; writers throw `CheckpointMoved`. */
  abstract wipe(view: View): Promise<void>;
  /** The one lease of this storage, for `LeaderElection`. */
  abstract lease(): Lease;
  /** Removes retired generations that are no longer read. Must be called periodically. */
  abstract removeRetired(view: View): Promise<void>;
  /** The versions of a view that have stored data, in ascending order. */
  abstract versions(name: string): Promise<readonly number[]>;
  /** Reads of this process that are waiting for a result; 0 if the storage does not count them. */
  get pendingReads(): number {
    return 0;
  }
  abstract close(): Promise<void>;
}

export interface ViewState {
  /** All rows up to and including this event are durable. Null before the first batch. */
  readonly checkpoint: Position | null;
  /** The event that stopped the view; null if the view is running or has since passed that event. */
  readonly stopped: ProjectionFailure | null;
  /** Whether the view has ever caught up with the log. Until then it is incomplete, has no indexes and cannot be read. */
  readonly built: boolean;
}

/** The state of a view that has no stored data. */
export const emptyViewState: ViewState = { checkpoint: null, stopped: null, built: false };

/** An event that a view cannot apply. */
export interface ProjectionFailure {
  readonly eventId: string | null;
  readonly position: Position;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
}

export interface StoredRow {
  readonly row: object;
  /** The last event applied to the row. */
  readonly position: Position;
}

export interface RowWrite extends StoredRow {
  readonly table: string;
  readonly key: string;
  readonly columns: Readonly<Record<string, ColumnValue>>;
  readonly tokens?: readonly string[];
  /**
   * The stored row that this one was computed from; null if it was looked up and did not exist. Without it the row was not looked
   * up: it was computed from its first event on, and may replace any row with a lower position.
   */
  readonly previous?: Pick<RowWrite, 'position' | 'columns' | 'tokens'> | null;
}

export interface ViewWriter {
  /** The state of the live generation, to which the writer writes from now on. A candidate's writer keeps its own generation. */
  state(): Promise<ViewState>;
  /** The rows of a table by key. Keys without a row are omitted. */
  load(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>>;
  /**
   * Makes rows durable, except where the stored row has the same or a higher position; then moves the checkpoint.
   * @throws CheckpointMoved when the checkpoint is not at `from` because another worker has moved it, or another generation was
   * promoted; also when a stored row has a lower position but is not the row's `previous` one, because the row was then computed
   * from an outdated one. Some rows may have been written; writing them again does no harm.
   */
  save(rows: readonly RowWrite[], from: Position | null, to: Position): Promise<void>;
  /** Creates the indexes that only queries need, and marks the view as built. Call it when the view has caught up. Idempotent. */
  finishBuild(): Promise<void>;
  /**
   * For a candidate: makes it live if it is built and the live generation is not ahead of it, so that no reader sees older data.
   * Returns whether this generation, or a later one, is live. If it returns false, writers of the live generation may be paused so
   * that the candidate can catch up: see `writePause`.
   */
  promote(): Promise<boolean>;
  /** Records which event the view cannot apply. The record is valid until the checkpoint reaches that event. */
  reportFailure(failure: ProjectionFailure): Promise<void>;
  close(): Promise<void>;
}

/** How long writers of the live generation pause for a candidate, and the minimum time between two pauses. Mutable for tests. */
export const writePause = { durationMs: 1_000, minIntervalMs: 10_000 };

/** The storage cannot be reached or cannot be used. The message says what is wrong and what to do. */
export class ViewsUnavailable extends Error {
  override readonly name: string = 'ViewsUnavailable';
}

/** The view has not caught up with the log for the first time. It cannot be read until then. */
export class ViewBeingBuilt extends ViewsUnavailable {
  override readonly name = 'ViewBeingBuilt';

  constructor(readonly view: string) {
    super(`The view ${view} is being built. Retry when it has caught up with the log.`);
  }
}

/** No snapshot can be taken. The message is meant for the caller of the API. */
export class SnapshotRefused extends ViewsUnavailable {
  override readonly name = 'SnapshotRefused';
}

/** Snapshots that a process may have open. While one is open, the storage keeps all data that has been replaced since. */
export const maxSnapshots = 4;

export const tooManySnapshots = `${maxSnapshots} snapshots, such as exports, are already running. Retry when one of them has finished.`;

/** Another worker has moved the checkpoint, or another generation was promoted. */
export class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved';
}

export interface RowReader {
  /** Rows by key. Keys without a row are omitted. */
  get<Row extends object>(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Row>>;
  find<Row extends object>(table: string, query: RowQuery): Promise<Page<Row>>;
  count(table: string, query: Filter): Promise<number>;
  /** Counts matching rows for each combination of column values, in no particular order. */
  group(table: string, query: GroupQuery): Promise<readonly Group[]>;
}

/**
 * Yields every row that matches `query`, page by page; `query.limit` is the page size. Rows that change meanwhile may be missed or
 * returned twice, unless the reader is a snapshot.
 */
export async function* readPages<Row extends object>(
  reader: Pick<RowReader, 'find'>,
  table: string,
  query: RowQuery,
): AsyncGenerator<Page<Row>> {
  for (let after = query.after; ;) {
    const page = await reader.find<Row>(table, after ? { ...query, after } : query);
    yield page;
    const last = page.rows.at(-1);
    if (!page.hasMore || !last) return;
    after = { value: last.sortValue, key: last.key };
  }
}

/**
 * Reads from the generation that is live at the time of each call. Rows are never older than the checkpoint returned with them.
 * They may be newer if the storage makes the rows of a batch visible before its checkpoint. Reading rows throws `ViewBeingBuilt` until
 * the view is built.
 */
export interface ViewReader extends RowReader {
  state(): Promise<ViewState>;
  /**
   * The view as it is now, readable for some minutes.
   * @throws SnapshotRefused when `maxSnapshots` are open, or the storage does not support snapshots
   */
  snapshot(): Promise<ViewSnapshot>;
  close(): Promise<void>;
}

/**
 * The rows exactly as they were after the event at `checkpoint`, even if the view is written, rebuilt or wiped meanwhile. When they
 * are no longer available, reading throws `ViewsUnavailable` and never returns other rows. Close a snapshot soon. Closing it again
 * does nothing.
 */
export interface ViewSnapshot extends RowReader {
  readonly checkpoint: Position | null;
  close(): Promise<void>;
}

/** A condition on one column. Values have the type of the column. */
export type Condition =
  | { readonly column: string; readonly in: readonly ColumnValue[] }
  | { readonly column: string; readonly notNull: true }
  /** `from` is inclusive, `to` exclusive. Rows where the column is null never match. */
  | { readonly column: string; readonly from?: string | number; readonly to?: string | number };

export interface Filter {
  /** All of them must hold. */
  readonly where: readonly Condition[];
  /** Conditions that business rules imply for `where`. They speed up the query but do not change its result. */
  readonly derivedConditions?: readonly Condition[];
  /**
   * For each word, its spellings, which must not be empty: one of them must begin one of the row's tokens. See
   * `parseSearchWords` in `tokens.ts`.
   */
  readonly words?: readonly (readonly string[])[];
}

export interface GroupQuery {
  readonly where: readonly Condition[];
  /** Columns with few combinations of values. Fast only if one index contains all columns of the query. */
  readonly by: readonly string[];
  /** Columns of integers to sum; null counts as 0. Sums are exact below 2 ** 53. */
  readonly sum?: readonly string[];
}

export interface Group {
  /** In the order of `by`. */
  readonly values: readonly ColumnValue[];
  readonly count: number;
  /** In the order of `sum`. */
  readonly sums: readonly number[];
}

export interface RowQuery extends Filter {
  /** Rows with equal values are sorted by key in the same direction. Nulls come last in both directions. */
  readonly sort: { readonly column: string; readonly descending: boolean };
  /** Returns the rows after this one, which need not exist any more. */
  readonly after?: { readonly value: ColumnValue; readonly key: string };
  /** 1 to 10,000. */
  readonly limit: number;
}

export interface Page<Row> {
  readonly rows: readonly { readonly key: string; readonly row: Row; readonly sortValue: ColumnValue }[];
  readonly hasMore: boolean;
  /** The view's checkpoint when the page was read. */
  readonly checkpoint: Position | null;
}
