import type { Position } from '#domain/event-envelope';
import type { Lease } from './lease.js';
import type { ColumnValue, View } from './view.js';

/**
 * Storage of views. Of each view and version there is at most one generation that serves, and perhaps a second one that is built
 * beside it and takes over: at one moment, for all processes. Every method may throw `ViewsUnavailable`.
 */
export abstract class ViewStore {
  /**
   * For the worker: makes what is missing. Writes to the generation that serves; `beside`: to the one that will take over from it.
   * A generation beside that this program can't go on with, damaged or of other columns, makes way for a new one.
   */
  abstract openForWriting(view: View, options?: { readonly candidate?: boolean }): Promise<ViewWriter>;
  /** For queries: never blocks writers or the calling thread. */
  abstract openForReading(view: View): Promise<ViewReader>;
  /** How far the generation is that is built beside the one that serves; undefined when there is none. */
  abstract candidateState(view: View): Promise<ViewState | undefined>;
  /** Forgets everything stored of this view and version: readers find it not built, writers find their checkpoint moved. */
  abstract wipe(view: View): Promise<void>;
  /** The one lease of this storage: see `Turns`. */
  abstract lease(): Lease;
  /** Removes generations that were taken over from, once nobody can be reading them any more. To be repeated now and then. */
  abstract removeRetired(view: View): Promise<void>;
  /** The versions of a view that something is stored of, in order. */
  abstract versions(name: string): Promise<readonly number[]>;
  /** How many questions of this process wait for their answer; 0 where nobody counts them. */
  get pendingReads(): number {
    return 0;
  }
  abstract close(): Promise<void>;
}

export interface ViewState {
  /** Up to which event all rows are durable; null before the first batch. */
  readonly checkpoint: Position | null;
  /** Why the view stands still; null when it doesn't, or has passed that event since. */
  readonly stopped: ProjectionFailure | null;
  /** Whether it has ever caught up with the log: before that it would answer slowly, from half of the story, and so it doesn't. */
  readonly built: boolean;
}

/** Of what is not stored, or not any more. */
export const emptyViewState: ViewState = { checkpoint: null, stopped: null, built: false };

/** Why a view stands still: an event that it can't apply. */
export interface ProjectionFailure {
  readonly eventId: string | null;
  readonly position: Position;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
}

export interface StoredRow {
  readonly row: object;
  /** The last event folded in. */
  readonly position: Position;
}

export interface RowWrite extends StoredRow {
  readonly table: string;
  readonly key: string;
  /** The row's columns have been computed by the table. */
  readonly columns: Readonly<Record<string, ColumnValue>>;
  readonly tokens?: readonly string[];
  /** What was stored when the row was loaded or saved last: where that still stands, only what differs need be written. */
  readonly previous?: Pick<RowWrite, 'position' | 'columns' | 'tokens'>;
}

export interface ViewWriter {
  /** Of the generation that serves by now, which is written to from here on; of a writer beside, of the one that it has opened. */
  state(): Promise<ViewState>;
  /** The rows of a table by key; missing ones are missing. */
  load(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>>;
  /**
   * Makes rows durable, each unless what is stored has the same or a higher position; then moves the checkpoint from `from` to `to`.
   * @throws CheckpointMoved when the checkpoint is not at `from`, another worker was here; or when another generation has taken
   * over. Rows may have been written, which is harmless.
   */
  save(rows: readonly RowWrite[], from: Position | null, to: Position): Promise<void>;
  /** The view has caught up: makes the indexes that only queries need, then calls it built. May be repeated. */
  finishBuild(): Promise<void>;
  /**
   * Of a writer beside: when its generation is built, and the one that serves is not ahead of it, it serves from now on. So no reader
   * ever goes back. False: not yet; so that it can get there, the writers of the one that serves may be held up, at most one second
   * in ten. True: it serves, or a later one does.
   */
  promote(): Promise<boolean>;
  /** Says for all to see that the view can't go on, and why. It holds until the checkpoint reaches that event. */
  reportFailure(stopped: ProjectionFailure): Promise<void>;
  close(): Promise<void>;
}

/** How long writers are held up for a generation that takes over, and how long not again; in milliseconds. */
export const writePause = { durationMs: 1_000, minIntervalMs: 10_000 };

/** The views' storage can't be reached or can't write now. */
export class ViewsUnavailable extends Error {
  override readonly name: string = 'ViewsUnavailable';
}

/** The view has not caught up with the log for the first time, and answers nothing until it has. */
export class ViewBeingBuilt extends ViewsUnavailable {
  override readonly name = 'ViewBeingBuilt';

