import type { RecordedEvent } from '#domain/event';
import type { View } from '#read-model/view';

/** The rows that these events leave in a view's table, by key: what the catch-up engine does, without its storage. */
export function projectRows<Row extends object>(
  view: View,
  table: string,
  events: readonly RecordedEvent[],
): Map<string, Row> {
  const of = view.tables[table]!;
  const rows = new Map<string, Row>();
  for (const event of events) {
    const keysOf = of.keys[event.type] as ((event: RecordedEvent) => readonly string[]) | undefined;
    for (const key of keysOf?.(event) ?? []) {
      const row = of.evolve(rows.get(key), event, key) as Row | undefined;
      if (row) rows.set(key, JSON.parse(JSON.stringify(row)) as Row);
    }
  }
  return rows;
}

/** What may be filtered and sorted by, of one row. */
export const projectColumns = (view: View, table: string, row: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(view.tables[table]!.columns).map(([name, of]) => [name, of(row)]));
