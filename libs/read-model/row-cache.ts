import { LRUCache } from 'lru-cache';
import type { Position, RecordedEvent } from '#domain/event';
import type { AnyTable, ColumnValue, View } from './view.js';
import { affectedKeys, applyEvent } from './view-fold.js';
import type { ViewWriter, RowWrite } from './view-store.js';

/** How many rows of a table stay in memory after they were saved. */
const keptRows = 4_000;
const mostKeys = 1_000;

interface Entry {
  readonly key: string;
  row: object | undefined;
  /** Empty before the first event. */
  position: Position;
  /** What the storage holds: its position and row, and once they were needed, its columns and tokens. */
  stored: { position: Position; row: object; made?: Made } | undefined;
}

type Made = Pick<RowWrite, 'columns' | 'tokens'>;

interface Plan {
  readonly name: string;
  readonly table: AnyTable;
  readonly first: ReadonlySet<string>;
  readonly columns: readonly (readonly [string, (row: object) => ColumnValue])[];
  readonly changed: Map<string, Entry>;
  readonly kept: LRUCache<string, Entry>;
}

interface Step {
  readonly event: RecordedEvent;
  readonly plan: Plan;
  readonly entries: readonly Entry[];
}

/** The rows of a view that are in memory: those changed since the last save, and some of those before. */
export class RowCache {
  private readonly plans: readonly Plan[];
  private readonly byType = new Map<string, readonly Plan[]>();

  constructor(view: View) {
    this.plans = Object.entries(view.tables).map(([name, table]) => ({
      name,
      table,
      first: new Set(table.createdBy),
      columns: Object.entries(table.columns),
      changed: new Map<string, Entry>(),
      kept: new LRUCache<string, Entry>({ max: keptRows }),
    }));
    for (const plan of this.plans)
      for (const type of Object.keys(plan.table.on)) this.byType.set(type, [...(this.byType.get(type) ?? []), plan]);
  }

  /** How many rows differ from the storage. */
  get changedRows(): number {
    return this.plans.reduce((sum, { changed }) => sum + changed.size, 0);
  }

  /** How many times events have changed a row since the last save. */
  changeCount = 0;

  /**
   * Folds events into the rows they touch. Throws what a table throws; the rows in memory are then of no use: `forget` them.
   * With `check`, for one event alone, nothing has happened then, and what saving would compute is tried as well.
   */
  async apply(events: readonly RecordedEvent[], writer: Pick<ViewWriter, 'load'>, check = false): Promise<void> {
    const steps = await this.load(events, writer);
    const results: (readonly [Plan, Entry, object])[] = [];
    for (const { event, plan, entries } of steps)
      for (const entry of entries) {
        if (entry.position >= event.position) continue;
        const row = applyEvent(plan.table, entry.row, event, entry.key);
        if (row === entry.row) continue;
        if (row === undefined) throw new Error(`table ${plan.name} gave up row ${entry.key}`);
        if (check) {
          made(plan, row);
          JSON.stringify(row);
          results.push([plan, entry, row]);
        } else this.change(plan, entry, row, event.position);
      }
    for (const [plan, entry, row] of results) this.change(plan, entry, row, events[0]!.position);
  }

  private async load(events: readonly RecordedEvent[], writer: Pick<ViewWriter, 'load'>): Promise<readonly Step[]> {
    const steps: Step[] = [];
    /** The entries made here, and the keys of those that the storage may know. */
    const made = new Map<Plan, { readonly entries: Map<string, Entry>; readonly asked: string[] }>();
    for (const event of events)
      for (const plan of this.byType.get(event.type) ?? []) {
        const keys = affectedKeys(plan.table, event);
        if (keys.length > mostKeys)
          throw new Error(`it touches ${keys.length} rows of table ${plan.name}, more than ${mostKeys}`);
        let here = made.get(plan);
        if (!here) made.set(plan, (here = { entries: new Map<string, Entry>(), asked: [] }));
        const { entries, asked } = here;
        const touched = keys.map((key) => {
          let entry = plan.changed.get(key) ?? entries.get(key) ?? plan.kept.get(key);
          if (entry) return entry;
          entries.set(key, (entry = { key, row: undefined, position: '', stored: undefined }));
          if (!plan.first.has(event.type)) asked.push(key);
          return entry;
        });
        steps.push({ event, plan, entries: touched });
      }
    for (const [plan, { entries, asked }] of made) {
      if (asked.length === 0) continue;
      for (const [key, { row, position }] of await writer.load(plan.name, asked)) {
        const entry = entries.get(key)!;
        Object.assign(entry, { row, position, stored: { row, position } });
        plan.kept.set(key, entry);
      }
    }
    return steps;
  }

  /** Everything that differs from the storage, as it must be saved. Throws what a table's columns and tokens throw. */
  pendingWrites(): readonly RowWrite[] {
    return this.plans.flatMap((plan) =>
      Array.from(plan.changed.values(), ({ key, row, position, stored }): RowWrite => {
        const write = { table: plan.name, key, row: row!, position, ...made(plan, row!) };
        if (!stored) return write;
        stored.made ??= made(plan, stored.row);
        return { ...write, previous: { position: stored.position, ...stored.made } };
      }),
    );
  }

  /** The storage holds these now. */
  markSaved(writes: readonly RowWrite[]): void {
    for (const { name, changed, kept } of this.plans) {
      const own = writes.filter(({ table }) => table === name);
      for (const { key, row, position, columns, tokens } of own.slice(-keptRows)) {
        const entry = changed.get(key)!;
        entry.stored = { row, position, made: tokens ? { columns, tokens } : { columns } };
        kept.set(key, entry);
      }
      changed.clear();
    }
    this.changeCount = 0;
  }

  clear(): void {
    for (const { changed, kept } of this.plans) {
      changed.clear();
      kept.clear();
    }
    this.changeCount = 0;
  }

  private change(plan: Plan, entry: Entry, row: object, position: Position): void {
    entry.row = row;
    entry.position = position;
    plan.changed.set(entry.key, entry);
    this.changeCount++;
  }
}

function made(plan: Plan, row: object): Made {
  const columns: Record<string, ColumnValue> = {};
  for (const [name, column] of plan.columns) {
    const value = column(row);
    if (typeof value !== 'string' && value !== null && !Number.isFinite(value))
      throw new Error(
        `column ${name} of table ${plan.name} is neither text nor a finite number nor null: ${String(value)}`,
      );
    columns[name] = value;
  }
  const words = plan.table.tokens?.(row);
  return words ? { columns, tokens: words } : { columns };
}
