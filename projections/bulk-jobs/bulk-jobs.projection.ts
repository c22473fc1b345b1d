import { evolveJob, isOpen, type BulkJob } from '#domain/bulk/bulk.job';
import type { BulkResult } from '#domain/bulk/bulk.results';
import type { RecordedEvent } from '#domain/event';
import { defineTable, defineView, type EventHandler } from '#read-model/view';
import {
  agentEvents,
  broadcastEvents,
  contactEvents,
  exportEvents,
  leadEvents,
  messageEvents,
} from '../event-families.js';

/** Contains the job as `evolveJob` folds it. */
export interface JobRow {
  readonly org: string;
  readonly job: BulkJob;
}

/** The results of a block of items. */
export interface BlockRow {
  readonly bulk: string;
  readonly block: number;
  /** Results of the check before an all-or-nothing job; null if there was none, or once the items have been executed. */
  readonly checked: readonly BulkResult[] | null;
  /** Null until the items have been executed. */
  readonly done: readonly BulkResult[] | null;
}

export const bulkKey = (org: string, bulkId: string): string => `${org}/${bulkId}`;

/** BulkTargeted contains only lead ids. The job begins with BulkRequested. */
type JobFoldEvent = RecordedEvent<Exclude<Parameters<typeof evolveJob>[1]['type'], 'BulkTargeted'>>;

const foldJob: EventHandler<JobRow, JobFoldEvent> = {
  key: ({ org, data }) => bulkKey(org, data.bulkId),
  apply: (row, event) => {
    const job = evolveJob(row?.job, event);
    return job && { org: event.org, job };
  },
};

const jobs = defineTable<JobRow, JobFoldEvent['type']>()({
  on: {
    BulkRequested: foldJob,
    BulkItemsChecked: foldJob,
    BulkItemsDone: foldJob,
    BulkRetried: foldJob,
    BulkCancelled: foldJob,
    BulkCompleted: foldJob,
    BulkFailed: foldJob,
  },
  columns: {
    open: ({ job }) => (isOpen(job) ? 1 : 0),
    requestedAt: ({ job }) => job.requestedAt,
  },
  indexes: [{ prefix: ['open'], sort: 'requestedAt', where: { open: 1 } }],
});

type BlockEvent = RecordedEvent<'BulkItemsChecked' | 'BulkItemsDone'>;

const blockKey = ({ org, data }: BlockEvent): string => `${bulkKey(org, data.bulkId)}/${data.block}`;

const emptyBlock = ({ org, data }: BlockEvent): BlockRow => ({
  bulk: bulkKey(org, data.bulkId),
  block: data.block,
  checked: null,
  done: null,
});

const results = defineTable<BlockRow>()({
  on: {
    BulkItemsChecked: {
      key: blockKey,
      apply: (row, event) => ({ ...(row ?? emptyBlock(event)), checked: event.data.results }),
    },
    BulkItemsDone: {
      key: blockKey,
      apply: (row, event) => {
        const block = row ?? emptyBlock(event);
        // The result of a retried item replaces its earlier result.
        const newResults = new Map(event.data.results.map((result) => [result.index, result]));
        const done = block.done?.map((result) => newResults.get(result.index) ?? result) ?? event.data.results;
        return { ...block, checked: null, done };
      },
    },
  },
  columns: { bulk: (row) => row.bulk, block: (row) => row.block },
  indexes: [{ prefix: ['bulk'], sort: 'block' }],
});

export const bulkJobsView = defineView({
  name: 'bulk-jobs',
  version: 1,
  tables: { jobs, results },
  ignores: [
    'BulkTargeted',
    ...contactEvents,
    ...leadEvents,
    ...agentEvents,
    ...broadcastEvents,
    ...messageEvents,
    ...exportEvents,
  ],
});
