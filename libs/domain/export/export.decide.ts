import type { Decider } from '../decider.js';
import type { NewEvent, Position } from '../event-envelope.js';
import type { ExportEvent, ExportFormat, ExportScope, FilterParameter } from './export.events.js';

export interface RecordExport {
  readonly type: 'RecordExport';
  readonly exportId: string;
  readonly scope: ExportScope;
  readonly format: ExportFormat;
  readonly columns: readonly string[];
  readonly timeZone: string;
  readonly sort: string;
  readonly filter: readonly FilterParameter[];
  readonly position: Position;
  readonly count: number;
  readonly q: string | null;
  readonly contactId: string | null;
}

export interface LeadExport {
  readonly recorded: boolean;
}

export const leadExportDecider: Decider<LeadExport, RecordExport, ExportEvent> = {
  initialState: { recorded: false },

  decide(command, state): readonly NewEvent<ExportEvent>[] {
    if (state.recorded) return [];
    return [
      {
        type: 'LeadsExported',
        data: {
          exportId: command.exportId,
          scope: command.scope,
          format: command.format,
          columns: command.columns,
          timeZone: command.timeZone,
          sort: command.sort,
          filter: command.filter.map(({ name, value }) => ({ name, value })),
          position: command.position,
          count: command.count,
        },
        personal: { q: command.q, contactId: command.contactId },
      },
    ];
  },

  evolve: (state, event) => (event.type === 'LeadsExported' ? { recorded: true } : state),
};
