import type { Position, TypedEvent } from '../event-envelope.js';

export const exportScopes = ['page', 'all'] as const;
export const exportFormats = ['csv', 'xlsx', 'ndjson'] as const;
export type ExportScope = (typeof exportScopes)[number];
export type ExportFormat = (typeof exportFormats)[number];

export type ExportEvent = LeadsExported;

/** A query parameter that restricted which leads were exported. */
export interface FilterParameter {
  /** The parameter's name. */
  readonly name: string;
  /** The parameter's value, as the caller sent it. */
  readonly value: string;
}

/** Leads were exported. The only event of its stream, written before the first lead is sent. */
export type LeadsExported = TypedEvent<
  'LeadsExported',
  {
    /** The export's id, as in its manifest. */
    readonly exportId: string;
    /** Whether one page of the list or all matching leads were exported. */
    readonly scope: ExportScope;
    /** The file format. */
    readonly format: ExportFormat;
    /** The requested columns, in order; empty if complete leads were exported. */
    readonly columns: readonly string[];
    /** The IANA time zone of the times in the file. */
    readonly timeZone: string;
    /** The sort key, with a leading `-` for descending order. */
    readonly sort: string;
    /** The filter, without its personal parameters. */
    readonly filter: readonly FilterParameter[];
    /** The position of the lead list from which the leads were read. */
    readonly position: Position;
    /** The number of exported leads. */
    readonly count: number;
  },
  {
    /** The search text. */
    readonly q: string | null;
    /** The contact whose leads were exported; null for all contacts. */
    readonly contactId: string | null;
  }
>;
