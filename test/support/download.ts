import { createHash } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { readXlsx } from 'hucre/xlsx';
import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import type { App, QueryParams } from './app.js';

export interface Download {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: Buffer;
}

export interface ExportManifest {
  readonly exportId: string;
  readonly count: number;
  readonly filter: Readonly<Record<string, string>>;
  readonly position: string;
  readonly sha256: string;
  readonly createdAt: string;
}

/** Resolves when the headers have arrived, before the body is read. */
export function startDownload(app: App, path: string, query: QueryParams = {}): Promise<IncomingMessage> {
  const params = Object.entries(query).map(([name, value]) => [name, String(value)] as [string, string]);
  const url = `${app.url}${path}?${new URLSearchParams(params).toString()}`;
  return new Promise((resolve, reject) => get(url, { agent: false }, resolve).on('error', reject));
}

/** @throws if the connection breaks before the end */
export async function readDownload(response: IncomingMessage): Promise<Download> {
  const body = await buffer(response);
  return { status: response.statusCode, headers: response.headers, trailers: response.trailers, body };
}

export const downloadExport = async (app: App, query: QueryParams = {}): Promise<Download> =>
  readDownload(await startDownload(app, '/v1/leads/export', query));

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export type CsvRow = Readonly<Record<string, string>>;

export function parseCsv({ body, trailers }: Download): {
  readonly rows: readonly CsvRow[];
  readonly manifest: ExportManifest;
} {
  const rows = parse(body, { bom: true, columns: true, record_delimiter: '\r\n' }) as unknown as CsvRow[];
  return { rows, manifest: JSON.parse(trailers['x-export-manifest'] as string) as ExportManifest };
}

export function parseNdjson<Line>({ body }: Download): {
  readonly lines: readonly Line[];
  readonly manifest: ExportManifest;
} {
  const lines = body
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const { manifest } = lines.pop() as { manifest: ExportManifest };
  return { lines: lines as Line[], manifest };
}

export async function parseXlsx({ body }: Download) {
  const { sheets } = await readXlsx(body);
  const [leads, manifest] = sheets;
  const fields = Object.fromEntries(manifest!.rows.slice(1).map(([name, value]) => [String(name), value]));
  return { names: sheets.map(({ name }) => name), rows: leads!.rows, manifest: fields };
}

export async function readZipEntry(archive: Buffer, name: string): Promise<Buffer> {
  const zip = await promisify<Buffer, { lazyEntries: boolean }, ZipFile>(fromBuffer)(archive, {
    lazyEntries: true,
  });
  return new Promise((resolve, reject) => {
    zip.on('entry', (entry: Entry) => {
      if (entry.fileName !== name) return zip.readEntry();
      zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(buffer(stream))));
    });
    zip.on('end', () => reject(new Error(`The archive has no entry ${name}`)));
    zip.readEntry();
  });
}
