import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordedEvent } from '#domain/event';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { View } from '#read-model/view';
import type { ViewReader, RowWrite } from '#read-model/view-store';
import { projectColumns, projectRows } from './project-rows.js';

/** The events of several streams, one stream after the other, as one log. */
export const mergeIntoLog = (...streams: readonly (readonly RecordedEvent[])[]): readonly RecordedEvent[] =>
  streams.flat().map((event, index) => ({ ...event, id: `e-${index + 1}`, position: positionAt(index + 1) }));
export const positionAt = (number: number): string => `p${String(number).padStart(6, '0')}`;

/** Builds a view from these events, in a temporary embedded store that is deleted on close. */
export async function openTestView(
  view: View,
  log: readonly RecordedEvent[],
): Promise<{ readonly reader: ViewReader; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  const writer = await store.openForWriting(view);
  const position = log.at(-1)!.position;
  const writes = Object.entries(view.tables).flatMap(([tableName, table]) =>
    [...projectRows(view, tableName, log)].map(([key, row]): RowWrite => {
      const columns = projectColumns(view, tableName, row) as RowWrite['columns'];
      const write = { table: tableName, key, row, position, columns };
      return table.tokens ? { ...write, tokens: table.tokens(row) } : write;
    }),
  );
  await writer.save(writes, null, position);
  await writer.finishBuild();
  await writer.close();
  return {
    reader: await store.openForReading(view),
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}
