import { LeadsQuery, leadSortOf } from '#apps/query-api/leads.requests';
import { leadFilterOf } from '#http/lead-filter';
import { valid } from '#http/valid';
import { leadList, type LeadRow } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads } from '#projections/lead-list/lead-list.query';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { ColumnValue } from '#read-model/view';
import type { ViewReader } from '#read-model/view-store';
import { end, logFile, org, viewsFolder } from './fill.js';
import { Client } from './load.js';
import { Program } from './program.js';
import type { Asked, Known } from './questions.js';

const now = new Date(end).toISOString();
const pageSize = 50;
const { columns } = leadList.tables['leads']!;

type Place = { readonly value: ColumnValue; readonly key: string };

/** The list as the service reads it: in a thread of its own, filters and sort as the service understands them. */
export class ListReader {
  private constructor(
    private readonly views: SqliteViewStore,
    private readonly reader: ViewReader,
    readonly known: readonly (Known & { readonly row: LeadRow })[],
  ) {}

  static async open(folder: string): Promise<ListReader> {
    const views = new SqliteViewStore(viewsFolder(folder));
    const reader = await views.openForReading(leadList);
    const rows: LeadRow[] = [];
    for (let nth = 0; nth < 60; nth++) {
      const value = new Date(end - ((nth * 37) % 60) * 11 * 86_400_000).toISOString();
      const where = [{ column: 'org', in: [org] }];
      const sort = { column: 'createdAt', descending: true };
      const found = await reader.find<LeadRow>('leads', { where, sort, limit: 1, after: { value, key: '' } });
      rows.push(...found.rows.map(({ row }) => row));
    }
    return new ListReader(
      views,
      reader,
      rows.map((row) => ({ contactId: row.lead.contactId, ...row.lead.contact, row })),
    );
  }

  /** A place somewhere in the middle. */
  placeIn(asked: Asked, nth: number): Place {
    const { row } = this.known[nth % this.known.length]!;
    return { value: columns[leadSortOf(asked['sort']).column]!(row), key: row.lead.id };
  }

  async page(asked: Asked, after: Place | undefined): Promise<number> {
    const query = valid(LeadsQuery, asked);
    const page = { sort: leadSortOf(query.sort), limit: pageSize, ...(after ? { after } : {}) };
    const { items } = await listLeads(this.reader, org, leadFilterOf(query, now), page);
    return items.length;
  }

  count(asked: Asked): Promise<number> {
    return countLeads(this.reader, org, leadFilterOf(valid(LeadsQuery, asked), now));
  }

  close(): Promise<void> {
    return this.views.close();
  }
}

/** The app that answers queries, as a process of its own, and a connection to it. */
export async function queryApi(
  folder: string,
): Promise<{ program: Program; client: Client; end: () => Promise<void> }> {
  const program = await Program.start('apps/query-api/main.js', {
    DATA_DIR: folder,
    EVENT_STORE_URL: `sqlite:${logFile(folder)}`,
    READ_STORE_URL: `sqlite:${viewsFolder(folder)}`,
  });
  const client = new Client(program.url, 1);
  return { program, client, end: () => (client.close(), program.end()) };
}
