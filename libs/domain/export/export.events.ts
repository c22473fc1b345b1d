import type { TypedEvent, Position } from '../event.js';

export const exportScopes = ['page', 'all'] as const;
export const exportFormats = ['csv', 'xlsx', 'ndjson'] as const;
export type ExportScope = (typeof exportScopes)[number];
export type ExportFormat = (typeof exportFormats)[number];

export type ExportEvent = LeadsExported;

/** A filter that was asked for, in the words of the query. */
export interface FilterParameter {
  /** The parameter's name. */
  readonly name: string;
  /** The parameter's value, as it was given. */
  readonly value: string;
}

/** First and only event of an export: leads were taken out of the system. Recorded before the first of them is told. */
export type LeadsExported = TypedEvent<
  'LeadsExported',
  {
    /** Made for it, and told by its manifest. */
    exportId: string;
    /** What one page shows, or everything that matches. */
    scope: ExportScope;
    /** What kind of file. */
    format: ExportFormat;
    /** The columns asked for, in their order; none: whole leads. */
    columns: readonly string[];
    /** The zone in which times are told. */
    timeZone: string;
    /** The key that leads are sorted by, `-` before it for descending. */
    sort: string;
    /** What restricts which leads, but for what is personal. */
    filter: readonly FilterParameter[];
    /** How far the list was whose rows were told. */
    position: Position;
    /** How many leads. */
    count: number;
  },
  {
    /** The words that were searched for. */
    q: string | null;
    /** The contact that leads were restricted to. */
    contactId: string | null;
  }
>;
