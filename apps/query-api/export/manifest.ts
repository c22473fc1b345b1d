import { createHash } from 'node:crypto';
import type { FilterParameter, ExportFormat, ExportScope } from '#domain/export/export.events';
import type { Position } from '#domain/event-envelope';
import type { LeadResource } from '#resources/lead.resource';
import type { ColumnName } from './columns.js';

/** What is exported. */
export interface ExportSpec {
  readonly exportId: string;
  readonly scope: ExportScope;
  readonly format: ExportFormat;
  /** None: whole leads. */
  readonly columns: readonly ColumnName[];
  readonly timeZone: string;
  readonly sort: string;
  /** All of it, also what is personal: who has the file asked for it. */
  readonly filter: readonly FilterParameter[];
  readonly position: Position;
  readonly count: number;
  /** When it was asked for, RFC 3339 in UTC. */
  readonly createdAt: string;
}

/** What the end of an export says of it. */
export interface Manifest {
  readonly exportId: string;
  readonly count: number;
  readonly scope: ExportScope;
  readonly filter: Readonly<Record<string, string>>;
  readonly sort: string;
  readonly columns: readonly ColumnName[];
  readonly timeZone: string;
  readonly position: Position;
  /** Hex; of CSV the whole body, of NDJSON all before the manifest's line, of XLSX `xl/worksheets/sheet1.xml`. */
  readonly sha256: string;
  readonly createdAt: string;
}

/** Leads, some at a time. */
export type LeadBatches = AsyncIterable<readonly LeadResource[]>;

export function createManifest(order: ExportSpec, sha256: string): Manifest {
  const { exportId, count, scope, filter, sort, columns, timeZone, position, createdAt } = order;
  const asked = Object.fromEntries(filter.map(({ name, value }) => [name, value]));
  return { exportId, count, scope, filter: asked, sort, columns, timeZone, position, sha256, createdAt };
}

/** As an HTTP header can say it. */
export const toAsciiJson = (manifest: Manifest): string =>
  JSON.stringify(manifest).replace(
    /[^\x20-\x7e]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Bytes of the text, counted into a hash. */
export class HashingEncoder {
  private readonly hash = createHash('sha256');

  encode(text: string): Buffer {
    const bytes = Buffer.from(text, 'utf8');
    this.hash.update(bytes);
    return bytes;
  }

  /** Once, at the end. */
  sha256(): string {
    return this.hash.digest('hex');
  }
}
