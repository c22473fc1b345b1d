import type { EventType, RecordedEvent } from '#domain/event';

/**
 * A read model that answers one business question: one ordered pass over the whole log, with one checkpoint, fills its tables.
 * A view depends on no other view, clock or random number. Wiped and rebuilt, it holds the same rows.
 */
export interface View {
  /** `a-z 0-9 -`, starting with a letter. Names the view's storage. */
  readonly name: string;
  /** From 1. Raise it when the same log would give other rows, columns or indexes: a new version is built from the start. */
  readonly version: number;
  /** By name: letters and digits, starting with a lower-case letter. Columns are named likewise. */
  readonly tables: Readonly<Record<string, AnyTable>>;
}

/** A view that declares every event type: its tables handle it, or the view ignores it. */
export interface DeclaredView extends View {
  readonly ignores: readonly EventType[];
}

export type ColumnValue = string | number | null;

/** What a table does with an event: of one type, or of several that it treats alike. */
export interface EventHandler<Row extends object, Event extends RecordedEvent> {
  /** The rows that the event affects, determined from the event alone: one, or a list of at most 1,000. */
  readonly key: (event: Event) => string | readonly string[];
  /**
   * Pure: it never changes the row that it is given. `undefined` means that there is (still) no such row; a row is never removed.
   * Returning the same row means that nothing changed. Rows are stored as JSON: what JSON drops or changes must not matter to
   * the next event.
   */
  readonly apply: (row: Row | undefined, event: Event, key: string) => Row | undefined;
}

interface TableBase<Row extends object, Type extends EventType> {
  /**
   * Event types that create their rows: these rows are not looked up in the storage first. On a replayed batch such a row may
   * already exist; it is then newer and is kept.
   */
  readonly createdBy?: readonly Type[];
  /** What may be filtered and sorted by. Numbers are finite; booleans are 0 and 1; texts sort by code point. */
  readonly columns: Readonly<Record<string, (row: Row) => ColumnValue>>;
  /** An index serves queries that give one value for each column in `prefix` and sort by `sort`. Each index slows down writing. */
  readonly indexes: readonly Index[];
  /** Search tokens, made by `tokens.ts`: no white space, quotes or backslashes. Without it the table cannot be searched. */
  tokens?(row: Row): readonly string[];
}

export interface Table<Row extends object> extends TableBase<Row, EventType> {
  readonly on: { readonly [Type in EventType]?: EventHandler<Row, RecordedEvent<Type>> };
}

/** A table whose type says which events it handles. */
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
   * More columns to store in the index, so that most rows can be filtered without reading them. Choose columns that change
   * seldom: a change of any of them rewrites the row's index entry.
   */
  readonly include?: readonly string[];
  /** Only rows whose columns have these values are in the index. */
  readonly where?: Readonly<Record<string, string | number>>;
}

/**
 * Defines a table of `Row`s. `Required` are event types that it must handle: those of the fold that its rows mirror, so that an
 * event added to the fold does not compile until the table handles it.
 */
export const defineTable =
  <Row extends object, Required extends EventType = never>() =>
  <Handled extends EventType>(
    table: TypedTable<Row, Handled> & { readonly on: Readonly<Record<Required, unknown>> },
  ): TypedTable<Row, Handled> =>
    table;

/**
 * Defines a view. Every event type must be handled by one of its tables or named once in `ignores`; the compile error names the
 * event that is not. So a new event does not compile until each view has decided about it.
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
