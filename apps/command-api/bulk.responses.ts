import * as json from '#http/json-schema';
import { bulkJobFields, bulkOutcomeFields } from '#http/resources/bulk.schema';
import { position } from './command.responses.js';

export const bulkResponse = json.component('BulkAnswer', json.object({ ...bulkOutcomeFields, position }));

export const bulkJobResponse = json.component(
  'BulkJobAnswer',
  json.object({
    bulkId: json.string('Unique identifier of the bulk job, the same as `id`.'),
    ...bulkJobFields,
    changed: json.boolean('Whether the command changed anything.'),
    position,
  }),
);
