import type { EventType, RecordedEvent } from '#domain/event';
import type { AnyTable, EventHandler } from './view.js';

/** The keys of the rows that an event affects; none if the table does not handle the event. */
export function affectedKeys(table: AnyTable, event: RecordedEvent): readonly string[] {
  const keys = handlerOf(table, event.type)?.key(event) ?? [];
  return typeof keys === 'string' ? [keys] : keys;
}

/** The row under `key` after the event; unchanged if the table does not handle the event. */
export function applyEvent<Row extends object>(
  table: AnyTable,
  row: Row | undefined,
  event: RecordedEvent,
  key: string,
): Row | undefined {
  const handler = handlerOf<Row>(table, event.type);
  return handler ? handler.apply(row, event, key) : row;
}

/** The handler of an event type accepts events of that type. The compiler cannot express this for a type known only at run time. */
const handlerOf = <Row extends object>(
  table: AnyTable,
  type: EventType,
): EventHandler<Row, RecordedEvent> | undefined => table.on[type] as EventHandler<Row, RecordedEvent> | undefined;