  constructor(readonly view: string) {
    super(`The view ${view} is being built.`);
  }
}

/** A view can't be held as it is, and why, in words for whoever asks. */
export class SnapshotRefused extends ViewsUnavailable {
  override readonly name = 'SnapshotRefused';
}

/** How many snapshots a process may hold at once: each keeps its storage from tidying up behind what is written. */
export const maxSnapshots = 4;

export class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved';
}

/** Where rows are read from. */
export interface RowReader {
  get<Row extends object>(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Row>>;
  find<Row extends object>(table: string, query: RowQuery): Promise<Page<Row>>;
  /** How many rows match. */
  count(table: string, query: Filter): Promise<number>;
  /** For each combination of values that some columns have in rows that match: how many there are. In no particular order. */
  group(table: string, query: GroupQuery): Promise<readonly Group[]>;
}

/**
 * Every row that matches `query`, page by page; `query.limit` is the page size. Rows that change while they are read may be missed
 * or returned twice, unless the reader is a snapshot.
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
 * Every question is answered from the generation that serves at that moment. Rows are never older than the checkpoint told with them;
 * some may be newer where a storage shows the rows of a batch before its checkpoint. What asks for rows throws `ViewBeingBuilt` before
 * the view is built.
 */
export interface ViewReader extends RowReader {
  state(): Promise<ViewState>;
  /**
   * The view as it is now, to be read from for some minutes.
   * @throws SnapshotRefused when `mostSnapshots` are held, or the storage can't hold one
   */
  snapshot(): Promise<ViewSnapshot>;
  close(): Promise<void>;
}

/**
 * The rows as they were after the event at `checkpoint`, none older and none newer, whatever is written, rebuilt or wiped meanwhile.
 * Where they can't be told any more it throws `ViewsUnavailable`, never other rows. To be closed soon; again: nothing.
 */
export interface ViewSnapshot extends RowReader {
  readonly checkpoint: Position | null;
  close(): Promise<void>;
}

/** All conditions hold. Values are of the column's kind. */
export type Condition =
  | { readonly column: string; readonly in: readonly ColumnValue[] }
  | { readonly column: string; readonly notNull: true }
  /** `from` inclusive, `to` exclusive; rows where the column is null never match. */
  | { readonly column: string; readonly from?: string | number; readonly to?: string | number };

/** Which rows. */
export interface Filter {
  readonly where: readonly Condition[];
  /** What follows from `where` by the rules of the business: it changes nothing but the time that it takes to find the rows. */
  readonly derivedConditions?: readonly Condition[];
  /** For each word: one of its spellings (not empty, like tokens) begins one of the row's tokens. See `searchWords` in `tokens.ts`. */
  readonly words?: readonly (readonly string[])[];
}

export interface GroupQuery {
  readonly where: readonly Condition[];
  /** The columns that are told apart; for few combinations of their values, and quickly where an index has all columns named here. */
  readonly by: readonly string[];
  /** Columns of whole numbers that are summed up; null counts as 0. A sum is exact below 2 ** 53. */
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
  /** Ties by key in the same direction; nulls last both ways. */
  readonly sort: { readonly column: string; readonly descending: boolean };
  /** Go on behind this row. */
  readonly after?: { readonly value: ColumnValue; readonly key: string };
  /** 1 to 10,000. */
  readonly limit: number;
}

export interface Page<Row> {
  readonly rows: readonly { readonly key: string; readonly row: Row; readonly sortValue: ColumnValue }[];
  /** Whether there are rows behind the last one. */
  readonly hasMore: boolean;
  /** How far the view was when it was read. */
  readonly checkpoint: Position | null;
}
