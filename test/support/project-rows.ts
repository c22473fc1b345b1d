import type { RecordedEvent } from '#domain/event';
import type { View } from '#read-model/view';
import { affectedKeys, applyEvent } from '#read-model/view-fold';

/** The rows of a view's table after these events, by key, as the projection runner would store them. */
export function projectRows<Row extends object>(
  view: View,
  tableName: string,
  events: readonly RecordedEvent[],
): Map<string, Row> {
  const table = view.tables[tableName]!;
  const rows = new Map<string, Row>();
  for (const event of events)
    for (const key of affectedKeys(table, event)) {
      const row = applyEvent(table, rows.get(key), event, key);
      if (row) rows.set(key, JSON.parse(JSON.stringify(row)) as Row);
    }
  return rows;
}

export const projectColumns = (view: View, tableName: string, row: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(view.tables[tableName]!.columns).map(([name, column]) => [name, column(row)]));
