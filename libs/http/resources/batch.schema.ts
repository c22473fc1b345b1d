import * as json from '../json-schema.js';

export const batchResults = json.array({
  oneOf: [
    json.object({
      index: json.count('Index of the item in the request, from 0.'),
      outcome: json.enumOf(['recorded', 'duplicate'], '`duplicate` if the item had been recorded before.'),
    }),
    json.object({
      index: json.count('Index of the item in the request, from 0.'),
      outcome: json.constant('invalid'),
      code: json.string('Machine-readable reason.'),
      detail: json.string('Human-readable reason.'),
    }),
  ],
});
