import { LeadsQuery, parseLeadSort } from '#apps/query-api/leads.requests';
import { toLeadFilter } from '#http/resources/lead-filter';
import { validate } from '#http/validation';
import { leadListView, type LeadRow } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads } from '#projections/lead-list/lead-list.query';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { ColumnValue } from '#read-model/view';
import type { ViewReader } from '#read-model/view-store';
import { datasetEnd, logFile, org, viewsFolder } from './dataset.js';
import { LoadClient } from './load-client.js';
import { ServerProcess } from './server-process.js';
import type { ListParams, KnownLead } from './bench-queries.js';

const now = new Date(datasetEnd).toISOString();
const pageSize = 50;
const { columns } = leadListView.tables['leads']!;

type Place = { readonly value: ColumnValue; readonly key: string };

/** The list as the service reads it: in a thread of its own, filters and sort as the service understands them. */
export class ListReader {
  private constructor(
    private readonly views: SqliteViewStore,
    private readonly reader: ViewReader,
    readonly knownLeads: readonly (KnownLead & { readonly row: LeadRow })[],
  ) {}

  static async open(folder: string): Promise<ListReader> {
    const views = new SqliteViewStore(viewsFolder(folder));
    const reader = await views.openForReading(leadListView);
    const rows: LeadRow[] = [];
    for (let nth = 0; nth < 60; nth++) {
      const value = new Date(datasetEnd - ((nth * 37) % 60) * 11 * 86_400_000).toISOString();
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
  positionWithin(asked: ListParams, nth: number): Place {
    const { row } = this.knownLeads[nth % this.knownLeads.length]!;
    return { value: columns[parseLeadSort(asked['sort']).column]!(row), key: row.lead.id };
  }

  async page(asked: ListParams, after: Place | undefined): Promise<number> {
    const query = validate(LeadsQuery, asked);
    const page = { sort: parseLeadSort(query.sort), limit: pageSize, ...(after ? { after } : {}) };
    const { items } = await listLeads(this.reader, org, toLeadFilter(query, now), page);
    return items.length;
  }

  count(asked: ListParams): Promise<number> {
    return countLeads(this.reader, org, toLeadFilter(validate(LeadsQuery, asked), now));
  }

  close(): Promise<void> {
    return this.views.close();
  }
}

/** The app that answers queries, as a process of its own, and a connection to it. */
export async function startQueryApi(
  folder: string,
): Promise<{ program: ServerProcess; client: LoadClient; end: () => Promise<void> }> {
  const program = await ServerProcess.start('apps/query-api/main.js', {
    DATA_DIR: folder,
    EVENT_STORE_URL: `sqlite:${logFile(folder)}`,
    READ_STORE_URL: `sqlite:${viewsFolder(folder)}`,
  });
  const client = new LoadClient(program.url, 1);
  return { program, client, end: () => (client.close(), program.stop()) };
}
