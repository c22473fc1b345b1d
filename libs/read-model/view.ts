import type { EventType, RecordedEvent } from '#domain/event';

/**
 * A read model that answers one business question. One ordered pass over the whole log, with one checkpoint, fills its tables.
 * A view depends on no other view, clock or random number, so a rebuild gives the same rows.
 */
export interface View {
  /** `a-z 0-9 -`, starting with a letter. Names the view's storage. */
  readonly name: string;
  /** From 1. Raise it when the same log would give different rows, columns or indexes. A new version is built from the start. */
  readonly version: number;
  /** By name: letters and digits, starting with a lower-case letter. Columns are named likewise. */
  readonly tables: Readonly<Record<string, AnyTable>>;
}

/** A view that accounts for every event type: a table handles it, or the view ignores it. */
export interface DeclaredView extends View {
  readonly ignores: readonly EventType[];
}

export type ColumnValue = string | number | null;

/** How a table handles events of one type, or of several types that it treats alike. */
export interface EventHandler<Row extends object, Event extends RecordedEvent> {
  /** The keys of the rows that the event affects, determined from the event alone: one, or a list of at most 1,000. */
  readonly key: (event: Event) => string | readonly string[];
  /**
   * Returns the row after the event. A pure function: it must not change the row that it receives. `undefined` means that the row does
   * not exist; an existing row is never removed. Returning the same row means that nothing has changed. Rows are stored as JSON, so
   * handlers must not depend on anything that JSON drops or changes.
   */
  readonly apply: (row: Row | undefined, event: Event, key: string) => Row | undefined;
}

interface TableBase<Row extends object, Type extends EventType> {
  /**
   * Event types that create their rows. These rows are not looked up in the storage first. When a batch is replayed, such a row may
   * already exist. It is then newer and is kept.
   */
  readonly createdBy?: readonly Type[];
  /** Values for filters and sorting. Numbers must be finite; booleans are 0 and 1; texts sort by code point. */
  readonly columns: Readonly<Record<string, (row: Row) => ColumnValue>>;
  /** An index serves queries that give one value for each column in `prefix` and sort by `sort`. Each index slows down writing. */
  readonly indexes: readonly Index[];
  /** Search tokens from `tokens.ts`, without whitespace, quotes or backslashes. If undefined, the table cannot be searched. */
  tokens?(row: Row): readonly string[];
}

export interface Table<Row extends object> extends TableBase<Row, EventType> {
  readonly on: { readonly [Type in EventType]?: EventHandler<Row, RecordedEvent<Type>> };
}

/** A table whose type contains the events that it handles. */
export interface TypedTable<Row extends object, Handled extends EventType> extends TableBase<Row, NoInfer<Handled>> {
  readonly on: { readonly [Type in Handled]: EventHandler<Row, RecordedEvent<Type>> };
}

// `any` is needed: a table accepts only its own rows, so no Table would be a Table<object> or Table<unknown>.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyTable = Table<any>;

export interface Index {
  readonly prefix: readonly string[];
  readonly sort?: string;
  /**
   * Additional columns to store in the index, so that most rows can be filtered without reading them. Choose columns that rarely
   * change, because each change rewrites the row's index entry.
   */
  readonly include?: readonly string[];
  /** Only rows whose columns have these values are in the index. */
  readonly where?: Readonly<Record<string, string | number>>;
}

/**
 * Defines a table of `Row`s. `Required` are event types that it must handle. For a table whose rows contain the state of a fold, these
 * are the events of the fold, so that an event added to the fold does not compile until the table handles it.
 */
export const defineTable =
  <Row extends object, Required extends EventType = never>() =>
  <Handled extends EventType>(
    table: TypedTable<Row, Handled> & { readonly on: Readonly<Record<Required, unknown>> },
  ): TypedTable<Row, Handled> =>
    table;

/**
 * Defines a view. Every event type must be handled by one of its tables or listed once in `ignores`. Otherwise the compile error names
 * the event. So a new event does not compile until each view handles or ignores it.
 */
export const defineView = <
  Tables extends Readonly<Record<string, AnyTable>>,
  const Ignored extends readonly EventType[],
>(view: {
  readonly name: string;
  readonly version: number;
  readonly tables: Tables;
  readonly ignores: Ignored & EveryEventOnce<HandledBy<Tables>, Ignored>;
}): DeclaredView => view;

type HandledBy<Tables> = {
  [Name in keyof Tables]: Tables[Name] extends { readonly on: infer Handlers } ? keyof Handlers : never;
}[keyof Tables];

type EveryEventOnce<Handled, Ignored extends readonly EventType[]> = Forbid<
  'event neither handled nor ignored',
  Exclude<EventType, Handled | Ignored[number]>
> &
  Forbid<'event both handled and ignored', Extract<Ignored[number], Handled>> &
  Forbid<'event ignored twice', Repeated<Ignored>>;

/** Accepts anything if there are no such types; otherwise nothing, and the compile error shows the problem and the types. */
type Forbid<Problem extends string, Types> = [Types] extends [never] ? unknown : { readonly [P in Problem]: Types };

type Repeated<Types extends readonly unknown[]> = Types extends readonly [infer First, ...infer Rest]
  ? (First extends Rest[number] ? First : never) | Repeated<Rest>
  : never;
