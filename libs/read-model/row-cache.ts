import { LRUCache } from 'lru-cache';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { affectedKeys, applyEvent } from './view-fold.js';
import type { RowWrite, ViewWriter } from './view-store.js';
import type { AnyTable, ColumnValue, View } from './view.js';

/** Rows of a table that stay in memory after they were saved. */
const maxSavedRows = 4_000;
const maxKeysPerEvent = 1_000;

type Computed = Pick<RowWrite, 'columns' | 'tokens'>;

interface Entry {
  readonly key: string;
  row: object | undefined;
  /** Empty before the first event. */
  position: Position;
  /** What the storage has; null if it has no such row, undefined if the row was not looked up. Computed when first needed. */
  stored: { position: Position; row: object; computed?: Computed } | null | undefined;
}

interface TableCache {
  readonly name: string;
  readonly table: AnyTable;
  readonly createdBy: ReadonlySet<string>;
  readonly columns: readonly (readonly [string, (row: object) => ColumnValue])[];
  /** Rows that differ from the storage. */
  readonly changed: Map<string, Entry>;
  /** Rows that were saved or loaded recently. */
  readonly saved: LRUCache<string, Entry>;
}

/** An event and the rows of one table that it affects. */
interface Step {
  readonly event: RecordedEvent;
  readonly cache: TableCache;
  readonly entries: readonly Entry[];
}

/** The rows of a view that are in memory: those changed since the last save, and those that were recently saved or loaded. */
export class RowCache {
  private readonly caches: readonly TableCache[];
  private readonly cachesByEventType = new Map<string, readonly TableCache[]>();

  constructor(view: View) {
    this.caches = Object.entries(view.tables).map(([name, table]) => ({
      name,
      table,
      createdBy: new Set(table.createdBy),
      columns: Object.entries(table.columns),
      changed: new Map<string, Entry>(),
      saved: new LRUCache<string, Entry>({ max: maxSavedRows }),
    }));
    for (const cache of this.caches)
      for (const type of Object.keys(cache.table.on))
        this.cachesByEventType.set(type, [...(this.cachesByEventType.get(type) ?? []), cache]);
  }

  /** Rows that differ from the storage. */
  get changedRows(): number {
    return this.caches.reduce((sum, { changed }) => sum + changed.size, 0);
  }

  /** How many times events have changed a row since the last save. */
  changeCount = 0;

  /**
   * Applies events to the rows that they affect. If a table throws, the error is thrown to the caller, which must then call `clear`,
   * because some rows may have changed. With `check`, pass a single event: on an error no row has changed, and errors that saving
   * would cause are also thrown.
   */
  async apply(events: readonly RecordedEvent[], writer: Pick<ViewWriter, 'load'>, check = false): Promise<void> {
    const steps = await this.load(events, writer);
    const checked: (readonly [TableCache, Entry, object])[] = [];
    for (const { event, cache, entries } of steps)
      for (const entry of entries) {
        if (entry.position >= event.position) continue;
        const row = applyEvent(cache.table, entry.row, event, entry.key);
        if (row === entry.row) continue;
        if (row === undefined) throw new Error(`table ${cache.name} removed row ${entry.key}`);
        if (check) {
          compute(cache, row);
          JSON.stringify(row);
          checked.push([cache, entry, row]);
        } else this.change(cache, entry, row, event.position);
      }
    for (const [cache, entry, row] of checked) this.change(cache, entry, row, events[0]!.position);
  }

  private async load(events: readonly RecordedEvent[], writer: Pick<ViewWriter, 'load'>): Promise<readonly Step[]> {
    const steps: Step[] = [];
    /** New entries, and the keys of those that may be stored. */
    const missing = new Map<TableCache, { readonly entries: Map<string, Entry>; readonly keysToLoad: string[] }>();
    for (const event of events)
      for (const cache of this.cachesByEventType.get(event.type) ?? []) {
        const keys = affectedKeys(cache.table, event);
        if (keys.length > maxKeysPerEvent)
          throw new Error(`the event affects ${keys.length} rows of table ${cache.name}, more than ${maxKeysPerEvent}`);
        let created = missing.get(cache);
        if (!created) missing.set(cache, (created = { entries: new Map<string, Entry>(), keysToLoad: [] }));
        const { entries, keysToLoad } = created;
        const affected = keys.map((key) => {
          const known = cache.changed.get(key) ?? entries.get(key) ?? cache.saved.get(key);
          if (known) return known;
          const entry: Entry = { key, row: undefined, position: '', stored: undefined };
          entries.set(key, entry);
          if (!cache.createdBy.has(event.type)) keysToLoad.push(key);
          return entry;
        });
        steps.push({ event, cache, entries: affected });
      }
    for (const [cache, { entries, keysToLoad }] of missing) {
      if (keysToLoad.length === 0) continue;
      for (const key of keysToLoad) entries.get(key)!.stored = null;
      for (const [key, { row, position }] of await writer.load(cache.name, keysToLoad)) {
        const entry = entries.get(key)!;
        entry.row = row;
        entry.position = position;
        entry.stored = { row, position };
        cache.saved.set(key, entry);
      }
    }
    return steps;
  }

  /** Everything that differs from the storage. @throws any error of a table's `columns` or `tokens` */
  pendingWrites(): readonly RowWrite[] {
    return this.caches.flatMap((cache) =>
      Array.from(cache.changed.values(), ({ key, row, position, stored }): RowWrite => {
        const write = { table: cache.name, key, row: row!, position, ...compute(cache, row!) };
        if (stored === undefined) return write;
        if (stored === null) return { ...write, previous: null };
        stored.computed ??= compute(cache, stored.row);
        return { ...write, previous: { position: stored.position, ...stored.computed } };
      }),
    );
  }

  /** Must be called after the storage has saved these writes. */
  markSaved(writes: readonly RowWrite[]): void {
    for (const { name, changed, saved } of this.caches) {
      const tableWrites = writes.filter(({ table }) => table === name);
      for (const { key, row, position, columns, tokens } of tableWrites.slice(-maxSavedRows)) {
        const entry = changed.get(key)!;
        entry.stored = { row, position, computed: tokens ? { columns, tokens } : { columns } };
        saved.set(key, entry);
      }
      changed.clear();
    }
    this.changeCount = 0;
  }

  clear(): void {
    for (const { changed, saved } of this.caches) {
      changed.clear();
      saved.clear();
    }
    this.changeCount = 0;
  }

  private change(cache: TableCache, entry: Entry, row: object, position: Position): void {
    entry.row = row;
    entry.position = position;
    cache.changed.set(entry.key, entry);
    this.changeCount++;
  }
}

function compute(cache: TableCache, row: object): Computed {
  const columns: Record<string, ColumnValue> = {};
  for (const [name, column] of cache.columns) {
    const value = column(row);
    if (typeof value !== 'string' && value !== null && !Number.isFinite(value))
      throw new Error(
        `column ${name} of table ${cache.name} must be a text, a finite number or null, not ${String(value)}`,
      );
    columns[name] = value;
  }
  const tokens = cache.table.tokens?.(row);
  return tokens ? { columns, tokens } : { columns };
}
