import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordedEvent } from '#domain/event';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { View } from '#read-model/view';
import type { ViewReader, RowWrite } from '#read-model/view-store';
import { projectColumns, projectRows } from './project-rows.js';

/** What several sentences tell, one after the other, as one log. */
export const mergeIntoLog = (...told: readonly (readonly RecordedEvent[])[]): readonly RecordedEvent[] =>
  told.flat().map((event, nth) => ({ ...event, id: `e-${nth + 1}`, position: positionAt(nth + 1) }));
export const positionAt = (nth: number): string => `p${String(nth).padStart(6, '0')}`;

/** A view as these events leave it, to be asked: in an embedded storage of its own, which goes when it is closed. */
export async function openTestView(
  view: View,
  log: readonly RecordedEvent[],
): Promise<{ readonly reader: ViewReader; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  const writer = await store.openForWriting(view);
  const position = log.at(-1)!.position;
  const writes = Object.entries(view.tables).flatMap(([table, of]) =>
    [...projectRows(view, table, log)].map(([key, row]): RowWrite => {
      const columns = projectColumns(view, table, row) as RowWrite['columns'];
      return { table, key, row, position, columns, ...(of.tokens ? { tokens: of.tokens(row) } : {}) };
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
