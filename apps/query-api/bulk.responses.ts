import type { BulkJobResource } from '#resources/bulk.resource';
import * as json from '#http/json-schema';
import { bulkJobFields } from '#http/resources/bulk.schema';

export const bulkJobRef = json.component('BulkJob', json.object<BulkJobResource>(bulkJobFields));
