import type { BulkAction } from '#domain/bulk/bulk.action';
import type { BulkJob } from '#domain/bulk/bulk.job';
import type { BulkResult } from '#domain/bulk/bulk.results';

/** A bulk job whose action has the field names of the request. */
export type BulkJobResource = Omit<BulkJob, 'action' | 'firstRound'> & {
  readonly action: Readonly<Record<string, unknown>>;
};

export function toBulkJobResource({ action, firstRound: _, ...job }: BulkJob): BulkJobResource {
  return { ...job, action: toActionResource(action) };
}

function toActionResource(action: BulkAction): BulkJobResource['action'] {
  if (action.type !== 'change_status') return action;
  const { type, status, score, reason, note } = action;
  return { type, status, reason, note, qualificationScore: score };
}

/** `code` is present if the item was rejected, `version` if it was not. */
export type BulkResultResource = Pick<BulkResult, 'index' | 'id' | 'outcome'> & {
  readonly code?: string;
  readonly version?: number;
};

export const toBulkResultResource = ({ code, version, ...result }: BulkResult): BulkResultResource => ({
  ...result,
  ...(code === null ? {} : { code }),
  ...(version === null ? {} : { version }),
});
