import * as json from '#http/json-schema';
import { batchResults } from '#http/resources/batch.schema';
import { broadcastRef } from '#http/resources/broadcast.schema';
import { commandFields, position } from './command.responses.js';

export const broadcastResponse = json.component(
  'BroadcastAnswer',
  json.object({ broadcast: broadcastRef, ...commandFields }),
);

export const batchResponse = json.component(
  'BatchAnswer',
  json.object({
    results: json.described(batchResults, 'Result of each item, in the order of the request.'),
    position,
  }),
);
