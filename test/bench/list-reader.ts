import { LeadsQuery, parseLeadSort } from '#apps/query-api/leads.requests';
import { toLeadFilter } from '#http/resources/lead-filter';
import { validate } from '#http/validation';
import { leadListView, type LeadRow } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads } from '#projections/lead-list/lead-list.query';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { ColumnValue } from '#read-model/view';
import type { ViewReader } from '#read-model/view-store';
import { datasetEnd, logFile, org, viewsFolder } from './dataset.js';
import { idKey } from './contact-generator.js';
import { LoadClient } from './load-client.js';
import { ServerProcess } from './server-process.js';
import type { ListParams, KnownLead } from './bench-queries.js';

const now = new Date(datasetEnd).toISOString();
const pageSize = 50;
const { columns } = leadListView.tables['leads']!;

interface PageStart {
  readonly value: ColumnValue;
  readonly key: string;
}

/** Reads the list as the service does: in the reader thread, with the filters and sorts of its requests. */
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
    for (let index = 0; index < 60; index++) {
      const value = new Date(datasetEnd - ((index * 37) % 60) * 11 * 86_400_000).toISOString();
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

  /** The start of a page somewhere in the middle of the list. */
  deepPageStart(params: ListParams, index: number): PageStart {
    const { row } = this.knownLeads[index % this.knownLeads.length]!;
    return { value: columns[parseLeadSort(params['sort']).column]!(row), key: row.lead.id };
  }

  async page(params: ListParams, after: PageStart | undefined): Promise<number> {
    const query = validate(LeadsQuery, params);
    const page = { sort: parseLeadSort(query.sort), limit: pageSize, ...(after ? { after } : {}) };
    const { items } = await listLeads(this.reader, org, toLeadFilter(query, now), page);
    return items.length;
  }

  count(params: ListParams): Promise<number> {
    return countLeads(this.reader, org, toLeadFilter(validate(LeadsQuery, params), now));
  }

  close(): Promise<void> {
    return this.views.close();
  }
}

/** Starts query-api as a process of its own, and opens one connection to it. */
export async function startQueryApi(
  folder: string,
): Promise<{ program: ServerProcess; client: LoadClient; stop: () => Promise<void> }> {
  const program = await ServerProcess.start('apps/query-api/main.js', {
    DATA_DIR: folder,
    EVENT_STORE_URL: `sqlite:${logFile(folder)}`,
    READ_STORE_URL: `sqlite:${viewsFolder(folder)}`,
    ID_KEY: idKey,
  });
  const client = new LoadClient(program.url, 1);
  const stop = (): Promise<void> => {
    client.close();
    return program.stop();
  };
  return { program, client, stop };
}
