import { createHash } from 'node:crypto';
import type { FilterParameter, ExportFormat, ExportScope } from '#domain/export/export.events';
import type { Position } from '#domain/event-envelope';
import type { LeadResource } from '#resources/lead.resource';
import type { ColumnName } from './columns.js';

/** What an export contains. */
export interface ExportSpec {
  readonly exportId: string;
  readonly scope: ExportScope;
  readonly format: ExportFormat;
  /** Empty for whole leads. */
  readonly columns: readonly ColumnName[];
  readonly timeZone: string;
  readonly sort: string;
  /** Includes personal data, which the recipient of the file sent in the request. */
  readonly filter: readonly FilterParameter[];
  readonly position: Position;
  readonly count: number;
  /** Time of the request, RFC 3339 in UTC. */
  readonly createdAt: string;
}

/** The manifest at the end of an export. It allows a reader to verify that the file is complete. */
export interface Manifest {
  readonly exportId: string;
  readonly count: number;
  readonly scope: ExportScope;
  readonly filter: Readonly<Record<string, string>>;
  readonly sort: string;
  readonly columns: readonly ColumnName[];
  readonly timeZone: string;
  readonly position: Position;
  /** Hex. CSV: of the whole body. NDJSON: of everything before the manifest's line. XLSX: of `xl/worksheets/sheet1.xml`. */
  readonly sha256: string;
  readonly createdAt: string;
}

export type LeadBatches = AsyncIterable<readonly LeadResource[]>;

export function createManifest(spec: ExportSpec, sha256: string): Manifest {
  const { exportId, count, scope, sort, columns, timeZone, position, createdAt } = spec;
  const filter = Object.fromEntries(spec.filter.map(({ name, value }) => [name, value]));
  return { exportId, count, scope, filter, sort, columns, timeZone, position, sha256, createdAt };
}

/** JSON that escapes all characters that an HTTP header cannot contain. */
export const toAsciiJson = (manifest: Manifest): string =>
  JSON.stringify(manifest).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Encodes text as UTF-8 and hashes everything that it has encoded. */
export class HashingEncoder {
  private readonly hash = createHash('sha256');

  encode(text: string): Buffer {
    const bytes = Buffer.from(text, 'utf8');
    this.hash.update(bytes);
    return bytes;
  }

  /** Hex. May be called only once, at the end. */
  sha256(): string {
    return this.hash.digest('hex');
  }
}
