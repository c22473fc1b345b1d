import type { Decider } from '../decider.js';
import type { NewEvent } from '../event.js';
import type { ExportEvent, LeadsExported } from './export.events.js';

export type RecordExport = { readonly type: 'RecordExport' } & Readonly<LeadsExported['data']> &
  LeadsExported['personal'];

export interface LeadExport {
  readonly recorded: boolean;
}

export const leadExportDecider: Decider<LeadExport, RecordExport, ExportEvent> = {
  initialState: { recorded: false },

  evolve(state, event) {
    return event.type === 'LeadsExported' ? { recorded: true } : state;
  },

  decide({ type: _, q, contactId, ...data }, state): readonly NewEvent<ExportEvent>[] {
    if (state.recorded) return [];
    return [{ type: 'LeadsExported', data, personal: { q, contactId } }];
  },
};
