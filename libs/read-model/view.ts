import type { EventType, RecordedEvent } from '#domain/event';

/**
 * A view answers one question of the business. It is one ordered pass over the whole log with one checkpoint, filling its tables.
 * Views are independent of each other, of clocks and of chance: wiped and rebuilt, they are the same.
 */
export interface View {
  /** `a-z 0-9 -`, beginning with a letter; names the view's storage. */
  readonly name: string;
  /** From 1. Raised whenever the same log would give other rows, columns or indexes: a new version is built from the start. */
  readonly version: number;
  /** By name: letters and digits, beginning with a small letter; columns are named likewise. */
  readonly tables: Readonly<Record<string, AnyTable>>;
}

export type ColumnValue = string | number | null;

export interface Table<Row extends object> {
  /** The rows that an event touches, told from the event alone, at most 1,000. An event type that is not named is not for this table. */
  readonly keys: { readonly [T in EventType]?: (event: RecordedEvent<T>) => readonly string[] };
  /**
   * Event types before which their rows can't be there: nobody looks for those in the storage. Where such a row is there all the
   * same, since a batch is repeated, it has all that followed and stays.
   */
  readonly createdBy?: readonly EventType[];
  /**
   * Pure, and never changes the row it is given. `undefined`: there is (still) no such row; a row is never removed. The same
   * row again: nothing changed. Rows are JSON: what JSON drops or changes must not matter to the next event.
   */
  evolve(row: Row | undefined, event: RecordedEvent, key: string): Row | undefined;
  /** What may be filtered and sorted by. Numbers are finite; booleans are 0 and 1; texts sort by code point. */
  readonly columns: Readonly<Record<string, (row: Row) => ColumnValue>>;
  /** Queries that filter `equal` (all of them, by one value each) and sort by `sort` are answered from an index. Each costs writing. */
  readonly indexes: readonly Index[];
  /** Words to search by, folded by `tokens.ts`; no white space, quotes or backslash inside. Left out: the table can't be searched. */
  tokens?(row: Row): readonly string[];
}

// A table accepts only its own rows; a view does not care which. With `unknown` or `object` no Table would be one: `any` it must be.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyTable = Table<any>;

export interface Index {
  readonly prefix: readonly string[];
  readonly sort?: string;
  /**
   * Columns that stand in the index besides, so that most rows need not be looked at to tell whether they match. Those that
   * change seldom: a change of any column in it rewrites a row's entry.
   */
  readonly include?: readonly string[];
  /** Only rows whose columns have these values. */
  readonly where?: Readonly<Record<string, string | number>>;
}
